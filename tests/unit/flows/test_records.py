# SPDX-License-Identifier: Apache-2.0
"""Reports become the reference's dicts; the last state of a flow wins."""

import pyarrow as pa
import pytest

from netsonde.errors import WireError
from netsonde.flows.records import FlowDict, flow_dicts, latest


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_missing_columns_read_as_empty() -> None:
    table = pa.table({"uuid": pa.array([0xABC], pa.uint64()), "ab_packets": pa.array([3], pa.uint64())})
    (flow,) = flow_dicts([stream(table)])
    assert flow["UUID"] == "abc"
    assert flow["Metric"] == {"ABPackets": 3, "ABBytes": 0, "BAPackets": 0, "BABytes": 0, "Start": 0, "Last": 0}
    assert flow["ParentUUID"] == ""
    assert "Link" not in flow


def test_text_may_come_as_large_strings_or_bytes() -> None:
    columns = {"host": pa.large_string(), "node_tid": pa.binary(), "capture_id": pa.string()}
    table = pa.table({name: pa.array(["x"], kind) for name, kind in columns.items()})
    (flow,) = flow_dicts([stream(table)])
    assert (flow["Host"], flow["NodeTID"], flow["CaptureID"]) == ("x", "x", "x")


def test_text_is_quoted_whatever_it_is() -> None:
    hostile = 'a"b\\c\n\u2028<script>'
    (flow,) = flow_dicts([stream(pa.table({"host": [hostile]}))])
    assert flow["Host"] == hostile


def test_several_streams_follow_each_other() -> None:
    one = stream(pa.table({"uuid": pa.array([1, 2], pa.uint64())}))
    assert [flow["UUID"] for flow in flow_dicts([one, one])] == ["1", "2", "1", "2"]


def test_bytes_that_are_no_stream_are_a_wire_error() -> None:
    with pytest.raises(WireError, match="no batch of flows"):
        flow_dicts([b"rubbish"])


def test_the_latest_state_of_each_flow_is_kept_in_order() -> None:
    flows: list[FlowDict] = [
        {"UUID": "a", "Last": 1},
        {"UUID": "b", "Last": 1},
        {"UUID": "a", "Last": 5},
        {"UUID": "b", "Last": 0},
    ]
    assert latest(flows) == [{"UUID": "a", "Last": 5}, {"UUID": "b", "Last": 1}]
