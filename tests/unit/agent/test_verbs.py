# SPDX-License-Identifier: Apache-2.0
"""What an agent asks of its native core when an analyzer asks for flows."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from netsonde.agent.verbs import flow_handler, packet_handler
from netsonde.errors import UserError
from netsonde.model.flows import FlowRequest, FlowTest, PacketRequest


class Core:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    def snapshot_flows(
        self,
        node_tids: list[str] | None = None,
        capture_ids: list[str] | None = None,
        tests: Any = (),
        limit: int | None = None,
    ) -> list[bytes]:
        self.asked.append({"node_tids": node_tids, "capture_ids": capture_ids, "tests": tests, "limit": limit})
        if tests and tests[0][0][0] == "nope":
            raise ValueError("no column nope")
        return [b"flows"]

    def packets(self, capture_id: str, *asked: Any) -> list[bytes]:
        self.asked.append({"capture_id": capture_id, "flow_uuids": asked[1]})
        return [b"packets"]


async def _flows(core: Core, request: FlowRequest) -> list[bytes]:
    return [batch async for batch in flow_handler(core)(msgspec.json.encode(request))]


async def test_conditions_of_a_query_reach_the_core() -> None:
    core = Core()
    where = [[FlowTest("transport_b", "range", [None, 80]), FlowTest("application", "in", ["DNS"])]]

    assert await _flows(core, FlowRequest(capture_ids=["c"], uuids=["f1", "zz"], where=where, limit=9)) == [b"flows"]
    assert core.asked == [
        {
            "node_tids": None,
            "capture_ids": ["c"],
            "tests": [
                [("transport_b", "range", [None, 80]), ("application", "in", ["DNS"])],
                [("uuid", "in", [0xF1])],
            ],
            "limit": 10,
        }
    ]


async def test_a_column_that_this_agent_does_not_know_is_told() -> None:
    with pytest.raises(UserError, match="no column nope"):
        await _flows(Core(), FlowRequest(where=[[FlowTest("nope", "in", [1])]]))


async def test_ids_that_are_none_match_no_packets() -> None:
    core = Core()
    request = msgspec.json.encode(PacketRequest(flow_uuids=["ab", "not hexadecimal", "-1"]))

    assert [batch async for batch in packet_handler(core, lambda: ["c"])(request)] == [b"packets"]
    assert core.asked == [{"capture_id": "c", "flow_uuids": [0xAB]}]
