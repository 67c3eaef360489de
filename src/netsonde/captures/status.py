# SPDX-License-Identifier: Apache-2.0
"""The status of a capture over all hosts, out of what their agents report: one state, and why."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from netsonde.captures.definitions import is_expired
from netsonde.model.captures import (
    AgentCaptureStatus,
    Capture,
    CaptureState,
    CaptureStatus,
    NodeCaptureState,
    NodeStatus,
)

_MOST_NAMED = 5


def aggregate(
    capture: Capture,
    reports: Iterable[AgentCaptureStatus],
    *,
    matching: int,
    capturable: int,
    problem: str,
    is_present: Callable[[str], bool],
    unheard: Sequence[str] = (),
    now_ms: int,
) -> CaptureStatus:
    """Return the status of a capture; `since` is now, the caller keeps the earlier one while the state lasts.

    `matching` and `capturable` are counted on the merged graph, which may be ahead of the agents' reports, or behind.
    `problem` says why the query cannot be evaluated there. Nodes of a host that is away have failed. `unheard` are the
    hosts whose agent is there and has not confirmed the capture yet: until it has, a new interface might be missed.
    """
    reports = list(reports)
    nodes = [node for report in reports for node in _of_host(report, is_present(report.host))]
    matching = max(matching, len(nodes), sum(r.matching for r in reports if is_present(r.host)))
    capturable = max(capturable, len(nodes))
    troubled = [f"{r.host}: {r.reason}" for r in reports if r.reason and is_present(r.host)]
    found = next(filter(None, [problem, *troubled]), "")
    # While another agent can start it, it waits for what may appear there.
    is_hopeless = bool(problem) or len(troubled) == sum(is_present(r.host) for r in reports)
    state, reason = _state(capture, nodes, matching, capturable, found, now_ms, is_hopeless=is_hopeless)
    if state == "waiting" and unheard:
        state, reason = "starting", f"not confirmed yet by {', '.join(sorted(unheard)[:_MOST_NAMED])}"
    return CaptureStatus(
        state=state,
        since=now_ms,
        reason=reason,
        matching=matching,
        capturable=capturable,
        active=_count(nodes, "active"),
        failed=_count(nodes, "failed"),
        nodes=nodes,
    )


def keeps_since(status: CaptureStatus, before: CaptureStatus | None) -> CaptureStatus:
    """Return the status with the time at which its state began."""
    if before is None or before.state != status.state:
        return status
    return msgspec.structs.replace(status, since=before.since)


def is_state_change(one: CaptureStatus | None, other: CaptureStatus) -> bool:
    """Tell whether more than counters differ, so that it has to be told at once."""
    return one is None or _without_counters(one) != _without_counters(other)


def nothing_to_capture(matching: int) -> str:
    """Say why nothing is captured when so many nodes match and none of them has a device."""
    if matching == 0:
        return "no node matches"
    if matching == 1:
        return "1 node matches, but it has no interface"
    return f"{matching} nodes match, none has an interface"


def _of_host(report: AgentCaptureStatus, is_present: bool) -> Sequence[NodeStatus]:
    if is_present:
        return report.nodes
    reason = f"the agent of {report.host} is away"
    return [msgspec.structs.replace(node, state="failed", reason=reason) for node in report.nodes]


def _state(
    capture: Capture,
    nodes: Sequence[NodeStatus],
    matching: int,
    capturable: int,
    problem: str,
    now_ms: int,
    *,
    is_hopeless: bool,
) -> tuple[CaptureState, str]:
    if is_expired(capture, now_ms):
        return "finished", "its time to live is over"
    if capture.paused:
        return "paused", "paused by a user"
    if not nodes and problem and is_hopeless:
        return "failed", problem
    if capturable == 0:
        waits = nothing_to_capture(matching)
        return "waiting", f"{waits}; it could not start on {problem}" if problem else waits
    return _state_of_nodes(nodes, capturable, problem)


def _state_of_nodes(nodes: Sequence[NodeStatus], capturable: int, problem: str) -> tuple[CaptureState, str]:
    active, failed = _count(nodes, "active"), _count(nodes, "failed")
    finished, pending = _count(nodes, "finished"), capturable - len(nodes) + _count(nodes, "starting")
    why = problem or next((node.reason for node in nodes if node.state == "failed"), "")
    if failed and (active or finished or pending):
        return "partial", f"{failed} of {capturable} failed: {why}"
    if failed:
        return "failed", why
    if active:
        return "active", f"{pending} more starting" if pending else problem
    if pending:
        return "starting", f"{pending} of {capturable} starting" if capturable > 1 else ""
    return "finished", next((node.reason for node in nodes if node.state == "finished"), "")


def _count(nodes: Iterable[NodeStatus], state: NodeCaptureState) -> int:
    return sum(node.state == state for node in nodes)


_NO_COUNTERS: Final = {
    "packets_received": 0,
    "packets_dropped": 0,
    "bytes_received": 0,
    "packets_not_kept": 0,
    "flows_evicted": 0,
    "streams_refused": 0,
    "fragments_lost": 0,
    "source_lost": 0,
    "source_refused": 0,
    "sinks": [],
}


def _without_counters(status: CaptureStatus) -> CaptureStatus:
    nodes = [msgspec.structs.replace(node, **_NO_COUNTERS) for node in status.nodes]
    return msgspec.structs.replace(status, nodes=nodes)
