# SPDX-License-Identifier: Apache-2.0
"""Rows of flows on their way into the table and out of it again."""

import pyarrow as pa

from history_rows import flow, flows
from netsonde.history.batches import join, to_block, to_schema
from netsonde.history.community import community_id
from netsonde.history.derived import FLOWS


def stored(*rows: dict[str, object]) -> tuple[pa.RecordBatch, pa.Table]:
    """Return rows as they come, and as they are stored, with text as the database gives it."""
    (batch,) = pa.ipc.open_stream(flows(*rows))
    table = pa.Table.from_batches([FLOWS.stored(batch)])
    binary = [
        column.cast(pa.binary()) if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type) else column
        for column in (table[name].combine_chunks() for name in FLOWS.stored_names)
    ]
    return batch, pa.table(binary, names=FLOWS.stored_names)


def test_rows_come_back_as_they_were() -> None:
    ends = {"network_protocol": "IPV4", "transport_protocol": "TCP", "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="}
    there = {"network_a": "66.35.250.204", "network_b": "128.232.110.120", "transport_a": 80, "transport_b": 34855}
    kept = {"icmp_type": "ECHO", "community_id": "1:kept"}
    batch, table = stored(
        flow(1, 1000, 2000, **ends, **there, ab_bytes=2**63 + 5, lu_ab_bytes=7, tcp_ab_syn_ns=5),
        flow(2, 1000, 2000, **kept, ab_bytes=9, lu_ba_bytes=2**64 - 1),
    )

    assert to_schema(FLOWS.served(table), FLOWS.schema).to_pylist() == batch.to_pylist()


def test_columns_of_zeros_are_left_to_the_engine() -> None:
    joined = join([flows(flow(1, 1000, 2000, host="h")), flows(flow(2, 1000, 2000))], FLOWS.schema)
    assert joined.batch is not None
    columns = set(to_block(FLOWS.stored(joined.batch)).columns)

    assert {"uuid", "start_ns", "host"} <= columns
    assert not {"dns", "link_id", "capture_id", "lu_ab_bytes"} & columns
    assert joined.rows == 2


def test_community_id_is_the_same_in_both_directions_and_takes_what_is_no_address() -> None:
    one, other = (b"fe80::1", 5353), (b"ff02::fb", 53)

    assert community_id(b"UDP", one, other) == community_id(b"UDP", other, one)
    assert community_id(b"UDP", (b"\xff", 1), (b"nowhere", 2)).startswith(b"1:")
