# SPDX-License-Identifier: Apache-2.0
"""`Flows`: the flows that agents know of now, or that history remembers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.model.elements import Node
from netsonde.model.flows import FlowAnswer, FlowRequest
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.filters import Filter, pairs
from netsonde.query.kinds import Kind
from netsonde.query.rows import Nodes, Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.syntax import Call

_REQUESTED: Final = {"NodeTID": "node_tids", "CaptureID": "capture_ids", "UUID": "uuids"}
"""Fields by which a source can choose, and the part of the request that does it."""


@dataclass(frozen=True, slots=True)
class FetchFlows(Fetch):
    """Ask for all flows, or for those captured on the given nodes, and keep what passes the filter."""

    takes: Kind
    filter: Filter | None
    call: Call
    pushed: tuple[tuple[str, frozenset[str]], ...] = ()
    """Parts of the request that narrow it to what the filters after it would keep anyway."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        request = self._request(_tids(self.takes, rows), context.limits.flows)
        if request.node_tids == []:
            return ()
        answer = await self._ask(request, context)
        context.missing_hosts.update(answer.missing_hosts)
        context.truncated = context.truncated or answer.truncated
        flows = context.collected(answer.flows)
        return flows if self.filter is None else context.kept(flows, self.filter.test)

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((Kind.FLOWS, self.filter),)

    def keys(self) -> Iterable[str]:
        return () if self.takes is Kind.GRAPH else ("TID",)

    def _request(self, tids: list[str] | None, limit: int) -> FlowRequest:
        chosen: dict[str, list[str] | None] = {"node_tids": tids, "capture_ids": None, "uuids": None}
        for part, values in self.pushed:
            known = chosen[part]
            chosen[part] = sorted(values if known is None else values.intersection(known))
        return FlowRequest(
            node_tids=chosen["node_tids"],
            capture_ids=chosen["capture_ids"],
            uuids=chosen["uuids"],
            limit=limit,
        )

    async def _ask(self, request: FlowRequest, context: Context) -> FlowAnswer:
        sources, time = context.sources, context.slice
        if time is not None and sources.history is not None:
            return await sources.history.flows(request, time.start_ms, time.last_ms)
        if time is None and sources.flows is not None:
            return await sources.flows.flows(request)
        raise QueryError("there are no flows here", hint="ask an analyzer", span=self.call.span)


def _tids(kind: Kind, rows: Rows) -> list[str] | None:
    if kind is Kind.GRAPH:
        return None
    if kind is Kind.PATHS:
        nodes: Iterable[Node] = (node for path in cast("Sequence[Nodes]", rows) for node in path)
    else:
        nodes = cast("Sequence[Node]", rows)
    return sorted({tid for node in nodes if isinstance(tid := node.metadata.get("TID"), str)})


def pushed_down(chosen: Filter) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return what a filter right after the step lets the request ask for; the filter itself still runs."""
    if chosen.any_of and len(chosen.conditions) > 1:
        return ()
    found: list[tuple[str, frozenset[str]]] = []
    for condition in chosen.conditions:
        values = condition.predicate.lookups
        part = _REQUESTED.get(condition.key)
        if part is not None and values is not None and all(isinstance(value, str) for value in values):
            found.append((part, frozenset(cast("tuple[str, ...]", values))))
    return tuple(found)


def build_flows(call: Call, building: Building) -> Fetch:
    """All flows; after nodes or paths, those captured on them: `G.V().Has('Name', 'br0').Flows()`."""
    chosen = pairs(call, Kind.FLOWS) if call.arguments else None
    return FetchFlows(building.takes, chosen, call, pushed_down(chosen) if chosen is not None else ())
