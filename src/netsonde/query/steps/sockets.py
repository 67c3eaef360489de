# SPDX-License-Identifier: Apache-2.0
"""`Sockets`: the open sockets of nodes, or those at the ends of flows.

Source: the list `Sockets` in the metadata of hosts, namespaces and whatever else has one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, TypeAlias, cast

from netsonde.model.elements import Json, Metadata, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.flow_fields import Flow
from netsonde.query.kinds import Kind
from netsonde.query.rows import Entry, Rows, members
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call

End: TypeAlias = tuple[str, Json]
FiveTuple: TypeAlias = tuple[str, frozenset[End]]

KEY: Final = "Sockets"


@dataclass(frozen=True, slots=True)
class NodeSockets(Operation):
    """The sockets that each node lists."""

    takes: Kind

    def apply(self, rows: Rows, context: Context) -> Rows:
        nodes = (cast("Node", member) for member in members(self.takes, rows))
        return context.collected(Entry(node.id, socket) for node in nodes for socket in _sockets(node))

    def keys(self) -> Iterable[str]:
        return (KEY,)


@dataclass(frozen=True, slots=True)
class FlowSockets(Operation):
    """For each flow the sockets anywhere in the graph that have its addresses, ports and protocol, either way round."""

    def apply(self, rows: Rows, context: Context) -> Rows:
        flows = cast("Sequence[Flow]", rows)
        known = _by_five_tuple(context) if flows else {}
        return context.collected(
            Entry(str(flow.get("UUID", "")), socket) for flow in flows for socket in known.get(_of_flow(flow), ())
        )

    def keys(self) -> Iterable[str]:
        return ("UUID", "Network", "Transport")


def _sockets(node: Node) -> Iterator[Metadata]:
    found = node.metadata.get(KEY)
    return (each for each in found if isinstance(each, dict)) if isinstance(found, list) else iter(())


def _by_five_tuple(context: Context) -> dict[FiveTuple | None, list[Metadata]]:
    found: dict[FiveTuple | None, list[Metadata]] = {}
    for node in context.graph.nodes_having(KEY):
        context.check()
        for socket in _sockets(node):
            five_tuple = _of_socket(socket)
            if five_tuple is not None:
                found.setdefault(five_tuple, []).append(socket)
    return found


def _of_socket(socket: Metadata) -> FiveTuple | None:
    local = (_address(socket.get("LocalAddress")), _port(socket.get("LocalPort")))
    remote = (_address(socket.get("RemoteAddress")), _port(socket.get("RemotePort")))
    return _five_tuple(socket.get("Protocol"), local, remote)


def _of_flow(flow: Flow) -> FiveTuple | None:
    network, transport = flow.get("Network"), flow.get("Transport")
    if not isinstance(network, dict) or not isinstance(transport, dict):
        return None
    a, b = ((_address(network.get(end)), _port(transport.get(end))) for end in "AB")
    return _five_tuple(transport.get("Protocol"), a, b)


def _five_tuple(protocol: Json, one: End, other: End) -> FiveTuple | None:
    # A set of one end means that a host talks to itself on the same port; that is a five-tuple all the same.
    return (protocol, frozenset((one, other))) if protocol in ("TCP", "UDP") and isinstance(protocol, str) else None


def _port(value: Json) -> Json:
    return value if isinstance(value, int | str) else None


def _address(value: Json) -> str:
    return _one_spelling(value) if isinstance(value, str) else ""


@lru_cache(maxsize=65_536)
def _one_spelling(value: str) -> str:
    """Return an address in one spelling; IPv4 on a socket of IPv6 is the IPv4 address that its packets have."""
    try:
        address = ip_address(value)
    except ValueError:
        return value
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)


def build_sockets(call: Call, building: Building) -> Operation:
    """The sockets that nodes list, or the sockets at the ends of flows: `G.V().Sockets().Has('RemotePort', 80)`.

    They are listed where the probe `socketinfo` is enabled.
    """
    arguments.none(call)
    return FlowSockets() if building.takes is Kind.FLOWS else NodeSockets(building.takes)
