# SPDX-License-Identifier: Apache-2.0
"""Step `unexpected`: the interface speaks no other protocols, and with nobody else, than it is allowed to."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import msgspec

from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import WAITING, Outcome, Scene, Step
from netsonde.checks.steps._words import clock, packets


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step allows; at least one of the two."""

    protocols: list[str] = []
    """Last layers of packets, such as ARP, DHCPv4, DNS, TCP; empty = any."""
    peers: list[str] = []
    """Addresses and networks (CIDR) that it may send to, beside broadcast and multicast; empty = any."""


class Judge:
    """Looks at every packet that the interface sends; only the end of its time acquits it."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._protocols = {name.lower() for name in wanted.protocols}
        self._peers = [ip_network(text, strict=False) for text in wanted.peers]
        self._scene = scene
        self._sent = 0
        self._found: Outcome | None = None

    def packet(self, packet: Packet, *, own: bool) -> None:
        if not own or packet.time_ns > self._scene.until_ns:
            return
        self._sent += 1
        if self._found is not None:
            return
        if self._protocols and packet.protocol.lower() not in self._protocols:
            self._found = self._unexpected(packet, packet.protocol)
        elif self._peers and not self._may_reach(packet.destination):
            self._found = self._unexpected(packet, f"{packet.protocol} to {packet.destination}")

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        if self._found is not None:
            return self._found
        if not over:
            return WAITING
        return Outcome("pass", f"nothing unexpected among {packets(self._sent)} of {self._scene.name}")

    def _unexpected(self, packet: Packet, what: str) -> Outcome:
        sentence = f"{self._scene.name} sent unexpected {what} at {clock(packet.time_ns)}"
        return Outcome("fail", sentence, packet.time_ns, (packet,))

    def _may_reach(self, destination: str) -> bool:
        try:
            address = ip_address(destination)
        except ValueError:
            return True
        if address.is_multicast or destination == "255.255.255.255":
            return True
        return any(address in network for network in self._peers)


def _problems(wanted: Parameters) -> Iterator[str]:
    if not wanted.protocols and not wanted.peers:
        yield "name Protocols or Peers, or both: else nothing is unexpected"
    for text in wanted.peers:
        try:
            ip_network(text, strict=False)
        except ValueError:
            yield f"Peers: {text[:60]!r} is neither an IP address nor a network"


STEP = Step("unexpected", Parameters, Judge, problems=_problems)
