# SPDX-License-Identifier: Apache-2.0
"""Which interfaces carry a tunnel, and which tunnel is its other end, by address. Pure, but for reading the graph.

Source: `LocalIP`, `RemoteIP`, `Type`, `VNI` of tunnels, of the kernel's and of Open vSwitch's; `IPV4` and `IPV6` of
interfaces; who owns them. Everything is looked up by address: a change costs what it touches, not what there is.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final, NamedTuple, TypeVar

from netsonde.graph import Event, GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.graph.ids import edge_id
from netsonde.graph.locate import owner_of
from netsonde.model.elements import Edge, Json, Metadata, Node

K = TypeVar("K")

UNDERLAY: Final = "underlay"
ORIGIN: Final = "computed.underlay"
KEYS: Final = frozenset({"IPV4", "IPV6", "LocalIP", "RemoteIP", "Type", "VNI", "Ovs"})
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


_NO_TUNNEL: Final = Ends("", "", "", "")


class Tunnels:
    """Addresses of interfaces and ends of tunnels, kept up to date by the graph's events."""

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._at: dict[str, set[str]] = {}
        self._ends: dict[str, Ends] = {}
        self._with_end: dict[str, set[str]] = {}
        self._between: dict[tuple[str, str], set[str]] = {}
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
            if isinstance(element, Edge):
                if event.kind != "updated" and relation_type(element.metadata) == OWNERSHIP:
                    found |= self._moved(element.child)
            elif event.kind == "deleted":
                found |= self._node(element.id, {})
            elif event.kind == "added" or event.touched & KEYS:
                found |= self._node(element.id, element.metadata)
        return found

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
            touched |= self._with_end.get(address, set())
        _keep(self._addresses, node_id, after)
        return touched | self._tunnel(node_id, _ends(metadata))

    def _tunnel(self, node_id: str, after: Ends) -> set[str]:
        before = self._ends.get(node_id, _NO_TUNNEL)
        if before == after:
            return set()
        touched = {node_id}
        for ends, there in ((before, False), (after, True)):
            for address in {ends.local, ends.remote} - {""}:
                _change(self._with_end, address, node_id, there=there)
            if ends.local and ends.remote:
                _change(self._between, ends[:2], node_id, there=there)
                touched |= self._between.get((ends.remote, ends.local), set())
        if after.local or after.remote:
            self._ends[node_id] = after
        else:
            del self._ends[node_id]
        return touched

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
        """Return the interface of the same host that has the near address, of the same namespace if one there has."""
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
        if not (ends.local and ends.remote):
            return None
        same = [
            other
            for other in self._between.get((ends.remote, ends.local), ())
            if other != tunnel.id and self._ends[other][2:] == ends[2:]
        ]
        return self._one(tunnel, [node for node in map(self._graph.node, same) if node is not None])

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
    return Ends(local, remote, str(metadata.get("Type", "")), _network(metadata))


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
