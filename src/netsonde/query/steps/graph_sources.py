# SPDX-License-Identifier: Apache-2.0
"""`G`, `V` and `E`: from the graph to its nodes and edges."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.model.elements import Edge, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.filters import EXISTS, Condition, Filter, combine
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call

_INDEXED_FIELDS: Final = frozenset({"", "id", "host", "origin", "parent", "child"})


@dataclass(frozen=True, slots=True)
class Back(Operation):
    """Return to the graph of the context."""

    def apply(self, rows: Rows, context: Context) -> Rows:
        return ()


@dataclass(frozen=True, slots=True)
class Elements(Operation):
    """All nodes or edges, or those of one id; nothing when there is no such id."""

    kind: Kind
    id: str | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        graph = context.graph
        if self.kind is Kind.NODES:
            found: Iterable[Node] | Iterable[Edge] = graph.nodes() if self.id is None else graph.revisions(self.id)
        else:
            found = graph.edges() if self.id is None else graph.edge_revisions(self.id)
        return context.collected(cast("Iterable[Node | Edge]", found))


@dataclass(frozen=True, slots=True)
class IndexedElements(Operation):
    """All nodes or edges that pass a filter, looked up in an index of one of its keys."""

    kind: Kind
    by: Condition
    """Its index holds exactly what passes this condition."""
    filter: Filter

    def apply(self, rows: Rows, context: Context) -> Rows:
        found = context.collected(_candidates(self.kind, self.by, context))
        others = [condition for condition in self.filter.conditions if condition is not self.by]
        return context.sieved(found, combine(others).sieve) if others else found

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return ((self.kind, self.filter),)


def index_for(chosen: Filter) -> Condition | None:
    """Return the condition of a filter whose index holds everything that can pass, None when there is none.

    Equality is preferred to presence. Times and revisions change with every event: an index of them costs more than
    it gives.
    """
    if chosen.any_of and len(chosen.conditions) > 1:
        return None
    usable = [condition for condition in chosen.conditions if condition.path.field in _INDEXED_FIELDS]
    by_value = [condition for condition in usable if condition.predicate.lookups is not None]
    present = [condition for condition in usable if condition.predicate is EXISTS and not condition.path.field]
    return next(iter([*by_value, *present]), None)


def select(kind: Kind, chosen: Filter, context: Context) -> Sequence[Node | Edge]:
    """Return the elements of the whole graph that pass a filter."""
    by = index_for(chosen)
    if by is None:
        rows = Elements(kind, None).apply((), context)
        return cast("Sequence[Node | Edge]", context.sieved(rows, chosen.sieve))
    return cast("Sequence[Node | Edge]", IndexedElements(kind, by, chosen).apply((), context))


def _candidates(kind: Kind, by: Condition, context: Context) -> Iterable[Node | Edge]:
    path, lookups = by.path.text, by.predicate.lookups
    graph = context.graph
    if lookups is None:
        return graph.nodes_having(path) if kind is Kind.NODES else graph.edges_having(path)
    with_value = graph.nodes_with if kind is Kind.NODES else graph.edges_with
    groups = [cast("Collection[Node | Edge]", with_value(path, value)) for value in lookups]
    groups = [group for group in groups if group]
    if len(groups) <= 1:
        return groups[0] if groups else ()
    # An element whose list holds several of the values is in several groups.
    return {(found.id, found.revision, found.updated_at): found for group in groups for found in group}.values()


def build_g(call: Call, building: Building) -> Operation:
    """Return to the graph that the query is looking at: `G.V().G.E()`."""
    arguments.none(call)
    return Back()


def build_v(call: Call, building: Building) -> Operation:
    """All nodes, or the node with an id: `G.V('br0')`; nothing when there is none."""
    return Elements(Kind.NODES, _id(call))


def build_e(call: Call, building: Building) -> Operation:
    """All edges, or the edge with an id: `G.E('l5')`; nothing when there is none."""
    return Elements(Kind.EDGES, _id(call))


def _id(call: Call) -> str | None:
    found = arguments.at_most(call, 1, "at most one id")
    return arguments.text_of(found[0], "an id in quotes") if found else None
