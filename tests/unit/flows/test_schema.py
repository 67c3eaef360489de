# SPDX-License-Identifier: Apache-2.0
"""The columns that Python explains are those that Rust writes, and those that the reference page lists."""

from pathlib import Path

import pyarrow as pa

from netsonde._native import empty_flow_batch, empty_packet_batch
from netsonde.flows.schema import FLOW_COLUMNS, FLOW_SCHEMA, PACKET_COLUMNS, PACKET_SCHEMA

PAGE = Path(__file__).parents[3] / "docs/reference/flow-record.md"


def test_flow_columns_are_those_of_the_native_core() -> None:
    assert pa.ipc.open_stream(empty_flow_batch()).schema.equals(FLOW_SCHEMA)


def test_packet_columns_are_those_of_the_native_core() -> None:
    assert pa.ipc.open_stream(empty_packet_batch()).schema.equals(PACKET_SCHEMA)


def test_every_column_is_in_the_reference_page() -> None:
    page = PAGE.read_text()
    for column in (*FLOW_COLUMNS, *PACKET_COLUMNS):
        assert f"| `{column.name}` | {column.kind} | {column.meaning} |" in page
