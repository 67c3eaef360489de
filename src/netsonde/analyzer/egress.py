# SPDX-License-Identifier: Apache-2.0
"""Out of which interface a host or a namespace sends to an address: by its routes and rules. Pure, but for the graph.

Source: `RoutingTables` of the interfaces that a place owns, `RoutingRules` and `RejectRoutes` of its own node. A place
is taken in when it is asked for the first time, and kept up to date by the graph's events from then on: a change costs
what the interface has of routes, a question what there is of prefix lengths.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from netsonde.graph import Event, GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.locate import owner_of
from netsonde.model.elements import Edge, Node
from netsonde.query.routes import Address, Hop, best_hop, hops_of, parse_address, refusals_of

_OF_INTERFACES: Final = frozenset({"Name", "IfIndex", "RoutingTables"})
_OF_PLACES: Final = frozenset({"RoutingRules", "RejectRoutes"})


class Egress:
    """Answers for the places that were asked about; to be told of all events."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self._tables: dict[str, _Interfaces] = {}

    def follow(self, event: Event) -> set[str]:
        """Take in what happened; return the places that may send elsewhere now."""
        element = event.element
        if not self._tables:
            return set()
        if isinstance(element, Edge):
            owns = relation_type(element.metadata) == OWNERSHIP
            return self._owned(element.parent, element.child) if owns and event.kind != "updated" else set()
        if element.id in self._tables:
            if event.kind == "deleted":
                self.forget(element.id)
            return {element.id} if event.kind == "deleted" or event.touched & _OF_PLACES else set()
        if event.kind == "updated" and event.touched & _OF_INTERFACES:
            owner = owner_of(self._graph, element.id)
            return set() if owner is None else self._owned(owner.id, element.id)
        return set()

    def forget(self, place: str) -> None:
        """Keep nothing more of a place that nobody asks about."""
        self._tables.pop(place, None)

    def toward(self, place: Node, destination: str) -> Node | None:
        """Return the interface that packets to an address leave by, None when none does."""
        address = parse_address(destination)
        if address is None:
            return None
        found = self._table(place)
        hops = chain(found.toward(address), refusals_of(place.metadata.get("RejectRoutes")))
        best = best_hop(hops, place.metadata.get("RoutingRules"), address)
        return None if best is None or best.ifindex is None else self._graph.node(found.at(best.ifindex))

    def named(self, place: Node, name: str) -> Node | None:
        """Return the interface of a place that has a name."""
        return self._graph.node(self._table(place).called(name))

    def _table(self, place: Node) -> "_Interfaces":
        found = self._tables.get(place.id)
        if found is None:
            found = self._tables[place.id] = _Interfaces()
            for edge in self._graph.out_edges(place.id):
                node = self._graph.node(edge.child)
                if node is not None and relation_type(edge.metadata) == OWNERSHIP:
                    found.put(node)
        return found

    def _owned(self, place: str, interface: str) -> set[str]:
        """Take in an interface that a place got, lost, or has as another than before."""
        found = self._tables.get(place)
        if found is None:
            return set()
        found.drop(interface)
        node, owner = self._graph.node(interface), owner_of(self._graph, interface)
        if node is not None and owner is not None and owner.id == place:
            found.put(node)
        return {place}


class _Interfaces:
    """The interfaces of one place and the routes out of them, by prefix."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, int, tuple[Hop, ...]]] = {}
        """Name, ifindex and routes, by id of the node."""
        self._called: dict[str, str] = {}
        self._at: dict[int, str] = {}
        self._by_length: dict[tuple[int, int], dict[int, list[Hop]]] = {}
        """Routes by version and prefix length, then by the prefix as a number."""

    def put(self, node: Node) -> None:
        name, ifindex = node.metadata.get("Name"), node.metadata.get("IfIndex")
        if not isinstance(name, str) or not isinstance(ifindex, int):
            return
        hops = tuple(_useful(hops_of(node.metadata.get("RoutingTables"))))
        self._known[node.id] = (name, ifindex, hops)
        self._called[name] = self._at[ifindex] = node.id
        for hop in hops:
            self._by_length.setdefault(_length(hop), {}).setdefault(_prefix(hop), []).append(hop)

    def drop(self, node_id: str) -> None:
        name, ifindex, hops = self._known.pop(node_id, ("", 0, ()))
        for hop in hops:
            networks = self._by_length[_length(hop)]
            networks[_prefix(hop)].remove(hop)
            if not networks[_prefix(hop)]:
                del networks[_prefix(hop)]
        if self._called.get(name) == node_id:
            del self._called[name]
        if self._at.get(ifindex) == node_id:
            del self._at[ifindex]

    def toward(self, address: Address) -> Iterator[Hop]:
        """Yield the routes whose prefix holds an address; of equal ones that of the lowest ifindex first."""
        for (version, length), networks in self._by_length.items():
            if version == address.version:
                found = networks.get(int(address) >> (address.max_prefixlen - length), ())
                yield from sorted(found, key=lambda hop: hop.ifindex or 0)

    def at(self, ifindex: int) -> str:
        return self._at.get(ifindex, "")

    def called(self, name: str) -> str:
        return self._called.get(name, "")


def _useful(hops: Iterable[Hop]) -> Iterator[Hop]:
    """Leave out routes to what no tunnel leads to: every interface with IPv6 has several."""
    return (hop for hop in hops if not (hop.network.is_link_local or hop.network.is_multicast))


def _length(hop: Hop) -> tuple[int, int]:
    return hop.network.version, hop.network.prefixlen


def _prefix(hop: Hop) -> int:
    return int(hop.network.network_address) >> (hop.network.max_prefixlen - hop.network.prefixlen)
