# SPDX-License-Identifier: Apache-2.0
"""Which packets of an interface its guest sent: by MAC address, as the graph tells it, or else by who speaks first.

A tap or the host's end of a veth carries what the guest sends and what is sent to it, the flooded questions of others
among it. The graph knows the guest's address by Neutron's `ExtID.attached-mac`, or by the other end of the veth.
"""

from collections.abc import Callable

from netsonde.graph import GraphReader, locate
from netsonde.model.elements import Json, Node

_NO_GUEST = frozenset[str]()


class Speaker:
    """Tells the packets of one interface's guest from all others."""

    def __init__(self, graph: GraphReader, node_id: str) -> None:
        self._graph = graph
        self._node_id = node_id
        self._macs: frozenset[str] = _NO_GUEST

    @property
    def mac(self) -> str:
        """The address that speaks, the first of several; "" = nobody has spoken, and the graph does not tell."""
        node = None if self._macs else self._graph.node(self._node_id)
        if node is not None:
            self._macs = guest_macs(self._graph, node)
        return min(self._macs, default="")

    def is_own(self, mac: str) -> bool:
        """Tell whether a packet with this source is the guest's; "" is a link without addresses, which is its own."""
        if not mac:
            return True
        if not self._macs:
            node = self._graph.node(self._node_id)
            self._macs = guest_macs(self._graph, node) if node is not None else _NO_GUEST
        if not self._macs and owner_of_mac(self._graph, mac) is None:
            # Nobody that the graph knows has it, so it lives behind this interface.
            self._macs = frozenset((mac,))
        return mac in self._macs


def guest_macs(graph: GraphReader, node: Node) -> frozenset[str]:
    """Return the addresses that speak for an interface; empty = the graph does not tell."""
    attached = _attached(node)
    if attached:
        return frozenset((attached,))
    guest = guest_node(graph, node)
    return _NO_GUEST if guest is None else _mac(guest)


def guest_node(graph: GraphReader, node: Node) -> Node | None:
    """Return the node whose addresses speak for an interface: itself, or the other end of a veth; None for a VM's."""
    if _attached(node) or node.metadata.get("Type") == "tuntap":
        return None
    if node.metadata.get("Type") != "veth":
        return node
    peer = _neighbour(graph, node, lambda other: other.metadata.get("Type") == "veth", relation="veth")
    if peer is None:
        return None if _is_port(graph, node) else node
    here, there = locate(graph, node), locate(graph, peer)
    if here is not None and there is not None and (here.netns is None) != (there.netns is None):
        # The guest is the one that does not live in the host's own namespace.
        return peer if here.netns is None else node
    return peer if _is_port(graph, node) else node


def _attached(node: Node) -> str:
    return _text(_path(node, "ExtID", "attached-mac")).strip('"').lower()


def _is_port(graph: GraphReader, node: Node) -> bool:
    switches = ("bridge", "ovsbridge", "ovsport")
    return _neighbour(graph, node, lambda other: other.metadata.get("Type") in switches) is not None


def _neighbour(graph: GraphReader, node: Node, fits: Callable[[Node], bool], relation: str = "") -> Node | None:
    """Return a node that fits at the other end of a layer 2 edge; `relation` = the edge's Type."""
    ends = [(edge, edge.child) for edge in graph.out_edges(node.id)]
    ends += [(edge, edge.parent) for edge in graph.in_edges(node.id)]
    for edge, other_id in ends:
        other = graph.node(other_id)
        is_layer2 = edge.metadata.get("RelationType") == "layer2"
        if is_layer2 and relation in ("", edge.metadata.get("Type")) and other is not None and fits(other):
            return other
    return None


def owner_of_mac(graph: GraphReader, mac: str) -> Node | None:
    """Return an interface that has a MAC address, preferring the one that is no copy of it on a bridge."""
    found = sorted(graph.nodes_with("MAC", mac), key=lambda node: (node.metadata.get("Type") == "bridge", node.id))
    return found[0] if found else None


def vlan_of(graph: GraphReader, node: Node) -> int:
    """Return the VLAN tag of an interface's port on a switch, 0 = none is known."""
    port = _neighbour(graph, node, lambda other: other.metadata.get("Type") == "ovsport")
    vlan = (port or node).metadata.get("Vlans")
    return vlan if isinstance(vlan, int) and not isinstance(vlan, bool) else 0


def _mac(node: Node) -> frozenset[str]:
    mac = _text(node.metadata.get("MAC"))
    return frozenset((mac.lower(),)) if mac else _NO_GUEST


def _path(node: Node, *keys: str) -> Json:
    found: Json = node.metadata
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
