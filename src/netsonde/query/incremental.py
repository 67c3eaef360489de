# SPDX-License-Identifier: Apache-2.0
"""Follows the changes of a graph through the levels of a standing query.

Each level keeps its members and, for whatever the level before leads to, by which edges it does (its supports). A
change touches the elements in the events, and beyond them only what enters or leaves a level because of them: the
cost does not depend on the size of the graph.

Supports are sets, so an edge that is seen twice, in an event and in the graph as it already is, counts once; and what
an element gave is remembered, so it can be taken back after its edges have gone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netsonde.graph.events import Event, EventBatch
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge
from netsonde.query.context import Context
from netsonde.query.interest import Touches, ends_differ, paths_of
from netsonde.query.kinds import Kind
from netsonde.query.levels import Level
from netsonde.query.sources import Limits, Sources
from netsonde.query.steps.graph_sources import index_for, select


class LevelMatcher:
    """The ids in the last level, kept up to date."""

    def __init__(self, levels: Sequence[Level], graph: GraphReader, *, filled: bool = True) -> None:
        self._graph = graph
        self._states = [_State(level) for level in levels]
        self._touches_nodes = _touches(levels, Kind.NODES)
        self._touches_edges = _touches(levels, Kind.EDGES)
        self.matching = self._states[-1].members
        if filled:
            self._sweep({levels[0].kind: self._first(levels[0])}, ())

    @property
    def gifts(self) -> int:
        """How many supports were given so far, a measure of what the levels cost."""
        return sum(state.gifts for state in self._states)

    def fill(self, size: int) -> Iterator[tuple[set[str], set[str]]]:
        """Take in the graph, `size` elements of the first level at a time; `update` may be called in between.

        What an event names is looked at whether its turn has come or not, and what is looked at twice counts once.
        """
        first = self._states[0].level
        ids = list(self._first(first))
        for at in range(0, len(ids), size):
            yield self._sweep({first.kind: ids[at : at + size]}, ())

    def update(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        """Return the ids that entered and that left the last level."""
        keys = events.updated_keys if isinstance(events, EventBatch) else None
        if keys is not None and not self._touches_nodes(keys):
            return set(), set()
        events = [event for event in events if event.kind != "updated" or self._concerns(event)]
        if not events:
            return set(), set()
        nodes: set[str] = set()
        edges: set[str] = set()
        old_ends: list[Edge] = []
        for event in events:
            if isinstance(event.element, Edge):
                edges.add(event.element.id)
                old_ends.append(event.element)
                if isinstance(event.previous, Edge):
                    old_ends.append(event.previous)
            else:
                nodes.add(event.element.id)
        return self._sweep({Kind.NODES: nodes, Kind.EDGES: edges}, old_ends)

    def _concerns(self, event: Event) -> bool:
        if isinstance(event.element, Edge):
            return self._touches_edges(event.touched) or ends_differ(event)
        return self._touches_nodes(event.touched)

    def _first(self, level: Level) -> Iterable[str]:
        if level.id is not None:
            return (level.id,)
        if level.filters and index_for(level.filters[0]) is not None:
            # An index finds the first members faster than a scan; no time limit, a matcher must not start half-filled.
            context = Context(self._graph, Sources(self._graph), Limits(seconds=1e9, rows=2**62))
            return [element.id for element in select(level.kind, level.filters[0], context)]
        elements = self._graph.nodes() if level.kind is Kind.NODES else self._graph.edges()
        return [element.id for element in elements]

    def _sweep(self, touched: Mapping[Kind, Iterable[str]], old_ends: Sequence[Edge]) -> tuple[set[str], set[str]]:
        edges = touched.get(Kind.EDGES, ())
        gained: set[str] = set()
        lost: set[str] = set()
        arrived: set[str] = set()
        for at, state in enumerate(self._states):
            ids = arrived.union(touched.get(state.level.kind, ()))
            gained, lost = state.settle(ids, self._graph, is_first=at == 0)
            if at + 1 < len(self._states):
                arrived = self._hand_on(state, self._states[at + 1], gained | lost, edges, old_ends)
        return gained, lost

    def _hand_on(
        self,
        state: "_State",
        after: "_State",
        flipped: set[str],
        edges: Iterable[str],
        old_ends: Sequence[Edge],
    ) -> set[str]:
        """Renew what a level gives to the next one; return the ids there whose supports changed."""
        changed: set[str] = set()
        for id in flipped - state.members:
            changed |= after.withdraw(state.give_up(id))
        renewed = flipped & state.members
        if state.level.kind is Kind.NODES:
            for edge in old_ends:
                current = self._graph.edge(edge.id)
                if current is None or (current.parent, current.child) != (edge.parent, edge.child):
                    changed |= after.withdraw(state.forget_edge(edge))
            changed |= self._offer_edges(state, after, edges)
        else:
            # An edge that stayed a member may have got other ends.
            renewed = renewed | {id for id in edges if id in state.members}
            for id in renewed:
                changed |= after.withdraw(state.give_up(id))
        for id in renewed:
            for edge_id, target in after.level.reached(state.level, self._graph, id):
                changed |= after.support(state.give(id, edge_id, target))
        return changed

    def _offer_edges(self, state: "_State", after: "_State", edges: Iterable[str]) -> set[str]:
        changed: set[str] = set()
        for edge_id in edges:
            edge = self._graph.edge(edge_id)
            if edge is None:
                continue
            for source, target in after.level.along(edge):
                if source in state.members:
                    changed |= after.support(state.give(source, edge_id, target))
        return changed


class _State:
    """Members and supports of one level. A gift is (source id, edge id, target id)."""

    __slots__ = ("_given", "_supports", "gifts", "level", "members")

    def __init__(self, level: Level) -> None:
        self.level = level
        self.members: set[str] = set()
        self.gifts = 0
        """Given so far, those that were taken back since included."""
        self._supports: dict[str, set[tuple[str, str]]] = {}
        self._given: dict[str, set[tuple[str, str]]] = {}

    def settle(self, ids: Iterable[str], graph: GraphReader, *, is_first: bool) -> tuple[set[str], set[str]]:
        """Test the given ids anew; return those that became members and those that ceased to be."""
        gained: set[str] = set()
        lost: set[str] = set()
        for id in ids:
            if self._belongs(id, graph, is_first):
                if id not in self.members:
                    gained.add(id)
            elif id in self.members:
                lost.add(id)
        self.members |= gained
        self.members -= lost
        return gained, lost

    def _belongs(self, id: str, graph: GraphReader, is_first: bool) -> bool:
        if is_first:
            if self.level.id is not None and id != self.level.id:
                return False
        elif id not in self._supports:
            return False
        element = self.level.find(graph, id)
        return element is not None and self.level.passes(element)

    def give(self, source: str, edge_id: str, target: str) -> tuple[str, str, str]:
        self._given.setdefault(source, set()).add((edge_id, target))
        self.gifts += 1
        return source, edge_id, target

    def give_up(self, source: str) -> list[tuple[str, str, str]]:
        return [(source, edge_id, target) for edge_id, target in self._given.pop(source, ())]

    def forget_edge(self, edge: Edge) -> list[tuple[str, str, str]]:
        gone: list[tuple[str, str, str]] = []
        for source in {edge.parent, edge.child}:
            given = self._given.get(source)
            if given is None:
                continue
            for target in (edge.parent, edge.child, edge.id):
                if (edge.id, target) in given:
                    given.discard((edge.id, target))
                    gone.append((source, edge.id, target))
            if not given:
                del self._given[source]
        return gone

    def support(self, gift: tuple[str, str, str]) -> set[str]:
        source, edge_id, target = gift
        supports = self._supports.setdefault(target, set())
        supports.add((source, edge_id))
        return {target}

    def withdraw(self, gifts: Iterable[tuple[str, str, str]]) -> set[str]:
        changed: set[str] = set()
        for source, edge_id, target in gifts:
            supports = self._supports.get(target)
            if supports is None:
                continue
            supports.discard((source, edge_id))
            if not supports:
                del self._supports[target]
            changed.add(target)
        return changed


def _touches(levels: Sequence[Level], kind: Kind) -> Touches:
    return Touches(path for level in levels if level.kind is kind for path in paths_of(level.filters))
