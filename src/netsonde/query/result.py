# SPDX-License-Identifier: Apache-2.0
"""What a query gave, in the JSON shapes that clients of the reference expect."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node
from netsonde.query.encoding import encode_json
from netsonde.query.kinds import Kind
from netsonde.query.pace import Look, in_order, nothing
from netsonde.query.packets_json import packets_by_flow
from netsonde.query.rows import Packets, Rows, Series

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

    @property
    def value(self) -> object:
        """The answer, ready for `msgspec.json.encode`: plain data, `Node` and `Edge`."""
        return self._value(nothing)

    def json(self, look: Look = nothing, *, end: bytes = b"") -> bytes:
        """Return the answer as JSON, and `end` after it; looks at the clock meanwhile."""
        return encode_json(self._value(look), look, end=end)

    def _value(self, look: Look) -> object:
        if self.kind is Kind.GRAPH and self.graph is not None:
            return [graph_value(self.graph, look)]
        if self.kind is Kind.VALUE:
            return self.rows[0] if self.rows else None
        if self.kind is Kind.METRICS:
            series = {item.key: item.points for item in cast("Sequence[Series]", self.rows)}
            return [series] if series else []
        if self.kind is Kind.PACKETS:
            found = packets_by_flow(cast("Sequence[Packets]", self.rows))
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
        return [batch for packets in cast("Sequence[Packets]", self.rows) for batch in packets.batches]


def graph_value(graph: GraphReader, look: Look = nothing) -> dict[str, object]:
    """Return a graph as `{"Nodes", "Edges"}`, each by time of creation; an empty list is null, as it always was."""
    nodes, edges = in_order(graph.nodes(), _creation, look), in_order(graph.edges(), _creation, look)
    return {"Nodes": list(nodes) or None, "Edges": list(edges) or None}


def _creation(element: Node | Edge) -> tuple[int, str]:
    return element.created_at, element.id


def dump(graph: GraphReader, look: Look = nothing) -> bytes:
    """Return a graph as `{"Nodes":[…],"Edges":[…]}`, each list by time of creation; looks at the clock meanwhile."""
    nodes = list(in_order(graph.nodes(), _CREATED_AT, look))
    edges = list(in_order(graph.edges(), _CREATED_AT, look))
    return encode_json({"Nodes": nodes, "Edges": edges}, look)
