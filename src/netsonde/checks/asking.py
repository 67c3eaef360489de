# SPDX-License-Identifier: Apache-2.0
"""Asks the questions of steps: injections that enter at the interface as if its guest had sent them.

The guest must not be harmed by it: its own address and MAC are used, so no switch and no neighbour learns anything
untrue, but ports that no system gives to its own connections, and ids of their own. The answers reach the guest as
well; it drops them, and resets a connection that it did not ask for.
"""

import asyncio
import random
import uuid as uuids
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from netsonde.checks.guest import Address, Guest
from netsonde.checks.inquiry import Inquiry
from netsonde.checks.marks import Mark, Marks
from netsonde.checks.mishaps import Mishaps
from netsonde.checks.steps._api import Answers, NoAnswer, Outcome, Question
from netsonde.checks.stores import Injector
from netsonde.errors import SourceLost, UserError
from netsonde.model.checks import Check, Injected
from netsonde.model.injections import Injection, InjectionView, PacketType, ProbeResult, seed_of

_PORTS: Final = (20_000, 32_000)
"""Source ports: below those that Linux (32768), BSD and Windows (49152) give to connections of their own."""
_MOST_EVIDENCE: Final = 8
"""Injections of a step, and replies of each, that its evidence names: results are kept for a month."""
_HOP_TRIES: Final = 3
_LONGEST_S: Final = 30.0
"""Seconds for the packets of one step: an MTU takes ten at most, a ping of twenty packets four for each target."""
_ASKER: Final = "check "
_TYPES: Final[Mapping[str, tuple[PacketType, PacketType]]] = {
    "neighbour": ("arp", "nd"),
    "icmp": ("icmp4", "icmp6"),
    "dns": ("dns4", "dns6"),
    "tcp": ("tcp4", "tcp6"),
    "dhcp": ("dhcp4", "dhcp4"),
}
"""Of the packets of each kind of question, by IP version."""
_KINDS: Final[Mapping[str, str]] = {name: kind for kind, names in _TYPES.items() for name in names}


@dataclass(frozen=True, slots=True)
class Asking:
    """In whose name the steps of one check inject on one host, and under which limits."""

    who: str
    injector: Injector
    marks: Marks
    turn: asyncio.Semaphore
    """Held by each injection: so many may go on at once."""
    listed_until: Callable[[], int]
    """Unix ms until which an injection that begins now stays listed."""
    mishaps: Mishaps


async def inquire(inquiry: Inquiry, node_id: str, asking: Asking) -> Outcome:
    """Judge a step by packets that are injected at a node; what cannot be asked is `unknown`, with the reason."""
    sender = Asker(inquiry, node_id, asking)
    ask = inquiry.step.kind.inquiry
    assert ask is not None
    try:
        outcome = await ask(inquiry.step.parameters, inquiry.scene, sender)
    except NoAnswer as silent:
        outcome = Outcome("fail", str(silent), sender.sent_ns, lost="nobody answered")
    except (UserError, SourceLost) as wrong:
        outcome = Outcome("unknown", f"nothing could be injected: {wrong}")
    except TimeoutError:
        outcome = Outcome("unknown", f"the injection did not end within {_LONGEST_S:g} s")
    except Exception as mistake:
        outcome = asking.mishaps.note(inquiry.step.kind.name, mistake)
    return Outcome(
        outcome.verdict,
        outcome.sentence,
        outcome.time_ns,
        outcome.packets,
        outcome.nodes,
        tuple(sender.injections[-_MOST_EVIDENCE:]),
        outcome.lost,
    )


