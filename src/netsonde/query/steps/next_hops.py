# SPDX-License-Identifier: Apache-2.0
"""`NextHop`: where a node would send a packet for an address.

Source: `RoutingTables`, `RejectRoutes`, `RoutingRules` and `Neighbors` in metadata. Interfaces list the routes that
lead out of them; a host or network namespace without tables of its own has those of the interfaces it owns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Json, Metadata, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, shown
from netsonde.query.kinds import Kind
from netsonde.query.routes import Address, best_hop, hops_of, neighbour_mac, parse_address, refusals_of
from netsonde.query.rows import Entry, Rows, members
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call

_OWNERS: Final = frozenset({"host", "netns"})


@dataclass(frozen=True, slots=True)
class FindNextHops(Operation):
    """One next hop for each node that has a route for the address."""

    takes: Kind
    destination: Address

    def apply(self, rows: Rows, context: Context) -> Rows:
        found: list[Entry] = []
        for member in members(self.takes, rows):
            node = cast("Node", member)
            hop = self._next_hop(node, context.graph)
            if hop is not None:
                found.append(Entry(node.id, hop))
            # A routing table may be long.
            context.check(len(found))
        return found

    def keys(self) -> Iterable[str]:
        return ("RoutingTables", "RejectRoutes", "RoutingRules", "Neighbors", "Type")

    def _next_hop(self, node: Node, graph: GraphReader) -> Metadata | None:
        sources = _sources(node, graph)
        hops = (hop for source in sources for hop in hops_of(source.metadata.get("RoutingTables")))
        refusals = refusals_of(node.metadata.get("RejectRoutes"))
        best = best_hop(chain(hops, refusals), node.metadata.get("RoutingRules"), self.destination)
        if best is None:
            return None
        address = best.gateway or str(self.destination)
        macs = (neighbour_mac(source.metadata.get("Neighbors"), address, best.ifindex) for source in sources)
        found: dict[str, Json] = {
            "Priority": best.priority,
            "IP": address,
            "MAC": next(filter(None, macs), None),
            "IfIndex": best.ifindex,
        }
        return {key: value for key, value in found.items() if value is not None}


def _sources(node: Node, graph: GraphReader) -> Sequence[Node]:
    """Return the node, or in its place the interfaces of a host or namespace that keeps its routes on them."""
    if "RoutingTables" in node.metadata or node.metadata.get("Type") not in _OWNERS:
        return (node,)
    owned = [edge.child for edge in graph.out_edges(node.id) if edge.metadata.get("RelationType") == "ownership"]
    return [child for child in map(graph.node, owned) if child is not None]


def build_next_hop(call: Call, building: Building) -> Operation:
    """Where each node would send a packet for an address: `G.V().Has('Type', 'host').NextHop('8.8.8.8')`.

    Policy rules by their priority, in each table the longest prefix, then the lowest metric. None where a rule or a
    route refuses the address (blackhole, unreachable, prohibit).
    """
    (argument,) = arguments.exactly(call, 1, "one IP address in quotes")
    text = arguments.text_of(argument, "an IP address in quotes")
    destination = parse_address(text)
    if destination is None:
        raise QueryError(f"{shown(text)} is not an IP address", hint="such as '10.0.0.1'", span=argument.span)
    return FindNextHops(building.takes, destination)
