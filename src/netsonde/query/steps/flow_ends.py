# SPDX-License-Identifier: Apache-2.0
"""From flows to nodes: where they were captured, and which interfaces have their addresses.

Steps: `Hops` and `CaptureNode` (the same), `Nodes`, and `In`, `Out`, `Both` on flows.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Json, Node
from netsonde.query.context import Context
from netsonde.query.filters import Filter, pairs
from netsonde.query.flow_fields import Flow, flow_field
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.syntax import Call

End: TypeAlias = Literal["capture", "A", "B"]

_LINK = {"A": flow_field("Link.A"), "B": flow_field("Link.B")}


@dataclass(frozen=True, slots=True)
class FlowNodes(Operation):
    """For each flow the nodes at the given ends, in that order; an end without a node gives nothing."""

    effect = Effect.MOVES

    ends: tuple[End, ...]
    by_peer: bool
    """Whether the interface before a physical peer (`PeerIntfMAC`) stands for the peer's address."""
    filter: Filter | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(self._nodes(cast("Sequence[Flow]", rows), context.graph))

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((Kind.NODES, self.filter),)

    def _nodes(self, flows: Sequence[Flow], graph: GraphReader) -> Iterable[Node]:
        found: dict[tuple[str, Json], Node | None] = {}
        for flow in flows:
            for end in self.ends:
                address = flow.get("NodeTID") if end == "capture" else _LINK[end](flow)
                if not isinstance(address, str) or not address:
                    continue
                keys = ("TID",) if end == "capture" else ("MAC", "PeerIntfMAC") if self.by_peer else ("MAC",)
                node = found.get((keys[0], address))
                if node is None and (keys[0], address) not in found:
                    node = found[(keys[0], address)] = self._first(graph, keys, address)
                if node is not None:
                    yield node

    def _first(self, graph: GraphReader, keys: Sequence[str], address: str) -> Node | None:
        for key in keys:
            node = _newest(graph.nodes_with(key, address), self.filter)
            if node is not None:
                return node
        return None


def _newest(nodes: Collection[Node], chosen: Filter | None) -> Node | None:
    passing = [node for node in nodes if chosen is None or chosen.test(node)]
    # The smallest id, so that the answer does not change between two runs; of it the newest revision.
    return min(passing, key=lambda node: (node.id, -node.updated_at, -node.revision), default=None)


def build_flow_end(call: Call, direction: Literal["out", "in", "both"]) -> Operation:
    """Return the operation for `Out`, `In` and `Both` on flows."""
    ends: dict[str, tuple[End, ...]] = {"in": ("A",), "out": ("B",), "both": ("A", "B")}
    return FlowNodes(ends[direction], by_peer=True, filter=_filter(call))


def build_capture_node(call: Call, building: Building) -> Operation:
    """The node on which each flow was captured: `G.Flows().CaptureNode()`, `G.Flows().Hops()`."""
    return FlowNodes(("capture",), by_peer=False, filter=_filter(call))


def build_nodes(call: Call, building: Building) -> Operation:
    """For each flow the node that captured it, and those that have its link addresses: `G.Flows().Nodes()`."""
    return FlowNodes(("capture", "A", "B"), by_peer=False, filter=_filter(call))


def _filter(call: Call) -> Filter | None:
    return pairs(call, Kind.NODES) if call.arguments else None
