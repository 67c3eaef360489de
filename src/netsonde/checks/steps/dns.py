# SPDX-License-Identifier: Apache-2.0
"""Step `dns`: a question of the interface gets an answer that helps."""

from collections.abc import Iterator
from ipaddress import ip_address

import msgspec

from netsonde.checks.facts import Dns, Packet
from netsonde.checks.steps._api import WAITING, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, injected, left, lost, milliseconds, silence, span
from netsonde.errors import UserError

_GOOD = "No Error"
_ABSENT = "Non-Existent Domain"
"""A resolver that says so works; guests ask for names in domains that are searched first."""

_NAME_FOR_ALL = "localhost"
"""A resolver answers it by itself (RFC 6761 §6.3); asked for when no name is given."""

_Key = tuple[str, str, int | None, int]


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    server: str = ""
    """Address of the resolver; empty = any."""
    name: str = ""
    """Name that must be found; empty = any answer will do."""


class Judge:
    """Pairs questions with answers by client, server, port and id."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._server = str(ip_address(wanted.server)) if wanted.server else ""
        self._name = wanted.name.rstrip(".").lower()
        self._scene = scene
        self._asked: dict[_Key, Packet] = {}
        self._answer: Packet | None = None
        self._refusal: Packet | None = None

    def packet(self, packet: Packet, *, own: bool) -> None:
        if packet.dns is not None and 5353 not in (packet.port_source, packet.port_destination):
            self._message(packet, packet.dns, own=own)

    def _message(self, packet: Packet, message: Dns, *, own: bool) -> None:
        if not message.answers:
            if own and self._server in ("", packet.destination) and self._name in ("", _plain(message.name)):
                key = (packet.source, packet.destination, packet.port_source, message.id)
                self._asked.setdefault(key, packet)
            return
        if (packet.destination, packet.source, packet.port_destination, message.id) not in self._asked:
            return
        helps = message.records > 0 if self._name else message.code == _ABSENT
        if helps or (message.code == _GOOD and not self._name):
            self._answer = self._answer or packet
        else:
            self._refusal = packet

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        scene, answer = self._scene, self._answer
        if answer is not None and answer.dns is not None:
            sentence = f"{answer.source} answered {answer.dns.name or 'a question'}"
            if answer.time_ns > scene.until_ns:
                sentence += f" only after {span(scene, answer.time_ns)}, later than {scene.seconds}"
                return Outcome("fail", sentence, answer.time_ns, (answer,))
            return Outcome("pass", f"{sentence} after {span(scene, answer.time_ns)}", answer.time_ns, (answer,))
        return self._missing() if over else WAITING

    def _missing(self) -> Outcome:
        refusal = self._refusal
        if refusal is not None and refusal.dns is not None:
            code = refusal.dns.code if refusal.dns.code != _GOOD else "no record"
            sentence = f"{refusal.source} answered {refusal.dns.name or 'a question'} with: {code}"
            return Outcome("fail", sentence, refusal.time_ns, (refusal,))
        question = next(iter(self._asked.values()), None)
        if question is None:
            about = f" for {self._name}" if self._name else ""
            whom = f"nothing of {self._server}" if self._server else "no resolver"
            return Outcome("unknown", f"{self._scene.name} asked {whom}{about}")
        name = question.dns.name if question.dns is not None else ""
        sentence = left(self._scene, f"DNS question for {name or 'a name'} to {question.destination}", question)
        cause = lost(self._scene, question, "no answer came back")
        return Outcome("fail", f"{sentence}: {cause}", 0, (question,), self._scene.trail(question.flow).nodes)


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Ask the resolver that is given, or that the lease names."""
    server = str(ip_address(wanted.server)) if wanted.server else next(iter(scene.guest.dns_servers), "")
    if not server:
        raise UserError(f"no resolver is known: no lease of {scene.name} named one; give the step a Server")
    name = wanted.name or _NAME_FOR_ALL
    answers = await sender.ask(Question("dns", server, port=53, count=2, interval=500, name=name))
    if not answers.replies:
        question = injected(f"DNS question for {name} to {server}", scene, answers)
        return silence(question, answers, "no answer came back")
    # A resolver that has to ask others first may refuse the first question and answer the next.
    reply = next((one for one in answers.replies if _helps(one.note, wanted.name)), answers.replies[0])
    code, _, records = reply.note.partition(", ")
    sentence = f"{server} answered an injected question for {name} with {code}, {records}, in {milliseconds(reply)}"
    return Outcome("pass" if _helps(reply.note, wanted.name) else "fail", sentence, arrival_ns(reply))


def _helps(note: str, name: str) -> bool:
    """Tell whether an answer, such as "NOERROR, 1 answers", is what is asked for: a record if a name must be found."""
    code, _, records = note.partition(", ")
    return not records.startswith("0 ") if name else code in ("NOERROR", "NXDOMAIN")


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _problems(wanted: Parameters) -> Iterator[str]:
    try:
        if wanted.server:
            ip_address(wanted.server)
    except ValueError:
        yield f"Server {wanted.server[:60]!r} is no IP address"
    if len(wanted.name) > 255:
        yield f"Name has {len(wanted.name)} characters; names have 255 at most"


STEP = Step("dns", Parameters, Judge, _inquire, problems=_problems)
