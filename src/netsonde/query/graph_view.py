# SPDX-License-Identifier: Apache-2.0
"""What a query that ends in `SubGraph` shows of the live graph, kept up to date by the graph's events.

`LevelMatcher` follows what is found; here its edges (or, of found edges, their ends) are followed too, and what became
different is told in an order in which no edge is ever without its ends. The cost of an event depends on what enters,
changes or leaves, and on the edges of the nodes that do, not on the size of the graph.

Events may come after the graph has gone further (a listener that writes makes that happen): an element is always
shown as it is now, and whatever differs from that has an event still to come.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from netsonde.graph.events import Event
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import ChangeKind
from netsonde.query.errors import LimitReached
from netsonde.query.filters import Filter
from netsonde.query.incremental import LevelMatcher
from netsonde.query.kinds import Kind
from netsonde.query.levels import Level
from netsonde.query.plan import Plan
from netsonde.query.standing import levels_of
from netsonde.query.steps.graph_sources import Back
from netsonde.query.steps.sub_graph import SubGraph

E = TypeVar("E", Node, Edge)

_MOST_SECONDS: Final = 5.0
"""Of computing, to fill a view."""
_CHUNK: Final = 1024
"""Elements of the first level between two pauses of filling: some ten milliseconds."""
_MOST_SUPPORTS: Final = 1_000_000
"""What a view may keep for its moves when it starts; about 300 bytes each."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One difference; `previous` is what was shown before, None for what is added."""

    kind: ChangeKind
    element: Element
    previous: Element | None


@dataclass(frozen=True, slots=True)
class ViewShape:
    """A query whose sub-graph can be followed."""

    plan: Plan
    levels: tuple[Level, ...]
    edge_filter: Filter | None
    """What edges between found nodes must pass."""

    @property
    def whole(self) -> bool:
        """Whether it shows the whole graph."""
        return self.levels == (Level(Kind.NODES),) and self.edge_filter is None


def compile_view(plan: Plan) -> ViewShape | None:
    """Return what to follow for a query that gives a graph; None when it has to be asked anew."""
    if all(isinstance(step.operation, Back) for step in plan.steps):
        return ViewShape(plan, (Level(Kind.NODES),), None)
    last = plan.steps[-1].operation
    if not isinstance(last, SubGraph):
        return None
    levels, _ = levels_of(plan.steps[:-1])
    if not levels:
        return None
    if levels[-1].kind is Kind.EDGES and last.filter is not None:
        levels = (*levels[:-1], levels[-1].with_filter(last.filter))
    return ViewShape(plan, levels, last.filter)


@dataclass(slots=True)
class Difference:
    """Deltas, to be told in an order in which no edge is without its ends."""

    edges_deleted: list[Delta] = field(default_factory=list)
    nodes_added: list[Delta] = field(default_factory=list)
    nodes_updated: list[Delta] = field(default_factory=list)
    edges_updated: list[Delta] = field(default_factory=list)
    edges_added: list[Delta] = field(default_factory=list)
    nodes_deleted: list[Delta] = field(default_factory=list)

    def ordered(self) -> list[Delta]:
        # An edge that was led elsewhere gets its new ends before, and loses its old ones after.
        return [
            *self.edges_deleted,
            *self.nodes_added,
            *self.nodes_updated,
            *self.edges_updated,
            *self.edges_added,
            *self.nodes_deleted,
        ]

    def note(self, before: Element | None, now: Element | None, gone: Mapping[str, Element]) -> None:
        """Add the difference between two states of one element; `gone` has the last words of what was deleted."""
        if now is None:
            if before is not None:
                self._deleted(before, gone.get(before.id, before))
        elif before is None:
            (self.edges_added if isinstance(now, Edge) else self.nodes_added).append(Delta("added", now, None))
        elif before is not now and before != now:
            into = self.edges_updated if isinstance(now, Edge) else self.nodes_updated
            into.append(Delta("updated", now, before))

    def _deleted(self, before: Element, last: Element) -> None:
        into = self.edges_deleted if isinstance(before, Edge) else self.nodes_deleted
        into.append(Delta("deleted", last, before))