class Asker:
    """The `Sender` of one step on one interface; waiting for a turn, or for others' answers, takes none of its time."""

    def __init__(self, inquiry: Inquiry, node_id: str, asking: Asking) -> None:
        self._inquiry = inquiry
        self._node_id = node_id
        self._asking = asking
        self._left_s = _LONGEST_S
        self.injections: list[Injected] = []
        self.sent_ns = 0
        """When the last question was sent."""

    @property
    def _guest(self) -> Guest:
        return self._inquiry.scene.guest

    async def ask(self, question: Question) -> Answers:
        """Raises NoAnswer, UserError, SourceLost, and TimeoutError when the step's packets take too long."""
        if not self._guest.mac:
            name = self._inquiry.scene.name
            raise UserError(f"the guest behind {name} has not spoken, and the graph does not know its MAC address")
        if question.kind == "dhcp":
            return await self._inject(question, "dhcp4")
        target = ip_address(question.target)
        kind = _TYPES[question.kind][target.version == 6]
        if question.kind == "neighbour":
            async with self._guest.asking.turn() as let_go:
                return await self._ask_neighbour(question, let_go)
        source = self._source(target)
        mac = await self._hop_mac(target)
        return await self._inject(question, kind, source=source, mac=mac)

    def _source(self, target: Address) -> str:
        found = self._guest.source(target)
        if found is None:
            raise UserError(f"no IPv{target.version} address of the guest behind {self._inquiry.scene.name} is known")
        return str(found.ip)

    def _asker(self, target: Address) -> str:
        """Return from which address the owner of another is asked: from none (RFC 5227) while none is known."""
        if target.version == 4 and self._guest.source(target) is None:
            return "0.0.0.0"
        return self._source(target)

    async def _ask_neighbour(self, question: Question, let_go: Callable[[], None]) -> Answers:
        """Ask who has an address, in the guest's name; it knows from the first answer on, and so do its other steps."""
        target = ip_address(question.target)

        def hear(result: ProbeResult) -> None:
            if result.verdict in ("reply", "another") and result.note:
                self._guest.learn_mac(str(target), result.note)
                let_go()

        kind = _TYPES["neighbour"][target.version == 6]
        answers = await self._inject(question, kind, source=self._asker(target), hear=hear)
        if not answers.replies:
            self._guest.unanswered[str(target)] = self.injections[-1], self.sent_ns
        return answers

    async def _hop_mac(self, target: Address) -> str:
        hop = self._guest.next_hop(target)
        before = self._guest.unanswered.get(str(hop))
        # Several steps at once need the same answer, and its absence is theirs too.
        async with self._guest.asking.turn() as let_go:
            unanswered = self._guest.unanswered.get(str(hop))
            if unanswered is not None and unanswered is not before and not self._guest.mac_of(str(hop)):
                self.injections.append(unanswered[0])
                self.sent_ns = unanswered[1]
                raise self._silent(target, hop)
            for _ in range(_HOP_TRIES):
                known = self._guest.mac_of(str(hop))
                if known:
                    return known
                await self._ask_neighbour(Question("neighbour", str(hop), timeout=500), let_go)
        raise self._silent(target, hop)

    def _silent(self, target: Address, hop: Address) -> NoAnswer:
        what = "ARP question" if hop.version == 4 else "neighbour solicitation"
        about = "" if hop == target else f", the next hop to {target}"
        return NoAnswer(f"{what} for {hop}{about}, injected at {self._inquiry.scene.name}")

    async def _inject(
        self,
        question: Question,
        kind: PacketType,
        *,
        source: str = "",
        mac: str = "",
        hear: Callable[[ProbeResult], None] = lambda result: None,
    ) -> Answers:
        """`hear` gets each result when it comes."""
        async with self._asking.turn:
            if self._inquiry.is_void:
                raise UserError("the check has ended on the interface meanwhile")
            injection = self._injection(question, kind, source, mac)
            self._asking.marks.add_all(self._node_id, _marks(injection, self._node_id), injection.uuid)
            results = await self._results(injection, hear)
        return self._account(injection, question, results)

    async def _results(self, injection: Injection, hear: Callable[[ProbeResult], None]) -> list[ProbeResult]:
        results: list[ProbeResult] = []
        clock = asyncio.get_running_loop().time
        began = clock()
        async with (
            asyncio.timeout(self._left_s),
            aclosing(self._asking.injector.inject(injection, self._asking.who)) as coming,
        ):
            async for result in coming:
                hear(result)
                results.append(result)
        self._left_s -= clock() - began
        return results

    def _account(self, injection: Injection, question: Question, results: Sequence[ProbeResult]) -> Answers:
        sent = [result for result in results if result.verdict != "another"]
        if not sent:
            raise UserError(f"no packet of the injection {injection.uuid} could be sent")
        # Others who ask for the same get answers too; who has spoken once is no news.
        told_others = {(one.source, one.note): one for one in results if one.verdict == "another"}
        others = [one for key, one in told_others.items() if key not in {(one.source, one.note) for one in sent}]
        replies = [*(one for one in sent if one.verdict in ("reply", "reset")), *others]
        errors = [result for result in results if result.verdict in ("unreachable", "time-exceeded", "too-big")]
        told = [*replies, *errors][:_MOST_EVIDENCE]
        self.injections.append(Injected(injection.uuid, injection.type, question.target, len(sent), told))
        self.sent_ns = min(result.sent_ns for result in sent)
        return Answers(len(sent), self.sent_ns, tuple(replies), tuple(errors))

    def _injection(self, question: Question, kind: PacketType, source: str, mac: str) -> Injection:
        return Injection(
            uuid=str(uuids.uuid4()),
            src=f"G.V({_quoted(self._node_id)})",
            src_ip=source,
            dst_ip=question.target,
            src_mac=self._guest.mac,
            dst_mac=mac,
            src_port=0 if question.kind == "dhcp" else random.randint(*_PORTS),
            dst_port=question.port,
            type=kind,
            icmp_id=random.randint(1, 0xFFFF),
            count=question.count,
            interval_ms=question.interval,
            increment_payload=question.increment,
            name=self._asking.who,
            # Some firewalls drop a SYN that has data.
            size=0 if question.kind == "tcp" else question.size,
            dont_fragment=question.is_whole,
            inbound=self._guest.is_behind,
            timeout_ms=question.timeout,
            dns_name=question.name,
            expires_at=self._asking.listed_until(),
        )


def remember(injections: Iterable[InjectionView], marks: Marks) -> None:
    """Mark what checks had injected, of all that was: whoever did it may be gone while its packets are judged."""
    for one in injections:
        if one.created_by.startswith(_ASKER) and one.status is not None:
            for node in one.status.nodes:
                marks.add_all(node.node_id, _marks(one, node.node_id), one.uuid)


def asker_of(check: Check) -> str:
    """Return who a check's injections say has asked for them; clients are named by their addresses."""
    return f"{_ASKER}{check.name}"


def _marks(injection: Injection, node_id: str) -> list[Mark]:
    target = str(ip_address(injection.dst_ip)) if injection.dst_ip else ""
    kind = _KINDS[injection.type]
    if kind == "dhcp":
        first = seed_of(injection.uuid, node_id)
        return [(kind, (first + number) & 0xFFFF_FFFF, "") for number in range(injection.count)]
    numbers = {"neighbour": 0, "icmp": injection.icmp_id}
    return [(kind, numbers.get(kind, injection.src_port), target)]


def _quoted(text: str) -> str:
    """Return a text in the quotes of the query language."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
