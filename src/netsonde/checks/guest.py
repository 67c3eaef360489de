# SPDX-License-Identifier: Apache-2.0
"""What is known of the guest behind an interface, so that packets can be injected as if it had sent them.

Source: its first packets (leases, what it says of itself, who claims an address, routers' advertisements), and the
graph (Neutron's addresses, those of a container's end of the veth, its routes).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Final, TypeAlias

from netsonde.checks.facts import Dhcp, Neighbour, Packet
from netsonde.checks.subjects import Speaker, guest_node
from netsonde.graph import GraphReader
from netsonde.model.checks import Injected
from netsonde.model.elements import Json, Node

Address: TypeAlias = IPv4Address | IPv6Address
Interface: TypeAlias = IPv4Interface | IPv6Interface

_MOST_KNOWN: Final = 256
"""Addresses, and networks, that are remembered: what packets claim may be anything."""


class Asking:
    """One at a time asks for a MAC address; who has heard an answer lets the next go on, while it listens for more."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Callable[[], None]]:
        """Give what lets the next go on before the end."""
        await self._lock.acquire()
        with ExitStack() as held:
            held.callback(self._lock.release)
            yield held.close


class Guest:
    """Learns from the packets of one interface; answers with what is known at the moment."""

    def __init__(self, graph: GraphReader, node_id: str, speaker: Speaker) -> None:
        self._graph = graph
        self._node_id = node_id
        self._speaker = speaker
        self._said: dict[Interface, None] = {}
        self._claims: dict[str, str] = {}
        self._routers: dict[str, None] = {}
        self._links: dict[IPv6Network, None] = {}
        self.dns_servers: tuple[str, ...] = ()
        self.asking = Asking()
        self.unanswered: dict[str, tuple[Injected, int]] = {}
        """By address, the last question for its owner that nobody answered, and when it was sent, in Unix ns."""

    @property
    def mac(self) -> str:
        """ "" = nobody has spoken yet, and the graph does not tell."""
        return self._speaker.mac

    @property
    def is_behind(self) -> bool:
        """Whether the guest is behind the interface, so that what it sends comes in there; else it is the interface."""
        node = self._graph.node(self._node_id)
        guest = None if node is None else guest_node(self._graph, node)
        return guest is None or guest.id != self._node_id

    def learn(self, packet: Packet, *, own: bool) -> None:
        """Take a packet of the interface; `own` = the guest sent it."""
        said = packet.dhcp
        if said is not None and not said.from_client and self.mac in (said.client, packet.mac_destination):
            self._lease(said)
        if packet.neighbour is not None:
            self._neighbour(packet.neighbour, own=own)
        if packet.prefixes and not own:
            self._advertised(packet)

    def learn_mac(self, address: str, mac: str) -> None:
        """Take what somebody has answered for an address; the first one stays."""
        if mac and len(self._claims) < _MOST_KNOWN:
            self._claims.setdefault(address, mac)

    def mac_of(self, address: str) -> str:
        """Return who claimed an address, "" when nobody has yet."""
        return self._claims.get(address, "")

    def source(self, target: Address) -> Interface | None:
        """Return the guest's address for a target: one of its network, or one that reaches beyond the link."""
        own = [one for one in self.addresses() if one.version == target.version]
        near = [one for one in own if _is_near(one, target)]
        far = [one for one in own if not one.ip.is_link_local]
        return next(iter(near or far), None)

    def next_hop(self, target: Address) -> Address:
        """Return who has to get a packet for a target: the target itself, or a router."""
        own = [one for one in self.addresses() if one.version == target.version]
        on_link = any(_is_near(one, target) for one in own) or any(target in link for link in self._links)
        if on_link or (target.is_link_local and target.version == 6):
            return target
        return next((router for router in self.routers(target.version)), target)

    def addresses(self) -> list[Interface]:
        """Return the guest's own addresses, those that it says itself first."""
        return [*dict.fromkeys((*self._said, *self._known()))]

    def routers(self, version: int | None = None) -> list[Address]:
        """Return the routers that a lease, an advertisement or the guest's routes name; of one IP version, or both."""
        named = [*self._routers, *self._default_routes()]
        found = dict.fromkeys(one for one in map(_address, named) if one is not None)
        return [one for one in found if version in (None, one.version)]

    def _lease(self, message: Dhcp) -> None:
        if message.kind == "ACK":
            self._take(f"{message.address}/{message.prefix_length or 32}")
            self._routers.update(dict.fromkeys(message.routers[:_MOST_KNOWN]))
        if message.kind in ("ACK", "Reply"):
            self.dns_servers = tuple(message.dns_servers[:_MOST_KNOWN]) or self.dns_servers

    def _neighbour(self, said: Neighbour, *, own: bool) -> None:
        if own:
            self._take(said.speaker if said.asks else said.address)
        elif not said.asks and said.mac:
            self.learn_mac(said.address, said.mac)
        elif said.speaker and said.mac:
            self.learn_mac(said.speaker, said.mac)

    def _advertised(self, packet: Packet) -> None:
        self._routers.setdefault(packet.source)
        if packet.mac_source:
            self.learn_mac(packet.source, packet.mac_source)
        for prefix in packet.prefixes[: _MOST_KNOWN - len(self._links)]:
            network = _network(prefix)
            if isinstance(network, IPv6Network):
                self._links.setdefault(network)

    def _take(self, text: str) -> None:
        """Remember an address of the guest; one with its network replaces the bare one."""
        address = _interface(text)
        if address is None or address.ip.is_unspecified or len(self._said) >= _MOST_KNOWN:
            return
        if any(one.ip == address.ip and _has_network(one) for one in self._said):
            return
        self._said = {one: None for one in self._said if one.ip != address.ip}
        self._said[address] = None

    def _known(self) -> Iterator[Interface]:
        """Yield what the graph says: addresses of Neutron's port, then those of the guest's own interface."""
        node = self._graph.node(self._node_id)
        if node is None:
            return
        neutron = node.metadata.get("Neutron")
        guest = guest_node(self._graph, node)
        for told in (neutron if isinstance(neutron, dict) else {}, {} if guest is None else guest.metadata):
            for key in ("IPV4", "IPV6"):
                yield from (one for one in map(_interface, _listed(told.get(key))) if one is not None)

    def _default_routes(self) -> Iterator[str]:
        node = self._graph.node(self._node_id)
        guest = None if node is None else guest_node(self._graph, node)
        for route in [] if guest is None else _routes(guest):
            if route.get("Prefix") in ("0.0.0.0/0", "::/0"):
                yield from (str(hop["IP"]) for hop in _objects(route.get("NextHops")) if hop.get("IP"))


def _routes(node: Node) -> Iterator[dict[str, Json]]:
    for table in _objects(node.metadata.get("RoutingTables")):
        yield from _objects(table.get("Routes"))


def _is_near(own: Interface, target: Address) -> bool:
    return target in own.network and _has_network(own)


def _has_network(own: Interface) -> bool:
    return own.network.prefixlen < own.max_prefixlen


def _read(read: Callable[[str], object], text: object) -> object | None:
    try:
        return read(str(text))
    except ValueError:
        return None


def _address(text: str) -> Address | None:
    found = _read(ip_address, text)
    return found if isinstance(found, (IPv4Address, IPv6Address)) else None


def _interface(text: object) -> Interface | None:
    found = _read(ip_interface, text)
    return found if isinstance(found, (IPv4Interface, IPv6Interface)) else None


def _network(text: str) -> object | None:
    return _read(ip_network, text)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in _listed(value) if isinstance(one, dict)]