class FollowedView:
    """Nodes and edges that a query shows now. Feed it all events from the turn of the loop on in which it is made."""

    def __init__(
        self, shape: ViewShape, graph: GraphReader, *, seconds: float = _MOST_SECONDS, supports: int = _MOST_SUPPORTS
    ) -> None:
        self._graph = graph
        self._plan = shape.plan
        self._seconds = seconds
        self._supports = supports
        self._edge_filter = shape.edge_filter
        self._of_edges = shape.levels[-1].kind is Kind.EDGES
        self._matcher = LevelMatcher(shape.levels, graph, filled=False)
        self._nodes: dict[str, Node] = {}
        self._edges: dict[str, Edge] = {}
        self._at: dict[str, set[str]] = {}
        """Shown edges of each node."""

    def fill(self) -> Iterator[None]:
        """Take in the graph as it is, with pauses in which events may be fed; what they give means nothing yet.

        Raises LimitReached when it takes more than the seconds of computing or the supports.
        """
        spent, began = 0.0, time.monotonic()
        for gained, lost in self._matcher.fill(_CHUNK):
            self._settle(_Named(), gained | lost, Difference())
            spent += time.monotonic() - began
            if spent > self._seconds or self._matcher.gifts > self._supports:
                raise LimitReached(
                    "the filter costs too much to be followed: it moves over too large a part of the graph",
                    hint="begin with Has() on a key that few nodes have",
                    text=self._plan.text,
                )
            yield
            began = time.monotonic()

    def elements(self) -> Iterator[Element]:
        """Yield what is shown, nodes first."""
        yield from self._nodes.values()
        yield from self._edges.values()

    def update(self, events: Sequence[Event]) -> list[Delta]:
        """Follow the events of one batch; return what became different, in an order that clients can apply."""
        gained, lost = self._matcher.update(events)
        if not gained and not lost and not any(map(self._touches, events)):
            return []
        named = _named(events)
        difference = Difference()
        self._settle(named, gained | lost, difference)
        return difference.ordered()

    def _touches(self, event: Event) -> bool:
        """Tell whether an event may matter that lets nothing begin or cease to be found."""
        element = event.element
        if not isinstance(element, Edge):
            return element.id in self._nodes or (not self._of_edges and element.id in self._matcher.matching)
        if element.id in self._edges or element.id in self._matcher.matching:
            return True
        return not self._of_edges and element.parent in self._nodes and element.child in self._nodes

    def _settle(self, named: "_Named", flipped: Iterable[str], difference: Difference) -> None:
        if self._of_edges:
            self._settle_edges_found(named, flipped, difference)
        else:
            self._settle_nodes_found(named, flipped, difference)

    def _settle_nodes_found(self, named: "_Named", flipped: Iterable[str], difference: Difference) -> None:
        members = self._matcher.matching
        edges = dict.fromkeys(named.edges)
        for id in dict.fromkeys((*named.nodes, *flipped)):
            if id not in members and id not in self._nodes:
                continue
            now = self._graph.node(id) if id in members else None
            if (now is None) is (id in self._nodes):
                edges.update(dict.fromkeys(self._edges_of(id)))
            self._show_node(id, now, named, difference)
        for id in edges:
            self._show_edge(id, self._edge_between(id), named, difference)

    def _settle_edges_found(self, named: "_Named", flipped: Iterable[str], difference: Difference) -> None:
        members = self._matcher.matching
        waiting = [*flipped, *named.edges]
        nodes: dict[str, None] = {}
        self._reach((id for id in named.nodes if id in self._nodes), nodes, waiting)
        while waiting:
            id = waiting.pop()
            now = self._graph.edge(id) if id in members else None
            for edge in (self._edges.get(id), now):
                if edge is not None:
                    self._reach((edge.parent, edge.child), nodes, waiting)
            self._show_edge(id, now, named, difference)
        for id in nodes:
            self._show_node(id, self._graph.node(id) if id in self._at else None, named, difference)

    def _reach(self, ends: Iterable[str], nodes: dict[str, None], waiting: list[str]) -> None:
        """Note nodes to be looked at; with one that is gone its shown edges go, whose events may come later."""
        for id in ends:
            if id not in nodes and self._graph.node(id) is None:
                waiting += self._at.get(id, ())
            nodes[id] = None

    def _edges_of(self, node_id: str) -> Iterator[str]:
        yield from self._at.get(node_id, ())
        for edge in (*self._graph.out_edges(node_id), *self._graph.in_edges(node_id)):
            yield edge.id

    def _edge_between(self, edge_id: str) -> Edge | None:
        edge = self._graph.edge(edge_id)
        if edge is None or edge.parent not in self._nodes or edge.child not in self._nodes:
            return None
        return edge if self._edge_filter is None or self._edge_filter.test(edge) else None

    def _show_node(self, id: str, now: Node | None, named: "_Named", difference: Difference) -> None:
        difference.note(_put(self._nodes, id, now), now, named.gone_nodes)

    def _show_edge(self, id: str, now: Edge | None, named: "_Named", difference: Difference) -> None:
        before = _put(self._edges, id, now)
        if before is not None:
            for end in (before.parent, before.child):
                self._leave(end, id)
        if now is not None:
            for end in (now.parent, now.child):
                self._at.setdefault(end, set()).add(id)
        difference.note(before, now, named.gone_edges)

    def _leave(self, end: str, edge_id: str) -> None:
        edges = self._at.get(end)
        if edges is not None:
            edges.discard(edge_id)
            if not edges:
                del self._at[end]


@dataclass(slots=True)
class _Named:
    """The ids in the events of one batch, and the last revisions of what was deleted."""

    nodes: dict[str, None] = field(default_factory=dict)
    edges: dict[str, None] = field(default_factory=dict)
    gone_nodes: dict[str, Element] = field(default_factory=dict)
    gone_edges: dict[str, Element] = field(default_factory=dict)


def _named(events: Iterable[Event]) -> _Named:
    named = _Named()
    for event in events:
        id = event.element.id
        (named.nodes if event.is_node else named.edges)[id] = None
        if event.kind == "deleted":
            (named.gone_nodes if event.is_node else named.gone_edges)[id] = event.element
    return named


def _put(known: dict[str, E], id: str, now: E | None) -> E | None:
    """Show an element, or hide it; return what was shown before."""
    if now is None:
        return known.pop(id, None)
    before = known.get(id)
    known[id] = now
    return before
