# SPDX-License-Identifier: Apache-2.0
"""Step `gateway`: ARP or neighbour discovery finds the gateway, and nobody else claims its address."""

import re
from collections.abc import Iterator
from ipaddress import ip_address

import msgspec

from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import SETTLE_NS, WAITING, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, first_router, injected, left, lost, milliseconds, silence, span


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    address: str = ""
    """Of the gateway; empty = the first router that the interface's lease names."""
    mac: str = msgspec.field(name="MAC", default="")
    """That must answer; empty = any, but only one."""


class Judge:
    """Follows who asks for addresses and who claims them."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._wanted = wanted
        self._scene = scene
        self._address = _canonical(wanted.address)
        self._questions: dict[str, Packet] = {}
        self._answers: dict[str, Packet] = {}
        self._claims: dict[str, dict[str, Packet]] = {}

    def packet(self, packet: Packet, *, own: bool) -> None:
        message, said = packet.dhcp, packet.neighbour
        if not self._address and message is not None and message.kind == "ACK" and message.routers:
            self._address = message.routers[0]
        if said is None:
            return
        if said.asks:
            if own:
                self._questions.setdefault(said.address, packet)
            self._claim(said.speaker, said.mac, packet)
        else:
            self._answers.setdefault(said.address, packet)
            self._claim(said.address, said.mac, packet)

    def _claim(self, address: str, mac: str, packet: Packet) -> None:
        if address and mac:
            self._claims.setdefault(address, {}).setdefault(mac, packet)

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        claims = self._claims.get(self._address, {})
        if len(claims) > 1:
            return self._impostor(claims)
        answer = self._answers.get(self._address)
        if answer is not None and answer.neighbour is not None:
            return self._answered(answer, answer.neighbour.mac, now_ns, over=over)
        return self._unanswered() if over else WAITING

    def _answered(self, answer: Packet, mac: str, now_ns: int, *, over: bool) -> Outcome:
        scene, wanted = self._scene, self._wanted.mac.lower()
        evidence = tuple(seen for seen in (self._questions.get(self._address), answer) if seen is not None)
        if wanted and mac != wanted:
            sentence = f"{self._address} is answered by {self._named(mac)}, not by the expected {wanted}"
            return Outcome("fail", sentence, answer.time_ns, evidence)
        if answer.time_ns > scene.until_ns:
            sentence = f"{self._address} was answered only after {span(scene, answer.time_ns)}"
            return Outcome("fail", f"{sentence}, later than {scene.seconds}", answer.time_ns, evidence)
        if not over and now_ns < answer.time_ns + SETTLE_NS:
            return WAITING
        sentence = f"the gateway {self._address} is {self._named(mac)}, after {span(scene, answer.time_ns)}"
        return Outcome("pass", sentence, answer.time_ns, evidence)

    def _impostor(self, claims: dict[str, Packet]) -> Outcome:
        packets = sorted(claims.values(), key=lambda packet: packet.time_ns)
        owners = " and ".join(self._named(packet.neighbour.mac) for packet in packets if packet.neighbour is not None)
        sentence = f"the gateway's address {self._address} is claimed by {len(claims)}: {owners}; one is an impostor"
        return Outcome("fail", sentence, packets[1].time_ns, tuple(packets[:10]))

    def _unanswered(self) -> Outcome:
        if not self._address:
            return Outcome("unknown", f"no gateway is known: no lease of {self._scene.name} named a router")
        question = self._questions.get(self._address)
        if question is None:
            return Outcome("unknown", f"{self._scene.name} did not ask for {self._address}, so nobody could answer")
        kind = "ARP question" if "." in self._address else "neighbour solicitation"
        sentence = f"{left(self._scene, f'{kind} for {self._address}', question)}"
        cause = lost(self._scene, question, "nobody answered")
        return Outcome("fail", f"{sentence}: {cause}", 0, (question,), self._scene.trail(question.flow).nodes)

    def _named(self, mac: str) -> str:
        return _named(self._scene, mac)


def _named(scene: Scene, mac: str) -> str:
    owner = scene.owner(mac)
    return f"{mac} ({owner})" if owner else mac


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Ask who has the gateway's address, three times: an impostor may be slower than the gateway."""
    address = _canonical(wanted.address) or first_router(scene)
    what = "ARP question" if "." in address else "neighbour solicitation"
    answers = await sender.ask(Question("neighbour", address, count=3, timeout=600))
    claims = {reply.note: reply for reply in reversed(answers.replies) if reply.note}
    if not claims:
        return silence(injected(f"{what} for {address}", scene, answers), answers, "nobody answered")
    first = min(claims.values(), key=arrival_ns)
    if len(claims) > 1:
        owners = " and ".join(_named(scene, mac) for mac in sorted(claims))
        sentence = f"the gateway's address {address} is claimed by {len(claims)}: {owners}; one is an impostor"
        return Outcome("fail", sentence, max(map(arrival_ns, claims.values())))
    if wanted.mac and first.note != wanted.mac.lower():
        sentence = f"{address} is answered by {_named(scene, first.note)}, not by the expected {wanted.mac.lower()}"
        return Outcome("fail", sentence, arrival_ns(first))
    sentence = f"the gateway {address} is {_named(scene, first.note)}: it answered an injected {what}"
    return Outcome("pass", f"{sentence} in {milliseconds(first)}", arrival_ns(first))


def _canonical(address: str) -> str:
    """Return an address as packets spell it."""
    try:
        return str(ip_address(address))
    except ValueError:
        return ""


def _problems(wanted: Parameters) -> Iterator[str]:
    if wanted.address and not _canonical(wanted.address):
        yield f"Address {wanted.address[:60]!r} is no IP address"
    if wanted.mac and not re.fullmatch("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", wanted.mac, re.ASCII):
        yield f"MAC {wanted.mac[:60]!r} is no MAC address; write 02:00:00:00:00:01"


STEP = Step("gateway", Parameters, Judge, _inquire, problems=_problems)
