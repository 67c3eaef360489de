# SPDX-License-Identifier: Apache-2.0
"""One state out of many reports, and why."""

from typing import Any

import msgspec
import pytest

from netsonde.captures.status import aggregate, is_state_change, keeps_since
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureStatus, NodeCaptureState, NodeStatus

CAPTURE = Capture(uuid="c1", gremlin_query="G.V()")


def node(name: str, state: NodeCaptureState, reason: str = "", host: str = "h1") -> NodeStatus:
    return NodeStatus(name, f"tid-{name}", name, host, state, reason)


def report(*nodes: NodeStatus, host: str = "h1", reason: str = "") -> AgentCaptureStatus:
    return AgentCaptureStatus("c1", host, len(nodes), len(nodes), list(nodes), 0, reason)


def status(*reports: AgentCaptureStatus, capture: Capture = CAPTURE, **more: Any) -> CaptureStatus:
    arguments: dict[str, Any] = {"matching": 0, "capturable": 0, "problem": "", "is_present": lambda host: True}
    return aggregate(capture, reports, **{**arguments, **more}, now_ms=1000)


@pytest.mark.parametrize(
    ("matching", "reason"),
    [
        (0, "no node matches"),
        (1, "1 node matches, but it has no interface"),
        (3, "3 nodes match, none has an interface"),
    ],
)
def test_a_waiting_capture_says_what_it_waits_for(matching: int, reason: str) -> None:
    found = status(report(), matching=matching)
    assert (found.state, found.reason, found.matching) == ("waiting", reason, matching)


@pytest.mark.parametrize(
    ("states", "state", "reason"),
    [
        (["active", "active"], "active", ""),
        (["starting"], "starting", ""),
        (["active", "starting"], "active", "1 more starting"),
        (["active", "failed"], "partial", "1 of 2 failed: no permission"),
        (["failed", "failed"], "failed", "no permission"),
        (["finished", "finished"], "finished", "no permission"),
        (["finished", "active"], "active", ""),
    ],
)
def test_states_of_nodes_make_one_state(states: list[NodeCaptureState], state: str, reason: str) -> None:
    reasons = {"failed": "no permission", "finished": "no permission"}
    nodes = [node(f"n{number}", each, reasons.get(each, "")) for number, each in enumerate(states)]
    found = status(report(*nodes))
    assert (found.state, found.reason) == (state, reason)
    assert (found.active, found.failed) == (states.count("active"), states.count("failed"))


def test_nodes_of_all_hosts_are_listed() -> None:
    found = status(report(node("a", "active")), report(node("b", "active", host="h2"), host="h2"))
    assert ([each.host for each in found.nodes], found.active, found.capturable) == (["h1", "h2"], 2, 2)


def test_an_interface_whose_agent_has_not_reported_yet_is_starting() -> None:
    found = status(matching=2, capturable=2)
    assert (found.state, found.reason) == ("starting", "2 of 2 starting")


def test_nodes_of_a_host_that_is_away_have_failed() -> None:
    found = status(report(node("a", "active")), is_present=lambda host: False)
    assert (found.state, found.reason) == ("failed", "the agent of h1 is away")


def test_a_paused_or_expired_capture_says_so() -> None:
    paused = msgspec.structs.replace(CAPTURE, paused=True)
    assert status(report(), capture=paused).state == "paused"
    expired = msgspec.structs.replace(CAPTURE, expires_at=5)
    assert status(report(node("a", "active")), capture=expired).state == "finished"


def test_what_an_agent_cannot_do_is_the_reason() -> None:
    found = status(report(reason="no engine"))
    assert (found.state, found.reason) == ("failed", "h1: no engine")
    assert status(problem="too much").reason == "too much"


def test_a_capture_that_can_start_on_one_host_only_waits_and_says_where_it_cannot() -> None:
    helpless = report(host="h2", reason="this agent cannot capture: it lacks CAP_NET_RAW")
    found = status(report(), helpless)
    assert (found.state, found.reason) == (
        "waiting",
        "no node matches; it could not start on h2: this agent cannot capture: it lacks CAP_NET_RAW",
    )
    assert status(helpless).state == "failed"
    # An agent that is away does not keep it waiting.
    assert status(report(), helpless, is_present=lambda host: host == "h2").state == "failed"
    assert status(report(node("a", "active")), helpless).reason == "h2: this agent cannot capture: it lacks CAP_NET_RAW"


def test_since_stays_while_the_state_does() -> None:
    first = msgspec.structs.replace(status(report()), since=7)
    assert keeps_since(status(report()), first).since == 7
    assert keeps_since(status(report(node("a", "active"))), first).since == 1000


def test_counters_are_no_change_of_state() -> None:
    one = status(report(node("a", "active")))
    counted = msgspec.structs.replace(one.nodes[0], packets_received=9, streams_refused=2)
    assert not is_state_change(one, msgspec.structs.replace(one, nodes=[counted]))
    assert is_state_change(one, status(report(node("a", "failed"))))
    assert is_state_change(None, one)


def test_a_capture_waits_only_when_every_agent_that_is_there_watches_for_it() -> None:
    unconfirmed = status(unheard=["h2", "h1"])
    assert (unconfirmed.state, unconfirmed.reason) == ("starting", "not confirmed yet by h1, h2")
    assert status(report()).state == "waiting"
