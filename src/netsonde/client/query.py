# SPDX-License-Identifier: Apache-2.0
"""Queries as typed chains: `G.V().has("Type", "veth").out().values("Name")`.

A class for each kind of result, a method for each step that takes it. Every step is checked by the planner itself when
it is added, so a chain that exists is a query that the server understands, and the exception for a wrong argument comes
from the line that gave it. Steps that the language has and this module does not spell out work all the same, without a
type: their names are looked up in the registry (`G.V().some_new_step("x")`).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import msgspec

from netsonde.client.answers import Topology, WireTopology
from netsonde.client.literals import Moment, Predicate, Value, Word, written
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.flow_record import Flow

T = TypeVar("T")
Point = dict[str, Any]


class Query(Generic[T]):
    """A query that gives a T. Chains never change: each step makes another one."""

    __slots__ = ("bindings", "kind", "text")

    def __init__(self, text: str, bindings: Mapping[str, Json], kind: str) -> None:
        self.text = text
        self.bindings = bindings
        """Values too long for the text, by the names that they have there."""
        self.kind = kind

    def decode(self, body: bytes) -> T:
        """Return the JSON of an answer as what this query gives."""
        return cast("T", msgspec.json.decode(body))

    def step(self, name: str, *arguments: object) -> "Query[Any]":
        """Add any step of the language by its name there. Raises QueryError."""
        from netsonde.query import parse

        bindings = dict(self.bindings)
        values = ", ".join(written(argument, bindings) for argument in arguments)
        text = f"{self.text}.{name}({values})"
        kind = str(parse(text, bindings).kind)
        return _CLASSES.get(kind, Query)(text, bindings, kind)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.kind}: {self.text}>"

    if not TYPE_CHECKING:  # a misspelt method stays an error of the type checker

        def __getattr__(self, name: str) -> "Callable[..., Query[Any]]":
            from netsonde.query.steps._registry import STEPS

            spec = None if name.startswith("_") else STEPS.get(name.replace("_", "").lower())
            if spec is None:
                raise AttributeError(f"there is no step named {name!r}")
            return lambda *arguments, **named: self.step(spec.name, *_pairs(arguments, named))

    def _same(self, name: str, *arguments: object) -> Self:
        return cast("Self", self.step(name, *arguments))


class ValueQuery(Query[T]):
    """One value: a count, a sum."""

    __slots__ = ()


class _Rows(Query[T]):
    """Steps of everything that is a list."""

    __slots__ = ()

    def limit(self, most: int) -> Self:
        """The first results."""
        return self._same("Limit", most)

    def range(self, first: int, end: int) -> Self:
        """The results from one position, counted from 0, up to another, excluded."""
        return self._same("Range", first, end)

    def count(self) -> ValueQuery[int]:
        return cast("ValueQuery[int]", self.step("Count"))

    def as_(self, name: str) -> Self:
        """Remember the results so far under a name."""
        return self._same("As", name)

    def select(self, *names: str) -> Any:
        """The results remembered under these names; of the kind that was remembered."""
        return self.step("Select", *names)


class _Records(_Rows[T]):
    """Steps of everything that has keys: nodes, edges, flows, and objects among values."""

    __slots__ = ()

    def has(self, *pairs: Value, **named: Value) -> Self:
        """Keep what passes every pair of key and value: `has("MTU", P.gt(1500), Type="veth")`."""
        return self._same("Has", *_pairs(pairs, named))

    def has_either(self, *pairs: Value, **named: Value) -> Self:
        """Keep what passes at least one pair."""
        return self._same("HasEither", *_pairs(pairs, named))

    def has_key(self, key: str) -> Self:
        return self._same("HasKey", key)

    def has_not(self, key: str) -> Self:
        """Keep what does not have the key."""
        return self._same("HasNot", key)

    def dedup(self, *keys: str) -> Self:
        """Each one once, or once for each value of the keys."""
        return self._same("Dedup", *keys)

    def sort(self, key: str | None = None, *, descending: bool = False) -> Self:
        return self._same("Sort", *([Word("DESC")] if descending else []), *([] if key is None else [key]))

    def values(self, key: str) -> "ValuesQuery":
        """What is at a key, of every one that has it."""
        return cast("ValuesQuery", self.step("Values", key))

    def value_map(self, *keys: str) -> "ValuesQuery":
        """An object with these keys for every one that has one of them."""
        return cast("ValuesQuery", self.step("ValueMap", *keys))

    def keys(self) -> "ValuesQuery":
        """The distinct keys, sorted."""
        return cast("ValuesQuery", self.step("Keys"))

    def sum(self, key: str | None = None) -> ValueQuery[float]:
        """The sum of the numbers at a key; without one, of values themselves."""
        return cast("ValueQuery[float]", self.step("Sum", *([] if key is None else [key])))


class NodesQuery(_Records[list[Node]]):
    """Nodes."""

    __slots__ = ()

    def decode(self, body: bytes) -> list[Node]:
        return msgspec.json.decode(body, type=list[Node])

    def out(self, *pairs: Value, **named: Value) -> "NodesQuery":
        """The children of each node, once per edge."""
        return self._same("Out", *_pairs(pairs, named))

    def in_(self, *pairs: Value, **named: Value) -> "NodesQuery":
        """The parents of each node, once per edge."""
        return self._same("In", *_pairs(pairs, named))

    def both(self, *pairs: Value, **named: Value) -> "NodesQuery":
        """The nodes at the other end of each edge."""
        return self._same("Both", *_pairs(pairs, named))

    def out_e(self, *pairs: Value, **named: Value) -> "EdgesQuery":
        """The edges that lead to children."""
        return cast("EdgesQuery", self.step("OutE", *_pairs(pairs, named)))

    def in_e(self, *pairs: Value, **named: Value) -> "EdgesQuery":
        """The edges that come from parents."""
        return cast("EdgesQuery", self.step("InE", *_pairs(pairs, named)))

    def both_e(self, *pairs: Value, **named: Value) -> "EdgesQuery":
        return cast("EdgesQuery", self.step("BothE", *_pairs(pairs, named)))

    def descendants(self, *pairs: Value, depth: int = 1, **named: Value) -> "NodesQuery":
        """The nodes and what lies below them along edges that pass a pair; depth 0 = all."""
        return self._same("Descendants", *_pairs(pairs, named), depth)

    def ascendants(self, *pairs: Value, depth: int = 1, **named: Value) -> "NodesQuery":
        """The nodes and what lies above them."""
        return self._same("Ascendants", *_pairs(pairs, named), depth)

    def neighbors(self, *pairs: Value, depth: int = 1, **named: Value) -> "NodesQuery":
        """The nodes and what lies within some edges in any direction."""
        return self._same("Neighbors", *_pairs(pairs, named), depth)

    def shortest_path_to(self, target: Mapping[str, Value], along: Mapping[str, Value] | None = None) -> "PathsQuery":
        """The shortest path from each node to the nearest with this metadata, over edges with that."""
        ends = [_metadata(target), *([_metadata(along)] if along is not None else [])]
        return cast("PathsQuery", self.step("ShortestPathTo", *ends))

    def sub_graph(self, *pairs: Value, **named: Value) -> "GraphQuery":
        """The nodes and the edges between them, as a graph; pairs choose edges."""
        return cast("GraphQuery", self.step("SubGraph", *_pairs(pairs, named)))

    def flows(self, *pairs: Value, **named: Value) -> "FlowsQuery":
        """The flows captured on the nodes."""
        return cast("FlowsQuery", self.step("Flows", *_pairs(pairs, named)))

    def metrics(self, kind: str | None = None) -> "MetricsQuery":
        """The counters of each interface, as series."""
        return cast("MetricsQuery", self.step("Metrics", *([] if kind is None else [kind])))

    def G(self) -> "GraphQuery":
        return cast("GraphQuery", self.step("G"))


class EdgesQuery(_Records[list[Edge]]):
    """Edges, each directed from parent to child."""

    __slots__ = ()

    def decode(self, body: bytes) -> list[Edge]:
        return msgspec.json.decode(body, type=list[Edge])

    def child_v(self, *pairs: Value, **named: Value) -> NodesQuery:
        return cast("NodesQuery", self.step("ChildV", *_pairs(pairs, named)))

    def parent_v(self, *pairs: Value, **named: Value) -> NodesQuery:
        return cast("NodesQuery", self.step("ParentV", *_pairs(pairs, named)))

    def out_v(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The child of each edge: the reverse of TinkerPop's meaning; `child_v` says it without doubt."""
        return cast("NodesQuery", self.step("OutV", *_pairs(pairs, named)))

    def in_v(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The parent of each edge; `parent_v` says it without doubt."""
        return cast("NodesQuery", self.step("InV", *_pairs(pairs, named)))

    def both_v(self, *pairs: Value, **named: Value) -> NodesQuery:
        return cast("NodesQuery", self.step("BothV", *_pairs(pairs, named)))

    def sub_graph(self, *pairs: Value, **named: Value) -> "GraphQuery":
        """The edges and their ends, as a graph."""
        return cast("GraphQuery", self.step("SubGraph", *_pairs(pairs, named)))

    def G(self) -> "GraphQuery":
        return cast("GraphQuery", self.step("G"))


class ValuesQuery(_Records[list[Json]]):
    """Plain values."""

    __slots__ = ()


class PathsQuery(_Rows[list[list[Node]]]):
    """Paths, each a list of nodes."""

    __slots__ = ()

    def decode(self, body: bytes) -> list[list[Node]]:
        return msgspec.json.decode(body, type=list[list[Node]])

    def dedup(self) -> NodesQuery:
        """The nodes on the paths, each once."""
        return cast("NodesQuery", self.step("Dedup"))

    def sub_graph(self, *pairs: Value, **named: Value) -> "GraphQuery":
        return cast("GraphQuery", self.step("SubGraph", *_pairs(pairs, named)))

    def flows(self, *pairs: Value, **named: Value) -> "FlowsQuery":
        """The flows captured on the paths."""
        return cast("FlowsQuery", self.step("Flows", *_pairs(pairs, named)))


class FlowsQuery(_Records[list[Flow]]):
    """Flows."""

    __slots__ = ()

    def decode(self, body: bytes) -> list[Flow]:
        return msgspec.json.decode(body, type=list[Flow])

    def out(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The node of Link.B."""
        return cast("NodesQuery", self.step("Out", *_pairs(pairs, named)))

    def in_(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The node of Link.A."""
        return cast("NodesQuery", self.step("In", *_pairs(pairs, named)))

    def both(self, *pairs: Value, **named: Value) -> NodesQuery:
        return cast("NodesQuery", self.step("Both", *_pairs(pairs, named)))

    def hops(self, *pairs: Value, **named: Value) -> NodesQuery:
        return cast("NodesQuery", self.step("Hops", *_pairs(pairs, named)))

    def capture_node(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The node on which each flow was captured."""
        return cast("NodesQuery", self.step("CaptureNode", *_pairs(pairs, named)))

    def nodes(self, *pairs: Value, **named: Value) -> NodesQuery:
        """The node that captured each flow, and those of its link addresses."""
        return cast("NodesQuery", self.step("Nodes", *_pairs(pairs, named)))

    def metrics(self) -> "MetricsQuery":
        return cast("MetricsQuery", self.step("Metrics"))

    def raw_packets(self) -> "PacketsQuery":
        """The packets that captures kept of the flows."""
        return cast("PacketsQuery", self.step("RawPackets"))


class _ByName(Query[dict[str, list[Point]]]):
    """Lists by the id of what they belong to."""

    __slots__ = ()

    def decode(self, body: bytes) -> dict[str, list[Point]]:
        found = msgspec.json.decode(body, type=list[dict[str, list[Point]]])
        return {name: points for part in found for name, points in part.items()}


class MetricsQuery(_ByName):
    """Series of counters by the id of the node or flow."""

    __slots__ = ()

    def count(self) -> ValueQuery[int]:
        return cast("ValueQuery[int]", self.step("Count"))

    def sum(self, field: str | None = None) -> ValueQuery[Any]:
        """All series added up, field by field, or in one field."""
        return cast("ValueQuery[Any]", self.step("Sum", *([] if field is None else [field])))


class PacketsQuery(_ByName):
    """Packets by the UUID of their flow; `Client.pcapng` downloads them."""

    __slots__ = ()


class GraphQuery(Query[Topology]):
    """A graph, now or at a time."""

    __slots__ = ()

    def decode(self, body: bytes) -> Topology:
        found = msgspec.json.decode(body, type=list[WireTopology])
        return found[0].whole() if found else Topology()

    def V(self, node_id: str | None = None) -> NodesQuery:
        """All nodes, or the one with an id."""
        return cast("NodesQuery", self.step("V", *([] if node_id is None else [node_id])))

    def E(self, edge_id: str | None = None) -> EdgesQuery:
        """All edges, or the one with an id."""
        return cast("EdgesQuery", self.step("E", *([] if edge_id is None else [edge_id])))

    def at(self, moment: Moment, duration: Moment | None = None) -> "GraphQuery":
        """The graph as it was; with a duration, all that was in the interval that ends then."""
        return self._same("At", moment, *([] if duration is None else [duration]))

    def flows(self, *pairs: Value, **named: Value) -> FlowsQuery:
        """All flows."""
        return cast("FlowsQuery", self.step("Flows", *_pairs(pairs, named)))

    def G(self) -> "GraphQuery":
        return self._same("G")


_CLASSES: Mapping[str, type[Query[Any]]] = {
    "graph": GraphQuery,
    "nodes": NodesQuery,
    "edges": EdgesQuery,
    "paths": PathsQuery,
    "values": ValuesQuery,
    "value": ValueQuery,
    "flows": FlowsQuery,
    "metrics": MetricsQuery,
    "packets": PacketsQuery,
}

G = GraphQuery("G", {}, "graph")
"""Where every query begins."""


def _pairs(given: "tuple[object, ...]", named: Mapping[str, object]) -> list[object]:
    return [*given, *(part for pair in named.items() for part in pair)]


def _metadata(pairs: Mapping[str, Value]) -> Predicate:
    return Predicate("Metadata", tuple(_pairs((), pairs)))
