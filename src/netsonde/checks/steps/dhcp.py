# SPDX-License-Identifier: Apache-2.0
"""Step `dhcp`: the interface gets an address: a lease (RFC 2131, RFC 8415), or one that it forms itself (RFC 4862)."""

from collections.abc import Iterator
from ipaddress import IPv6Network, ip_address
from typing import Final, Literal

import msgspec

from netsonde.checks.facts import Dhcp, Packet
from netsonde.checks.steps._api import WAITING, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, clock, injected, left, milliseconds, packets, silence, span
from netsonde.errors import UserError

_MOST_PREFIXES: Final = 64
"""Of routers' advertisements; a link with more is no link, and every address formed is compared with each."""


_OFFER_MS: Final = 3_500
"""Servers that ping an address before they offer it take up to three seconds."""


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    family: Literal["v4", "v6"] = "v4"
    """Which kind of address; an address that the interface forms itself counts as v6."""
    server: str = ""
    """Address of the server, or router, that must give it; empty = any."""


class Judge:
    """Follows the transactions of one interface."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._wanted = wanted
        self._scene = scene
        self._version = 4 if wanted.family == "v4" else 6
        self._xids: set[int] = set()
        self._question: Packet | None = None
        self._offer: Packet | None = None
        self._refusal: Packet | None = None
        self._lease: Packet | None = None
        self._prefixes: dict[IPv6Network, Packet] = {}
        self._formed: Packet | None = None
        self._sent = 0

    def packet(self, packet: Packet, *, own: bool) -> None:
        self._sent += own
        if packet.dhcp is not None and packet.dhcp.version == self._version:
            self._message(packet, packet.dhcp, own=own)
        elif self._version == 6:
            self._slaac(packet, own=own)

    def _message(self, packet: Packet, message: Dhcp, *, own: bool) -> None:
        if message.from_client:
            if own:
                self._xids.add(message.xid)
                self._question = self._question or packet
        elif message.xid not in self._xids:
            return
        elif message.kind in ("ACK", "Reply") and message.address:
            # The first one decides, whoever sent it: the client takes no other.
            self._lease = self._lease or packet
        elif message.kind in ("Offer", "Advertise"):
            self._offer = self._offer or packet
        elif message.message or message.kind == "NAK":
            self._refusal = packet

    def _slaac(self, packet: Packet, *, own: bool) -> None:
        for prefix in packet.prefixes:
            self._advertised(prefix, packet)
        said = packet.neighbour
        # Duplicate address detection: the interface is about to use this address.
        is_formed = own and said is not None and said.asks and not said.speaker
        if is_formed and said is not None and self._formed is None and self._router(said.address) is not None:
            self._formed = packet

    def _advertised(self, prefix: str, packet: Packet) -> None:
        if len(self._prefixes) < _MOST_PREFIXES:
            try:
                self._prefixes.setdefault(IPv6Network(prefix, strict=False), packet)
            except ValueError:
                return

    def _router(self, text: str) -> Packet | None:
        """Return the advertisement that told of an address's prefix."""
        try:
            address = ip_address(text)
        except ValueError:
            return None
        return next((packet for prefix, packet in self._prefixes.items() if address in prefix), None)

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        if self._lease is not None and self._lease.dhcp is not None:
            return self._given(self._lease, self._lease.dhcp.address, _server(self._lease))
        if self._formed is not None and self._formed.neighbour is not None:
            address = self._formed.neighbour.address
            router = self._router(address)
            return self._given(self._formed, address, router.source if router else "")
        return self._missing() if over else WAITING

    def _given(self, packet: Packet, address: str, server: str) -> Outcome:
        evidence = tuple(seen for seen in (self._question, self._offer, packet) if seen is not None)
        scene, wanted = self._scene, self._wanted.server
        sentence = f"{scene.name} got {address} from {server or 'a server without a name'}"
        if packet.time_ns > scene.until_ns:
            sentence += f" only after {span(scene, packet.time_ns)}, later than {scene.seconds}"
            return Outcome("fail", sentence, packet.time_ns, evidence)
        if wanted and not _same(wanted, server) and not _same(wanted, packet.source):
            return Outcome("fail", f"{sentence}, which is not the expected {wanted}", packet.time_ns, evidence)
        return Outcome("pass", f"{sentence} after {span(scene, packet.time_ns)}", packet.time_ns, evidence)

    def _missing(self) -> Outcome:
        scene, kind = self._scene, "DHCP" if self._version == 4 else "DHCPv6"
        if self._question is None:
            seen = packets(self._sent, "other ") if self._sent else "nothing at all"
            sentence = f"{scene.name} asked for no lease within {scene.seconds}; it sent {seen}"
            return Outcome("fail", sentence)
        if self._refusal is not None and self._refusal.dhcp is not None:
            words = f": {self._refusal.dhcp.message}" if self._refusal.dhcp.message else ""
            sentence = f"{_server(self._refusal)} refused a lease at {clock(self._refusal.time_ns)}{words}"
            return Outcome("fail", sentence, self._refusal.time_ns, (self._question, self._refusal))
        if self._offer is not None:
            sentence = (
                f"{kind} offer of {_server(self._offer)} reached {scene.name} at {clock(self._offer.time_ns)}, "
                f"but no lease followed within {scene.seconds}"
            )
            return Outcome("fail", sentence, 0, (self._question, self._offer))
        where = scene.trail(self._question.flow)
        words = "discover" if self._version == 4 else "solicit"
        sentence = f"{left(scene, f'{kind} {words}', self._question)}: {_cause(where.missing, where.vlan)}"
        return Outcome("fail", sentence, 0, (self._question,), where.nodes)


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Ask for offers, as the guest would; none is taken, so no lease changes."""
    if wanted.family != "v4":
        raise UserError("only DHCPv4 can be asked by injection, and the guest asked for no address itself")
    answers = await sender.ask(Question("dhcp", count=2, interval=1000, timeout=_OFFER_MS))
    offers = [reply for reply in answers.replies if reply.note.startswith("Offer")]
    if not offers:
        return silence(injected("DHCP discover", scene, answers), answers, "no server answered")
    for offer in offers:
        if wanted.server and not _same(wanted.server, offer.source):
            sentence = f"{offer.source} made an {offer.note.lower()} to an injected discover"
            return Outcome("fail", f"{sentence}; it is not the expected {wanted.server}", arrival_ns(offer))
    address = offers[0].note.rpartition(" ")[2]
    sentence = f"{offers[0].source} offers {address} to an injected discover, in {milliseconds(offers[0])}"
    return Outcome("pass", f"{sentence}; the guest asked for no lease itself", arrival_ns(offers[0]))


def _cause(missing: str, vlan: int) -> str:
    if not missing:
        return "no server answered"
    return f"no relay or wrong VLAN {vlan}" if vlan else "no relay or wrong VLAN"


def _server(packet: Packet) -> str:
    """Return who sent a reply: what DHCPv4 says itself, since relays put themselves in between."""
    assert packet.dhcp is not None
    return (packet.dhcp.server if packet.dhcp.version == 4 else "") or packet.source


def _same(one: str, other: str) -> bool:
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return False


def _problems(wanted: Parameters) -> Iterator[str]:
    if wanted.server and not _same(wanted.server, wanted.server):
        yield f"Server {wanted.server[:60]!r} is no IP address"


STEP = Step("dhcp", Parameters, Judge, _inquire, problems=_problems)
