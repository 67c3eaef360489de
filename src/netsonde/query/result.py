# SPDX-License-Identifier: Apache-2.0
"""What a query gave, in the JSON shapes that clients of the reference expect."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Final, cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.query.encoding import encode_json
from netsonde.query.kinds import Kind
from netsonde.query.pace import Look, in_order, nothing
from netsonde.query.packet_rows import packet_streams, packets_by_flow
from netsonde.query.remembered import Remembered
from netsonde.query.rows import Entry, Group, Packet, Rows, Series

_CREATED_AT = attrgetter("created_at")


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query."""

    kind: Kind
    rows: Rows
    graph: GraphReader | None = None
    """The graph, when the result is one."""
    missing_hosts: tuple[str, ...] = ()
    """Hosts that did not answer, and whose flows are therefore not in the result."""
    truncated: bool = False
    """Whether more flows existed than were looked at."""
    notes: tuple[str, ...] = ()
    """What else is missing, and why, such as a bridge that could not be asked."""
    remembered: Remembered | None = None
    """What encodes the nodes, when the result is all nodes of the live graph, or the whole of it."""

    @property
    def value(self) -> object:
        """The answer, ready for `msgspec.json.encode`: plain data, `Node` and `Edge`."""
        return self._value(nothing)

    def json(self, look: Look = nothing, *, end: bytes = b"") -> bytes:
        """Return the answer as JSON, and `end` after it; looks at the clock meanwhile."""
        if self.remembered is not None and self.kind is Kind.NODES:
            parts = self.remembered.nodes.parts(cast("Sequence[Node]", self.rows), look)
            return b"".join(chain((b"[",), _with_commas(parts), (b"]", end)))
        return encode_json(self._value(look), look, end=end)

    def _value(self, look: Look) -> object:
        if self.kind is Kind.GRAPH and self.graph is not None:
            return [graph_value(self.graph, look)]
        if self.kind is Kind.VALUE:
            return self.rows[0] if self.rows else None
        if self.kind in _KEYED:
            found = _KEYED[self.kind](self.rows)
            return [found] if found else []
        return list(self.rows)

    @property
    def size(self) -> int:
        """How many items there are to encode, roughly."""
        if self.graph is not None:
            return self.graph.node_count() + self.graph.edge_count()
        return len(self.rows)

    @property
    def raw_packets(self) -> Sequence[bytes] | None:
        """The packets as Arrow IPC batches, None when the result is of another kind."""
        if self.kind is not Kind.PACKETS:
            return None
        return packet_streams(cast("Sequence[Packet]", self.rows))


def _by_owner(rows: Rows) -> Mapping[str, object]:
    found: dict[str, list[Metadata]] = {}
    for entry in cast("Sequence[Entry]", rows):
        found.setdefault(entry.key, []).append(entry.data)
    return found


_KEYED: Final[Mapping[Kind, Callable[[Rows], Mapping[str, object]]]] = {
    Kind.METRICS: lambda rows: {series.key: series.points for series in cast("Sequence[Series]", rows)},
    Kind.GROUPS: lambda rows: {group.key: group.members for group in cast("Sequence[Group]", rows)},
    Kind.PACKETS: lambda rows: packets_by_flow(cast("Sequence[Packet]", rows)),
    Kind.SOCKETS: _by_owner,
    Kind.OF_RULES: _by_owner,
    Kind.OF_GROUPS: _by_owner,
    Kind.NEXT_HOPS: lambda rows: {hop.key: hop.data for hop in cast("Sequence[Entry]", rows)},
}
"""Kinds whose JSON is one object, keyed by node id, flow UUID or the value grouped by."""


def graph_value(graph: GraphReader, look: Look = nothing) -> dict[str, object]:
    """Return a graph as `{"Nodes", "Edges"}`, each by time of creation; an empty list is null, as it always was."""
    nodes, edges = in_order(graph.nodes(), _creation, look), in_order(graph.edges(), _creation, look)
    return {"Nodes": list(nodes) or None, "Edges": list(edges) or None}


def _creation(element: Node | Edge) -> tuple[int, str]:
    return element.created_at, element.id


def dump(graph: GraphReader, look: Look = nothing, remembered: Remembered | None = None) -> bytes:
    """Return a graph as `{"Nodes":[…],"Edges":[…]}`, each list by time of creation; looks at the clock meanwhile."""
    known = remembered or Remembered()
    nodes = list(in_order(graph.nodes(), _CREATED_AT, look))
    edges = list(in_order(graph.edges(), _CREATED_AT, look))
    node_texts = _with_commas(known.nodes.parts(nodes, look))
    edge_texts = _with_commas(known.edges.parts(edges, look))
    return b"".join(chain((b'{"Nodes":[',), node_texts, (b'],"Edges":[',), edge_texts, (b"]}",)))


def _with_commas(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts with commas between them, so that all is copied once only."""
    for number, part in enumerate(parts):
        if number:
            yield b","
        yield part
