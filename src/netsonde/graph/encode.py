# SPDX-License-Identifier: Apache-2.0
"""JSON of elements, and of the whole graph from cached bytes: a dump is a join.

The cache is filled by the first dump; from then on a change only marks its element, to be encoded at the next one.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.model.elements import Edge, Element, Node

E = TypeVar("E", Node, Edge)
_ENCODER = msgspec.json.Encoder()


def encode(element: Element) -> bytes:
    """Return the JSON of one element, fields named and ordered as clients of the reference expect."""
    return _ENCODER.encode(element)


def encode_graph(nodes: Iterable[Node], edges: Iterable[Edge]) -> bytes:
    """Return `{"Nodes":[…],"Edges":[…]}` of the given elements, each list by time of creation."""
    return _document(map(_part, _by_creation(nodes)), map(_part, _by_creation(edges)))


class GraphDump:
    """The JSON of a live graph, cheap to ask for again and again."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: _Cache[Node] = _Cache(graph.node)
        self._edges: _Cache[Edge] = _Cache(graph.edge)
        self._is_filled = False
        self.close = graph.subscribe(self._follow)

    def json(self) -> bytes:
        """Return `{"Nodes":[…],"Edges":[…]}`, each list by time of creation."""
        if not self._is_filled:
            self._nodes.fill(self._graph.nodes())
            self._edges.fill(self._graph.edges())
            self._is_filled = True
        return _document(self._nodes.parts(), self._edges.parts())

    def _follow(self, events: Sequence[Event]) -> None:
        if not self._is_filled:
            return
        for event in events:
            if isinstance(event.element, Node):
                self._nodes.change(event.element)
            else:
                self._edges.change(event.element)


class _Cache(Generic[E]):
    """JSON by id in the order of creation, which is the order of arrival unless an older element comes late."""

    def __init__(self, find: Callable[[str], E | None]) -> None:
        self._find: Callable[[str], E | None] = find
        self._json: dict[str, bytes] = {}
        self._stale: dict[str, E] = {}
        self._newest = 0
        self._is_sorted = True

    def fill(self, elements: Iterable[E]) -> None:
        for element in _by_creation(elements):
            self._json[element.id] = _part(element)
            self._newest = element.created_at

    def change(self, element: E) -> None:
        if element.deleted_at is not None:
            self._json.pop(element.id, None)
            self._stale.pop(element.id, None)
            return
        self._stale[element.id] = element
        if element.id not in self._json:
            self._json[element.id] = b""
            self._is_sorted = self._is_sorted and element.created_at >= self._newest
            self._newest = max(self._newest, element.created_at)

    def parts(self) -> Iterable[bytes]:
        for element in self._stale.values():
            self._json[element.id] = _part(element)
        self._stale.clear()
        if not self._is_sorted:
            present = (element for element in map(self._find, self._json) if element is not None)
            self._json = {element.id: self._json[element.id] for element in _by_creation(present)}
            self._is_sorted = True
        return self._json.values()


def _part(element: Element) -> bytes:
    return b"," + _ENCODER.encode(element)


def _by_creation(elements: Iterable[E]) -> list[E]:
    return sorted(elements, key=lambda element: element.created_at)


def _document(nodes: Iterable[bytes], edges: Iterable[bytes]) -> bytes:
    """Join parts that each begin with a comma; in one go, since the whole may be a hundred megabytes."""
    parts = [b'{"Nodes":[', *nodes, b'],"Edges":[', *edges, b"]}"]
    for opening in (1, parts.index(b'],"Edges":[', 1) + 1):
        parts[opening] = parts[opening].removeprefix(b",")
    return b"".join(parts)
