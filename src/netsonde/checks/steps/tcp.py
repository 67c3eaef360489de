# SPDX-License-Identifier: Apache-2.0
"""Step `tcp`: a connection of the interface to an address and port is made, such as 169.254.169.254:80 for metadata."""

from collections.abc import Iterator
from ipaddress import ip_address

import msgspec

from netsonde.checks.facts import ACK, RST, SYN, Packet
from netsonde.checks.steps._api import WAITING, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, clock, injected, left, lost, milliseconds, silence, span


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    target: str = ""
    """ADDRESS:PORT, or [ADDRESS]:PORT for IPv6."""


class Judge:
    """Follows handshakes with one target."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._target = wanted.target
        self._scene = scene
        self._address, self._port = _end(wanted.target)
        self._asked: dict[int | None, Packet] = {}
        self._refusal: Packet | None = None
        self._made: Packet | None = None

    def packet(self, packet: Packet, *, own: bool) -> None:
        flags = packet.tcp_flags
        if own and (packet.destination, packet.port_destination) == (self._address, self._port):
            if flags & (SYN | ACK) == SYN:
                self._asked.setdefault(packet.port_source, packet)
        elif (packet.source, packet.port_source) == (self._address, self._port):
            if packet.port_destination not in self._asked:
                return
            if flags & (SYN | ACK | RST) == SYN | ACK:
                self._made = self._made or packet
            elif flags & RST and self._refusal is None:
                self._refusal = packet

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        scene, made = self._scene, self._made
        if made is not None:
            evidence = (self._asked[made.port_destination], made)
            if made.time_ns > scene.until_ns:
                late = f"{self._target} answered only after {span(scene, made.time_ns)}, later than {scene.seconds}"
                return Outcome("fail", late, made.time_ns, evidence)
            return Outcome("pass", f"{self._target} answered after {span(scene, made.time_ns)}", made.time_ns, evidence)
        return self._missing() if over else WAITING

    def _missing(self) -> Outcome:
        question = next(iter(self._asked.values()), None)
        if question is None:
            return Outcome("unknown", f"{self._scene.name} did not connect to {self._target}")
        if self._refusal is not None:
            sentence = f"{self._target} refused the connection of {self._scene.name} at {clock(self._refusal.time_ns)}"
            evidence = (question, self._refusal)
            return Outcome("fail", f"{sentence}: nothing listens there", self._refusal.time_ns, evidence)
        cause = lost(self._scene, question, "nothing came back")
        sentence = f"{left(self._scene, f'connection to {self._target}', question)}: {cause}"
        return Outcome("fail", sentence, 0, (question,), self._scene.trail(question.flow).nodes)


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Ask for a connection, a second time if nothing comes back; the guest resets what is granted."""
    address, port = _end(wanted.target)
    answers = await sender.ask(Question("tcp", address, port=port))
    if not answers.replies and not answers.errors:
        answers = await sender.ask(Question("tcp", address, port=port))
    if not answers.replies:
        return silence(injected(f"connection to {wanted.target}", scene, answers), answers, "nothing came back")
    reply = answers.replies[0]
    if reply.verdict == "reset":
        sentence = f"{wanted.target} refused a connection injected at {scene.name} at {clock(arrival_ns(reply))}"
        return Outcome("fail", f"{sentence}: nothing listens there", arrival_ns(reply))
    sentence = f"{wanted.target} granted an injected connection in {milliseconds(reply)}"
    return Outcome("pass", sentence, arrival_ns(reply))


def _end(target: str) -> tuple[str, int]:
    """Return address and port; raises ValueError."""
    host, colon, port = target.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(target)
    return str(ip_address(host.removeprefix("[").removesuffix("]"))), int(port)


def _problems(wanted: Parameters) -> Iterator[str]:
    try:
        _end(wanted.target)
    except ValueError:
        yield f"Target {wanted.target[:60]!r} is no ADDRESS:PORT, such as 169.254.169.254:80"


STEP = Step("tcp", Parameters, Judge, _inquire, problems=_problems)
