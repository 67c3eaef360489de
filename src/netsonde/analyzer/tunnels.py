# SPDX-License-Identifier: Apache-2.0
"""Which interfaces carry a tunnel, and which tunnel is its other end, by address. Pure, but for reading the graph.

Source: `LocalIP`, `RemoteIP`, `Type`, `VNI` of tunnels, of the kernel's and of Open vSwitch's; `IPV4` and `IPV6` of
interfaces; who owns them. Everything is looked up by address: a change costs what it touches, not what there is. The
near end of a tunnel that names none is the interface by which Open vSwitch says that it leaves (`TunEgressIface`), or
else the one that the routes to its far end lead out of (analyzer/egress.py); it has the addresses of that interface.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple, TypeVar

from netsonde.analyzer.egress import Egress
from netsonde.graph import Event, GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.ids import edge_id
from netsonde.graph.locate import owner_of
from netsonde.model.elements import Edge, Json, Metadata, Node

K = TypeVar("K")

UNDERLAY: Final = "underlay"
ORIGIN: Final = "computed.underlay"
KEYS: Final = frozenset({"IPV4", "IPV6", "LocalIP", "RemoteIP", "TunEgressIface", "Type", "VNI", "Ovs"})
"""Keys of nodes whose change may change an edge."""
_PLACES: Final = frozenset({"host", "netns"})
_MOST_OWNERS: Final = 8
"""Owners above a node that are looked at on the way to its namespace; there are two or three."""


class Ends(NamedTuple):
    """A tunnel: "" for an end that it does not name."""

    local: str
    remote: str
    kind: str
    network: str
    leaves_by: str
    """Name of the interface that it leaves by, where it names no near end and Open vSwitch says so."""

    @property
    def same_network(self) -> tuple[str, str]:
        """What both ends of a tunnel agree on."""
        return self.kind, self.network


class Near(NamedTuple):
    """Where a tunnel that names no near end begins."""

    place: str
    """The host or namespace whose routes it takes."""
    carrier: str
    """The interface that it leaves by, "" when there is none."""
    addresses: tuple[str, ...]


_NO_TUNNEL: Final = Ends("", "", "", "", "")
_NOWHERE: Final = Near("", "", ())


class Tunnels:
    """Addresses of interfaces and ends of tunnels, kept up to date by the graph's events.

    `take` and `follow` return the tunnels to look at. To look at one is to `settle` it, which may return others to look
    at, and then to ask for its `edges`.
    """

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self._egress = Egress(graph)
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._at: dict[str, set[str]] = {}
        self._ends: dict[str, Ends] = {}
        self._with_end: dict[str, set[str]] = {}
        self._between: dict[tuple[str, str], set[str]] = {}
        """Tunnels by near and far address."""
        self._near: dict[str, Near] = {}
        self._settled: dict[str, set[str]] = {}
        """Tunnels in `_near` by the place whose routes they take, and by the interface that they leave by."""
        self.ambiguous: set[str] = set()
        """Tunnels with an end whose address several interfaces have, none of them more likely than the others."""

    def __len__(self) -> int:
        return len(self._ends)

    def take(self, nodes: Iterable[Node]) -> set[str]:
        """Take in what is there already; return the tunnels to look at."""
        return {tunnel for node in nodes for tunnel in self._node(node.id, node.metadata)}

    def follow(self, events: Iterable[Event]) -> set[str]:
        """Take in what happened; return the tunnels whose edges may have changed."""
        found: set[str] = set()
        for event in events:
            element = event.element
            for place in self._egress.follow(event):
                found |= self._settled.get(place, set())
            if isinstance(element, Edge):
                if event.kind != "updated" and relation_type(element.metadata) == OWNERSHIP:
                    found |= self._moved(element.child)
            elif event.kind == "deleted":
                found |= self._node(element.id, {})
            elif event.kind == "added" or event.touched & KEYS:
                found |= self._node(element.id, element.metadata)
        return found

    def settle(self, tunnel: str) -> set[str]:
        """Find out where a tunnel begins that does not say so; return the tunnels whose other end it may be, or was."""
        return self._put_near(tunnel, self._begins(tunnel))

    def edges(self, tunnel: str) -> dict[str, Edge]:
        """Return the edges of a tunnel as they should be, by id; none when it is gone."""
        self.ambiguous.discard(tunnel)
        ends, node = self._ends.get(tunnel), self._graph.node(tunnel)
        if ends is None or node is None:
            return {}
        found = [
            self._edge(node, carrier, {"RelationType": UNDERLAY, "End": end})
            for end, carrier in (("local", self._local(node, ends)), ("remote", self._remote(node, ends)))
            if carrier is not None
        ]
        other = self._other_end(node, ends)
        if other is not None:
            first, second = sorted((node, other), key=lambda one: one.id)
            found.append(self._edge(first, second, {"RelationType": "layer2", "Type": ends.kind}))
        return {edge.id: edge for edge in found}

    def _node(self, node_id: str, metadata: Metadata) -> set[str]:
        before, after = self._addresses.get(node_id, ()), tuple(sorted(_addresses(metadata)))
        touched: set[str] = set()
        for address in set(before) ^ set(after):
            _change(self._at, address, node_id, there=address in after)
            touched |= self._with_end.get(address, set()) | self._settled.get(node_id, set())
        _keep(self._addresses, node_id, after)
        return touched | self._tunnel(node_id, _ends(metadata))

    def _tunnel(self, node_id: str, after: Ends) -> set[str]:
        before = self._ends.get(node_id, _NO_TUNNEL)
        if before == after:
            return set()
        touched = {node_id} | self._put_near(node_id, _NOWHERE) | self._meet(node_id, {before.local} - {""}, ())
        for ends, there in ((before, False), (after, True)):
            for address in {ends.local, ends.remote} - {""}:
                _change(self._with_end, address, node_id, there=there)
        if after == _NO_TUNNEL:
            del self._ends[node_id]
        else:
            self._ends[node_id] = after
        return touched | self._meet(node_id, (), {after.local} - {""})

    def _put_near(self, tunnel: str, after: Near) -> set[str]:
        """Keep where a tunnel begins; return the tunnels whose other end it may be, or was."""
        before = self._near.get(tunnel, _NOWHERE)
        if before == after:
            return set()
        for name in {before.place, before.carrier} - {after.place, after.carrier, ""}:
            _change(self._settled, name, tunnel, there=False)
        for name in {after.place, after.carrier} - {""}:
            _change(self._settled, name, tunnel, there=True)
        if before.place not in self._settled:
            self._egress.forget(before.place)
        if after == _NOWHERE:
            del self._near[tunnel]
        else:
            self._near[tunnel] = after
        return self._meet(tunnel, before.addresses, after.addresses)

    def _meet(self, tunnel: str, before: Iterable[str], after: Iterable[str]) -> set[str]:
        """Let a tunnel be found by other near addresses; return the tunnels that lead there from its far end."""
        far = self._ends.get(tunnel, _NO_TUNNEL).remote
        if not far:
            return set()
        touched: set[str] = set()
        for addresses, there in ((before, False), (after, True)):
            for near in addresses:
                _change(self._between, (near, far), tunnel, there=there)
                touched |= self._between.get((far, near), set())
        return touched

    def _near_addresses(self, tunnel: str) -> tuple[str, ...]:
        local = self._ends.get(tunnel, _NO_TUNNEL).local
        return (local,) if local else self._near.get(tunnel, _NOWHERE).addresses

    def _begins(self, tunnel: str) -> Near:
        ends, node = self._ends.get(tunnel, _NO_TUNNEL), self._graph.node(tunnel)
        place = None if node is None or ends.local or not ends.remote else self._place(node)
        if place is None:
            return _NOWHERE
        said = self._egress.named(place, ends.leaves_by) if ends.leaves_by else None
        carrier = said or self._egress.toward(place, ends.remote)
        if carrier is None or carrier.id == tunnel:
            return Near(place.id, "", ())
        return Near(place.id, carrier.id, self._addresses.get(carrier.id, ()))

    def _moved(self, node_id: str) -> set[str]:
        """Return the tunnels that a node, or one that it owns, is or carries: it got or lost its owner."""
        below = (edge.child for edge in self._graph.out_edges(node_id) if relation_type(edge.metadata) == OWNERSHIP)
        found: set[str] = set()
        for each in (node_id, *below):
            if each in self._ends:
                found.add(each)
            for address in self._addresses.get(each, ()):
                found |= self._with_end.get(address, set())
        return found

    def _local(self, tunnel: Node, ends: Ends) -> Node | None:
        """Return the interface of the same host that has the near address, of the same namespace if one there has.

        Without a near address, the one that the tunnel leaves by.
        """
        if not ends.local:
            return self._graph.node(self._near.get(tunnel.id, _NOWHERE).carrier)
        here = [(place, node) for place, node in self._carriers(tunnel, ends.local) if node.host == tunnel.host]
        mine = self._place(tunnel)
        return self._one(tunnel, [node for place, node in here if place == mine] or [node for _, node in here])

    def _remote(self, tunnel: Node, ends: Ends) -> Node | None:
        """Return the interface elsewhere that has the far address; of several that of a host, not of a namespace."""
        mine = self._place(tunnel)
        there = [(place, node) for place, node in self._carriers(tunnel, ends.remote) if place != mine]
        hosts = [node for place, node in there if place.metadata.get("Type") == "host"]
        return self._one(tunnel, hosts or [node for _, node in there])

    def _other_end(self, tunnel: Node, ends: Ends) -> Node | None:
        leading_here = {
            other
            for near in self._near_addresses(tunnel.id)
            for other in self._between.get((ends.remote, near), ())
            if other != tunnel.id and self._ends[other].same_network == ends.same_network
        }
        return self._one(tunnel, [node for node in map(self._graph.node, leading_here) if node is not None])

    def _carriers(self, tunnel: Node, address: str) -> Iterator[tuple[Node, Node]]:
        """Yield the interfaces with an address, each after the host or namespace that it is in."""
        for node_id in self._at.get(address, ()):
            node = self._graph.node(node_id)
            place = None if node is None or node_id == tunnel.id else self._place(node)
            if node is not None and place is not None:
                yield place, node

    def _one(self, tunnel: Node, candidates: list[Node]) -> Node | None:
        if len(candidates) > 1:
            self.ambiguous.add(tunnel.id)
        return candidates[0] if len(candidates) == 1 else None

    def _place(self, node: Node) -> Node | None:
        above: Node | None = node
        for _ in range(_MOST_OWNERS):
            if above is None or above.metadata.get("Type") in _PLACES:
                return above
            above = owner_of(self._graph, above.id)
        return None

    def _edge(self, parent: Node, child: Node, metadata: Metadata) -> Edge:
        name = edge_id(parent.id, child.id, relation_type(metadata))
        made = max(parent.created_at, child.created_at)
        return Edge(name, metadata, "", ORIGIN, made, made, parent=parent.id, child=child.id)


def _addresses(metadata: Metadata) -> set[str]:
    found = set()
    for key in ("IPV4", "IPV6"):
        values = metadata.get(key)
        for value in values if isinstance(values, list) else ():
            found.add(_address(value.partition("/")[0]) if isinstance(value, str) else "")
    return found - {""}


def _ends(metadata: Metadata) -> Ends:
    local, remote = _address(metadata.get("LocalIP")), _address(metadata.get("RemoteIP"))
    if not (local or remote):
        return _NO_TUNNEL
    leaves_by = "" if local else str(metadata.get("TunEgressIface", ""))
    return Ends(local, remote, str(metadata.get("Type", "")), _network(metadata), leaves_by)


def _network(metadata: Metadata) -> str:
    """Return which of several tunnels between two addresses it is: the VNI, in Open vSwitch the key."""
    ovs = metadata.get("Ovs")
    options = ovs.get("Options") if isinstance(ovs, dict) else None
    key = options.get("key") if isinstance(options, dict) else None
    return str(metadata.get("VNI", key or ""))


def _address(value: Json) -> str:
    """Return an address in one spelling; "" for what is none, or none that another host could send to."""
    if not isinstance(value, str):
        return ""
    try:
        address = ip_address(value)
    except ValueError:
        return ""
    useless = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return "" if useless else str(address)


def _keep(table: dict[str, tuple[str, ...]], key: str, value: tuple[str, ...]) -> None:
    if value:
        table[key] = value
    else:
        table.pop(key, None)


def _change(index: dict[K, set[str]], key: K, member: str, *, there: bool) -> None:
    if there:
        index.setdefault(key, set()).add(member)
        return
    members = index.get(key, set())
    members.discard(member)
    if not members:
        index.pop(key, None)
