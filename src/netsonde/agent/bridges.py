# SPDX-License-Identifier: Apache-2.0
"""Which bridge of Open vSwitch a node of this host belongs to, and which of its ports the node is. Pure, but for the
agent's graph."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from netsonde.errors import UserError
from netsonde.graph.batch import OWNERSHIP
from netsonde.model.elements import Edge, Metadata, Node
from netsonde.probes.ovsdb.ofctl import management_socket
from netsonde.probes.ovsdb.rules import LOCAL, OfPort
from netsonde.probes.ovsdb.switch import LAYER2

_LOCAL_NUMBER: Final = 65534
_MOST_NUMBER: Final = 0xFEFF
"""OpenFlow 1.0, OFPP_MAX; what is above has a meaning of its own."""


class AgentGraph(Protocol):
    """The part of the agent's graph that is read."""

    def node(self, node_id: str) -> Node | None: ...
    def in_edges(self, node_id: str) -> Iterable[Edge]: ...
    def out_edges(self, node_id: str) -> Iterable[Edge]: ...
    def layer(self, node_id: str, owner: str) -> Metadata: ...


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that can be asked."""

    name: str
    socket: Path


def place_of(graph: AgentGraph, node_id: str, addresses: Mapping[str, str]) -> tuple[Bridge, frozenset[OfPort] | None]:
    """Return the bridge of a node, and which of its ports the node is; None = it is the bridge itself.

    `addresses` are those of databases, by the probe that reads each. Raises UserError when the node has no bridge.
    """
    node = graph.node(node_id)
    if node is None:
        raise UserError("it is gone")
    kind = node.metadata.get("Type")
    ports: frozenset[OfPort] | None = None
    bridge: Node | None = node
    if kind == "ovsport":
        ports = frozenset(_numbers(_ends(graph, graph.out_edges(node_id), LAYER2, "child")))
        bridge = _bridge_of(graph, node)
    elif kind != "ovsbridge":
        ports = frozenset(_numbers([node]))
        above = _ends(graph, graph.in_edges(node_id), LAYER2, "parent")
        port = next((each for each in above if each.metadata.get("Type") == "ovsport"), None)
        bridge = None if port is None else _bridge_of(graph, port)
    name = str(node.metadata.get("Name", ""))
    if bridge is None:
        raise UserError(f"{name} is on no bridge")
    if ports is not None and not ports:
        raise UserError(f"{name} has no OpenFlow port")
    address = next((where for probe, where in addresses.items() if graph.layer(bridge.id, probe)), None)
    if address is None:
        raise UserError(f"{name} is of no switch whose database this agent reads")
    found = str(bridge.metadata.get("Name", ""))
    return Bridge(found, management_socket(address, found)), ports


def _bridge_of(graph: AgentGraph, port: Node) -> Node | None:
    above = _ends(graph, graph.in_edges(port.id), OWNERSHIP, "parent")
    return next((each for each in above if each.metadata.get("Type") == "ovsbridge"), None)


def _ends(graph: AgentGraph, edges: Iterable[Edge], relation: str, end: str) -> list[Node]:
    ids = [getattr(edge, end) for edge in edges if edge.metadata.get("RelationType") == relation]
    return [node for node in map(graph.node, ids) if node is not None]


def _numbers(interfaces: Iterable[Node]) -> Iterator[OfPort]:
    for interface in interfaces:
        number = interface.metadata.get("OfPort")
        if number == _LOCAL_NUMBER:
            yield LOCAL
        elif isinstance(number, int) and 0 < number <= _MOST_NUMBER:
            yield number
