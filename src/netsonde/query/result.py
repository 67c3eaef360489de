# SPDX-License-Identifier: Apache-2.0
"""What a query gave, in the JSON shapes that clients of the reference expect."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node
from netsonde.query.kinds import Kind
from netsonde.query.packets_json import packets_by_flow
from netsonde.query.rows import Packets, Rows, Series

E = TypeVar("E", Node, Edge)


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
        if self.kind is Kind.GRAPH and self.graph is not None:
            return [graph_value(self.graph)]
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
    def raw_packets(self) -> Sequence[bytes] | None:
        """The packets as Arrow IPC batches, None when the result is of another kind."""
        if self.kind is not Kind.PACKETS:
            return None
        return [batch for packets in cast("Sequence[Packets]", self.rows) for batch in packets.batches]


def graph_value(graph: GraphReader) -> dict[str, object]:
    """Return a graph as `{"Nodes", "Edges"}`, each by time of creation; an empty list is null, as it always was."""
    return {"Nodes": _by_creation(graph.nodes()) or None, "Edges": _by_creation(graph.edges()) or None}


def _by_creation(elements: Iterable[E]) -> list[E]:
    return sorted(elements, key=lambda element: (element.created_at, element.id))
