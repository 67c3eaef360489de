# SPDX-License-Identifier: Apache-2.0
"""Where flows lie, as rows for the table that tells."""

import pyarrow as pa
import pytest

from netsonde.history.flow_conditions import flow_sql
from netsonde.history.places import places
from netsonde.model.flows import FlowTest

HOUR_NS = 3_600_000_000_000


def test_place_is_half_of_the_tracking_id_with_the_hour_of_the_start_and_the_layers() -> None:
    batch = pa.record_batch(
        {
            "tracking_id": pa.array([2**64 - 1, 7, 5 << 32], pa.uint64()),
            "start_ns": pa.array([3 * HOUR_NS - 1, 3 * HOUR_NS, 1 - HOUR_NS], pa.int64()),
            "layers_path": ["Ethernet", "", "Ethernet/IPv4"],
        }
    )

    assert places(batch).to_pylist() == [
        {"place": 2**32 - 1, "hour": 2, "layers_path": "Ethernet"},
        {"place": 0, "hour": 3, "layers_path": ""},
        {"place": 5, "hour": 0, "layers_path": "Ethernet/IPv4"},
    ]


def test_columns_that_a_sender_does_not_know_are_as_they_are_stored() -> None:
    batch = pa.record_batch({"uuid": pa.array([1, 2], pa.uint64())})

    assert places(batch).to_pylist() == [{"place": 0, "hour": 0, "layers_path": ""}] * 2


@pytest.mark.parametrize(
    ("clause", "tracked"),
    [
        ([FlowTest("tracking_id", "in", [5 << 32, 6 << 32 | 9])], [{5 << 32, 6 << 32 | 9}]),
        ([FlowTest("tracking_id", "in", [5]), FlowTest("tracking_id", "in", [6])], [{5, 6}]),
        ([FlowTest("tracking_id", "in", [5]), FlowTest("network_a", "in", ["10.0.0.1"])], []),
        ([FlowTest("tracking_id", "not_in", [5])], []),
        ([FlowTest("tracking_id", "in", [-1, 1 << 64, "5"])], []),
        ([FlowTest("uuid", "in", [5])], []),
    ],
)
def test_flows_are_looked_for_where_they_lie_when_only_their_tracking_ids_are_asked_for(
    clause: list[FlowTest], tracked: list[set[int]]
) -> None:
    assert flow_sql([clause]).tracked == tracked


def test_each_clause_of_tracking_ids_has_places_of_its_own() -> None:
    clauses = [[FlowTest("tracking_id", "in", [5, 6])], [FlowTest("tracking_id", "in", [6])]]

    assert flow_sql(clauses).tracked == [{5, 6}, {6}]
