# SPDX-License-Identifier: Apache-2.0
"""The live graph as it was at one moment, readable by another thread while the graph goes on changing.

Freezing copies nothing. From then on the graph hands over what an element, or a node's edges, were *before* it changes
them (`keep_…`), and a reader prefers that. All safety lies in the order: the graph keeps first and changes then, a
reader looks at the live containers first and at what was kept then. Whatever happens in between, it sees the old
state. Each look at a container is one call into C (`dict.get`, `list(dict.values())`), which no thread can cut in two.

One thread at a time reads a frozen graph; only the event loop keeps, and releases it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from netsonde.graph.adjacency import Adjacency
from netsonde.graph.index import Indexes, PathIndex, hash_key
from netsonde.graph.paths import parse_path
from netsonde.model.elements import Edge, Json, Node

E = TypeVar("E", Node, Edge)


class FrozenElements(Generic[E]):
    """One kind of elements, with lookups by path."""

    __slots__ = ("_before", "_built", "_indexes", "_live", "_restored", "count")

    def __init__(self, live: Mapping[str, E], indexes: Indexes[E, str]) -> None:
        self._live: Mapping[str, E] = live
        self._indexes: Indexes[E, str] = indexes
        self._before: dict[str, E | None] = {}
        self._built: dict[str, PathIndex[E, str]] = {}
        self._restored: dict[str, _Restored[E]] = {}
        self.count = len(live)

    def keep(self, element_id: str, element: E | None) -> None:
        """Remember what an element is before its first change; None = it does not exist."""
        self._before.setdefault(element_id, element)

    def get(self, element_id: str) -> E | None:
        found = self._live.get(element_id)
        return self._before.get(element_id, found)

    def all(self) -> list[E]:
        """Return all elements; in the order of the live ones, but those gone meanwhile come last."""
        found = list(self._live.values())
        before = self._before.copy()
        if not before:
            return found
        kept = [element for element in found if element.id not in before]
        return kept + [element for element in before.values() if element is not None]

    def with_value(self, path: str, value: Json) -> Collection[E]:
        key = hash_key(value)
        if key is None:
            parsed = parse_path(path)
            return [element for element in self.all() if parsed.get(element) == value]
        return self._looked_up(path, lambda index: index.keys_with(key))

    def having(self, path: str) -> Collection[E]:
        return self._looked_up(path, lambda index: index.present)

    def hand_back(self) -> None:
        """Give the indexes that were built here to the live elements, brought up to date."""
        for index in self._built.values():
            for element_id, before in self._before.items():
                now = self._live.get(element_id)
                if before is not None:
                    index.remove(element_id, before)
                if now is not None:
                    index.add(element_id, now)
            self._indexes.adopt(index)

    def _looked_up(self, path: str, keys_of: Callable[[PathIndex[E, str]], Collection[str]]) -> Collection[E]:
        live = self._indexes.peek(path)
        if live is None:
            own = self._built.get(path) or self._build(path)
            return [element for element in map(self.get, keys_of(own)) if element is not None]
        # The live index knows the live elements; those that changed are found by what they were.
        keys = list(keys_of(live))
        found = [(key, self._live.get(key)) for key in keys]
        if not self._before:
            return [element for _, element in found if element is not None]
        restored = self._restored.setdefault(path, _Restored(path))
        restored.follow(self._before)
        kept = [element for key, element in found if element is not None and key not in restored.known]
        return kept + [restored.known[key] for key in keys_of(restored.index)]  # type: ignore[misc]

    def _build(self, path: str) -> PathIndex[E, str]:
        index: PathIndex[E, str] = PathIndex(parse_path(path))
        for element in self.all():
            index.add(element.id, element)
        self._built[path] = index
        return index


class _Restored(Generic[E]):
    """An index of what changed elements were, grown as more of them change."""

    __slots__ = ("index", "known")

    def __init__(self, path: str) -> None:
        self.index: PathIndex[E, str] = PathIndex(parse_path(path))
        self.known: dict[str, E | None] = {}

    def follow(self, before: Mapping[str, E | None]) -> None:
        if len(before) == len(self.known):
            return
        for key, element in list(before.items())[len(self.known) :]:
            self.known[key] = element
            if element is not None:
                self.index.add(key, element)


class FrozenAdjacency:
    """Edges by node, for one direction."""

    __slots__ = ("_before", "_live")

    def __init__(self, live: Adjacency) -> None:
        self._live = live
        self._before: dict[str, Sequence[Edge]] = {}

    def keep(self, node_id: str) -> None:
        if node_id not in self._before:
            self._before[node_id] = self._live.of(node_id)

    def of(self, node_id: str) -> Sequence[Edge]:
        found = self._live.of(node_id)
        return self._before.get(node_id, found)


class FrozenGraph:
    """Implements GraphReader. `release` it, on the event loop, when nobody reads it any more."""

    def __init__(
        self,
        nodes: FrozenElements[Node],
        edges: FrozenElements[Edge],
        *,
        out: Adjacency,
        into: Adjacency,
        release: Callable[["FrozenGraph"], None],
    ) -> None:
        self._nodes = nodes
        self._edges = edges
        self._out = FrozenAdjacency(out)
        self._in = FrozenAdjacency(into)
        self._release = release
        self.keep_node = nodes.keep
        self.keep_edge = edges.keep

    def keep_ends(self, edge: Edge) -> None:
        """Remember the edges of both ends before this one is added there, replaced or removed."""
        self._out.keep(edge.parent)
        self._in.keep(edge.child)

    def release(self) -> None:
        """Let the graph forget this view; what was indexed for it stays of use."""
        self._release(self)
        self._nodes.hand_back()
        self._edges.hand_back()

    def node(self, node_id: str) -> Node | None:
        return self._nodes.get(node_id)

    def edge(self, edge_id: str) -> Edge | None:
        return self._edges.get(edge_id)

    def revisions(self, node_id: str) -> Sequence[Node]:
        node = self._nodes.get(node_id)
        return () if node is None else (node,)

    def edge_revisions(self, edge_id: str) -> Sequence[Edge]:
        edge = self._edges.get(edge_id)
        return () if edge is None else (edge,)

    def nodes(self) -> Iterable[Node]:
        return self._nodes.all()

    def edges(self) -> Iterable[Edge]:
        return self._edges.all()

    def node_count(self) -> int:
        return self._nodes.count

    def edge_count(self) -> int:
        return self._edges.count

    def out_edges(self, node_id: str) -> Sequence[Edge]:
        return self._out.of(node_id)

    def in_edges(self, node_id: str) -> Sequence[Edge]:
        return self._in.of(node_id)

    def nodes_with(self, path: str, value: Json) -> Collection[Node]:
        return self._nodes.with_value(path, value)

    def nodes_having(self, path: str) -> Collection[Node]:
        return self._nodes.having(path)

    def edges_with(self, path: str, value: Json) -> Collection[Edge]:
        return self._edges.with_value(path, value)

    def edges_having(self, path: str) -> Collection[Edge]:
        return self._edges.having(path)
