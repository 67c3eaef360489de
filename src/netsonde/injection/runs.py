# SPDX-License-Identifier: Apache-2.0
"""One injection under way, as its analyzer sees it: a call of each agent, and the account that comes of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

import msgspec

from netsonde.aio import spawn
from netsonde.errors import SourceLost, UserError
from netsonde.model.injections import (
    ENDED,
    InjectionState,
    InjectionStatus,
    InjectProgress,
    InjectRequest,
    NodeInjection,
    ProbeResult,
    Totals,
)

CallAgent = Callable[[str, bytes], AsyncGenerator[bytes, None]]
"""Calls `inject` of a host's agent; raises SourceLost when it falls silent, UserError when it refuses."""

KEPT_RESULTS = 100
"""Results of each interface that stay in its status, as long as there are few interfaces."""
_KEPT_TOGETHER = 800
"""Of all interfaces: a status is one message, and written every second."""


class Run:
    """The interfaces of one injection. `changed` is called at each change, with the results that came."""

    def __init__(
        self,
        requests: Sequence[tuple[str, str, InjectRequest]],
        call_agent: CallAgent,
        changed: Callable[[Sequence[ProbeResult]], None],
    ) -> None:
        self._requests = requests
        self._call_agent = call_agent
        self._changed = changed
        self._kept = min(KEPT_RESULTS, _KEPT_TOGETHER // max(1, len(requests)))
        self.nodes = [
            NodeInjection(request.node_id, name, host, request.source, request.target)
            for host, name, request in requests
        ]

    async def run(self) -> None:
        """Run all interfaces at once until the last one has ended; cancelled, the agents stop."""
        async with asyncio.TaskGroup() as group:
            for place, (host, name, request) in enumerate(self._requests):
                spawn(group, self._follow(place, host, request), f"inject.{name}@{host}")

    async def _follow(self, place: int, host: str, request: InjectRequest) -> None:
        try:
            async with aclosing(self._call_agent(host, msgspec.json.encode(request))) as items:
                async for item in items:
                    self._take(place, msgspec.json.decode(item, type=InjectProgress))
            if self.nodes[place].state not in ENDED:
                self._end(place, "interrupted", f"the agent of {host} ended the run")
        except SourceLost as lost:
            sent = self.nodes[place].totals.sent
            wanted = request.injection.count or "all"
            self._end(place, "interrupted", f"the agent of {host} was lost after {sent} of {wanted} packets: {lost}")
        except UserError as refused:
            self._end(place, "failed", refused.message)
        except msgspec.MsgspecError as bad:
            self._end(place, "interrupted", f"the agent of {host} answers in another version: {bad}")

    def _take(self, place: int, progress: InjectProgress) -> None:
        node = self.nodes[place]
        self.nodes[place] = msgspec.structs.replace(
            node,
            state=progress.state,
            reason=progress.reason,
            totals=progress.totals,
            results=[*node.results, *progress.results][-self._kept :],
        )
        self._changed(progress.results)

    def _end(self, place: int, state: InjectionState, reason: str) -> None:
        self.nodes[place] = msgspec.structs.replace(self.nodes[place], state=state, reason=reason)
        self._changed(())


def stopped(nodes: Sequence[NodeInjection], state: InjectionState, reason: str) -> list[NodeInjection]:
    """Return interfaces with an end for those that had none."""
    return [
        node if node.state in ENDED else msgspec.structs.replace(node, state=state, reason=reason) for node in nodes
    ]


def status_of(
    owner: str, nodes: Sequence[NodeInjection], *, since: int, at: int, before: InjectionState
) -> InjectionStatus:
    """Return the status of all interfaces together; `since` holds while the state is the one `before`."""
    state = _state(nodes)
    return InjectionStatus(
        owner=owner,
        state=state,
        since=since if state == before else at,
        at=at,
        reason=next((f"{node.name}@{node.host}: {node.reason}" for node in nodes if node.reason), ""),
        totals=together([node.totals for node in nodes]),
        nodes=list(nodes),
    )


def is_news(known: InjectionStatus | None, status: InjectionStatus) -> bool:
    """Tell whether a status is a later one than what is known; within a millisecond the end is the later one."""
    if known is None or known == status:
        return known is None
    return (status.at, status.state in ENDED) >= (known.at, known.state in ENDED)


def _state(nodes: Sequence[NodeInjection]) -> InjectionState:
    states = {node.state for node in nodes}
    # The worst of the ends tells, but only when nothing goes on.
    order: tuple[InjectionState, ...] = ("running", "starting", "interrupted", "failed", "stopped", "finished")
    if "starting" in states and states & ENDED:
        return "running"
    return next((state for state in order if state in states), "finished")


def together(parts: Sequence[Totals]) -> Totals:
    """Return the account of several interfaces; the mean RTT is that of all answers, the deviation the greatest."""
    answered = [part for part in parts if part.received]
    received = sum(part.received for part in parts)
    sums = {
        name: sum(getattr(part, name) for part in parts)
        for name in ("sent", "octets", "refused", "lost", "repeated", "failed", "late", "results_dropped")
    }
    return Totals(
        received=received,
        rtt_min=min((part.rtt_min for part in answered), default=0),
        rtt_max=max((part.rtt_max for part in answered), default=0),
        rtt_mean=sum(part.rtt_mean * part.received for part in answered) // max(1, received),
        rtt_deviation=max((part.rtt_deviation for part in answered), default=0),
        **sums,
    )
