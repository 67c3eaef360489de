# SPDX-License-Identifier: Apache-2.0
"""`Flows`: the flows that agents know of now, or that history remembers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, TypeAlias, cast

from netsonde.model.elements import Node
from netsonde.model.flows import FlowAnswer, FlowRequest, FlowTest
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.filters import Filter, pairs
from netsonde.query.flow_fields import Flow
from netsonde.query.kinds import Kind
from netsonde.query.pushdown import pushed
from netsonde.query.rows import Nodes, Rows
from netsonde.query.steps._api import AnyStep, Building, Fetch
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.ordering import Slice, Sorted
from netsonde.query.syntax import Call

_Part: TypeAlias = Literal["node_tids", "capture_ids", "uuids"]
_REQUESTED: Final[Mapping[str, _Part]] = {
    "node_tid": "node_tids",
    "capture_id": "capture_ids",
    "uuid": "uuids",
}
"""Columns by which an agent finds the right tables, and the part of the request that names them."""

KEPT_MS: Final = 600_000
"""How long a flow that ended counts as present in the past, as it does in an agent's table (`flow.expire`)."""


@dataclass(frozen=True, slots=True)
class FetchFlows(Fetch):
    """Ask for all flows, or for those captured on the given nodes, and keep what passes the filter."""

    takes: Kind
    filter: Filter | None
    call: Call
    where: tuple[tuple[FlowTest, ...], ...] = ()
    """Tests that narrow the answer to what the filters after it would keep anyway."""
    most: int | None = None
    """Further flows than the first so many, the most recently active first, will not be looked at."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        request = self._request(_tids(self.takes, rows), context.limits.flows)
        if [] in (request.node_tids, request.capture_ids, request.uuids):
            return ()
        answer = await self._ask(request, context)
        context.missing_hosts.update(answer.missing_hosts)
        # Flows that the query itself leaves out are not missing.
        whole = self.most is not None and self.most <= context.limits.flows
        context.truncated = context.truncated or (answer.truncated and not whole)
        return await context.apart(partial(self._chosen, answer.flows, context))

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((Kind.FLOWS, self.filter),)

    def keys(self) -> Iterable[str]:
        return () if self.takes is Kind.GRAPH else ("TID",)

    def narrowed(self, following: Sequence[AnyStep]) -> "FetchFlows":
        """Return the step that asks for no more than the steps after it let through; they still run."""
        chosen = [] if self.filter is None else [self.filter]
        rest = list(following)
        for step in following:
            if not isinstance(step, Keep):
                break
            chosen.append(step.filter)
            rest.pop(0)
        found = [pushed(each) for each in chosen]
        where = tuple(tuple(clause) for each in found for clause in each.clauses)
        most = _most(rest) if all(each.exact for each in found) else None
        return replace(self, where=where, most=most)

    def _request(self, tids: list[str] | None, limit: int) -> FlowRequest:
        parts: dict[_Part, list[str] | None] = {"node_tids": tids, "capture_ids": None, "uuids": None}
        where: list[list[FlowTest]] = []
        for clause in self.where:
            part = _REQUESTED.get(clause[0].column) if len(clause) == 1 and clause[0].operator == "in" else None
            if part is None:
                where.append(list(clause))
            else:
                texts = {f"{value:x}" if isinstance(value, int) else str(value) for value in clause[0].values}
                known = parts[part]
                parts[part] = sorted(texts if known is None else texts.intersection(known))
        return FlowRequest(**parts, where=where, limit=limit if self.most is None else min(limit, self.most))

    def _chosen(self, flows: Sequence[Flow], context: Context) -> Rows:
        found = context.collected(flows)
        return found if self.filter is None else context.kept(found, self.filter.test)

    async def _ask(self, request: FlowRequest, context: Context) -> FlowAnswer:
        sources, time = context.sources, context.slice
        if time is not None and sources.history is not None:
            return await sources.history.flows(request, max(0, time.start_ms - KEPT_MS), time.last_ms)
        if time is None and sources.flows is not None:
            return await sources.flows.flows(request)
        raise QueryError("there are no flows here", hint="ask an analyzer", span=self.call.span)


def _most(following: Sequence[AnyStep]) -> int | None:
    """Return how many of the most recent flows the next steps look at, None when that may be all of them."""
    rest = list(following)
    if rest and isinstance(rest[0], Sorted) and rest[0].name == "Last" and rest[0].descending:
        rest.pop(0)
    return rest[0].end if rest and isinstance(rest[0], Slice) else None


def _tids(kind: Kind, rows: Rows) -> list[str] | None:
    if kind is Kind.GRAPH:
        return None
    if kind is Kind.PATHS:
        nodes: Iterable[Node] = (node for path in cast("Sequence[Nodes]", rows) for node in path)
    else:
        nodes = cast("Sequence[Node]", rows)
    return sorted({tid for node in nodes if isinstance(tid := node.metadata.get("TID"), str)})


def build_flows(call: Call, building: Building) -> Fetch:
    """All flows; after nodes or paths, those captured on them: `G.V().Has('Name', 'br0').Flows()`."""
    return FetchFlows(building.takes, pairs(call, Kind.FLOWS) if call.arguments else None, call)
