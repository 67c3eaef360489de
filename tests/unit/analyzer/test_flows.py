# SPDX-License-Identifier: Apache-2.0
"""Flows for the API: how far back they are looked for; answers of many agents made into one."""

import time

import pytest

from netsonde.analyzer import flows
from netsonde.analyzer.flows import FlowService, latest
from netsonde.model.elements import Json
from netsonde.model.flows import FlowAnswer, FlowRequest


class Live:
    async def flows(self, request: FlowRequest) -> FlowAnswer:
        return FlowAnswer([])


class History:
    """Remembers from when on it was asked."""

    def __init__(self) -> None:
        self.start_ms = -1

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer:
        self.start_ms = start_ms
        return FlowAnswer([])


async def start_of(request: FlowRequest) -> int:
    history = History()
    await FlowService(Live(), history).flows(request)  # type: ignore[arg-type]
    return history.start_ms


async def test_flows_of_an_imported_file_are_found_however_old_its_packets_are() -> None:
    assert await start_of(FlowRequest(capture_ids=["pcap-1", "pcap-2"])) == 0


@pytest.mark.parametrize("captures", [None, ["c"], ["pcap-1", "c"]])
async def test_flows_of_live_captures_are_looked_for_in_the_last_hour(captures: list[str] | None) -> None:
    hour_ago = time.time_ns() // 1_000_000 - flows.RECENT_MS
    assert hour_ago <= await start_of(FlowRequest(capture_ids=captures)) <= hour_ago + 5000


def _flow(uuid: str, last: int) -> dict[str, Json]:
    return {"UUID": uuid, "Last": last}


def test_flows_of_many_agents_come_the_latest_first_and_equal_ones_as_they_came() -> None:
    found = [_flow("a", 1), _flow("b", 3), _flow("c", 1), _flow("d", 2)]

    answer = latest(found, 3, ["h7"])

    assert [flow["UUID"] for flow in answer.flows] == ["b", "d", "a"]
    assert answer.truncated
    assert answer.missing_hosts == ["h7"]
    assert not latest(found, 4, []).truncated
