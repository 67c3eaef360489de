# SPDX-License-Identifier: Apache-2.0
"""Answers of many agents made into one."""

from netsonde.analyzer.flows import latest
from netsonde.model.elements import Json


def _flow(uuid: str, last: int) -> dict[str, Json]:
    return {"UUID": uuid, "Last": last}


def test_flows_of_many_agents_come_the_latest_first_and_equal_ones_as_they_came() -> None:
    flows = [_flow("a", 1), _flow("b", 3), _flow("c", 1), _flow("d", 2)]

    answer = latest(flows, 3, ["h7"])

    assert [flow["UUID"] for flow in answer.flows] == ["b", "d", "a"]
    assert answer.truncated
    assert answer.missing_hosts == ["h7"]
    assert not latest(flows, 4, []).truncated
