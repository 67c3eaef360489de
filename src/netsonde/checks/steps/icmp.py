# SPDX-License-Identifier: Apache-2.0
"""Step `icmp`: what the interface pings answers, without too much loss and not too late."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import msgspec

from netsonde.checks.facts import Echo, Packet
from netsonde.checks.steps._api import WAITING, Answers, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, first_router, injected, left, lost, silence

_PATIENCE_NS = 1_000_000_000
"""A request that is younger than this is not lost yet."""


_PINGS = 3
_MOST_PINGS = 20
"""Injected of each target, one every 200 ms."""


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    targets: list[str] = []
    """Addresses that must answer; empty = whatever is pinged first."""
    count: int = 1
    """Replies of each target that are enough."""
    max_loss: float = 0.0
    """Percent of requests that may stay without a reply."""
    max_rtt: float = msgspec.field(name="MaxRTT", default=0.0)
    """Milliseconds that a round trip may take; 0 = any."""


@dataclass(slots=True)
class _Target:
    asked: dict[tuple[int, int], Packet] = field(default_factory=dict)
    replies: dict[tuple[int, int], Packet] = field(default_factory=dict)

    def slowest(self) -> tuple[int, Packet | None]:
        """Return the longest round trip, in ns, and its reply."""
        trips = ((reply.time_ns - self.asked[key].time_ns, reply) for key, reply in self.replies.items())
        return max(trips, key=lambda trip: trip[0], default=(0, None))

    def lost(self, now_ns: int) -> list[Packet]:
        return [
            packet
            for key, packet in self.asked.items()
            if key not in self.replies and now_ns - packet.time_ns >= _PATIENCE_NS
        ]


class Judge:
    """Pairs requests of the interface with replies to it."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._wanted = wanted
        self._scene = scene
        self._targets: dict[str, _Target] = {str(ip_address(text)): _Target() for text in wanted.targets}

    def packet(self, packet: Packet, *, own: bool) -> None:
        if packet.echo is not None and packet.time_ns <= self._scene.until_ns:
            self._echo(packet, packet.echo, own=own)

    def _echo(self, packet: Packet, echo: Echo, *, own: bool) -> None:
        key = (echo.id, echo.sequence)
        if echo.asks and own:
            if not self._targets:
                self._targets[packet.destination] = _Target()
            target = self._targets.get(packet.destination)
            if target is not None:
                target.asked.setdefault(key, packet)
        elif not echo.asks and not own:
            target = self._targets.get(packet.source)
            if target is not None and key in target.asked:
                target.replies.setdefault(key, packet)

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        if not self._targets:
            return Outcome("unknown", f"{self._scene.name} pinged nothing") if over else WAITING
        opinions = [self._opinion(address, target, now_ns, over=over) for address, target in self._targets.items()]
        for verdict in ("fail", "waiting", "unknown"):
            found = next((one for one in opinions if one.verdict == verdict), None)
            if found is not None:
                return found
        sentence = "; ".join(one.sentence for one in opinions)
        packets = tuple(packet for one in opinions for packet in one.packets)
        return Outcome("pass", sentence, max(one.time_ns for one in opinions), packets[:20])

    def _opinion(self, address: str, target: _Target, now_ns: int, *, over: bool) -> Outcome:
        rtt_ns, slowest = target.slowest()
        rtt_ms, lost_ones = rtt_ns / 1e6, target.lost(now_ns)
        loss = 100 * len(lost_ones) / max(1, len(target.asked))
        if slowest is not None and 0 < self._wanted.max_rtt < rtt_ms:
            sentence = f"a reply of {address} took {rtt_ms:.1f} ms, more than {self._wanted.max_rtt:g} ms"
            return Outcome("fail", sentence, slowest.time_ns, (slowest,))
        if len(target.replies) >= self._wanted.count and loss <= self._wanted.max_loss:
            last = max(target.replies.values(), key=lambda reply: reply.time_ns)
            sentence = (
                f"{address} answered {len(target.replies)} of {len(target.asked)} pings, the slowest in {rtt_ms:.1f} ms"
            )
            return Outcome("pass", sentence, last.time_ns, tuple(target.replies.values())[:10])
        if not over:
            return WAITING
        if not target.asked:
            return Outcome("unknown", f"{self._scene.name} did not ping {address}")
        return self._silent(address, target)

    def _silent(self, address: str, target: _Target) -> Outcome:
        question = next(iter(target.asked.values()))
        answered = f"{len(target.replies)} of {len(target.asked)} pings of {address} were answered"
        if target.replies:
            return Outcome("fail", f"{answered}, {self._wanted.max_loss:g} % may be lost", 0, (question,))
        cause = lost(self._scene, question, "nothing came back")
        sentence = f"{left(self._scene, f'ping of {address}', question)}: {cause}"
        return Outcome("fail", sentence, 0, (question,), self._scene.trail(question.flow).nodes)


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Ping every target, the gateway when none is given."""
    opinions: list[Outcome] = []
    for address in [str(ip_address(text)) for text in wanted.targets] or [first_router(scene)]:
        count = min(max(wanted.count, _PINGS), _MOST_PINGS)
        answers = await sender.ask(Question("icmp", address, count=count))
        opinions.append(_injected_opinion(wanted, scene, address, answers))
        if opinions[-1].verdict != "pass":
            return opinions[-1]
    return Outcome("pass", "; ".join(one.sentence for one in opinions), max(one.time_ns for one in opinions))


def _injected_opinion(wanted: Parameters, scene: Scene, address: str, answers: Answers) -> Outcome:
    if not answers.replies:
        return silence(injected(f"ping of {address}", scene, answers), answers, "nothing came back")
    slowest, last = max(reply.rtt_ns for reply in answers.replies) / 1e6, max(map(arrival_ns, answers.replies))
    if 0 < wanted.max_rtt < slowest:
        sentence = f"a reply of {address} to an injected ping took {slowest:.1f} ms, more than {wanted.max_rtt:g} ms"
        return Outcome("fail", sentence, last)
    got = len(answers.replies)
    sentence = f"{address} answered {got} of {answers.sent} injected pings, the slowest in {slowest:.1f} ms"
    if 100 * (answers.sent - got) > wanted.max_loss * answers.sent:
        return Outcome("fail", f"{sentence}; {wanted.max_loss:g} % may be lost", last)
    return Outcome("pass", sentence, last)


def _problems(wanted: Parameters) -> Iterator[str]:
    for text in wanted.targets:
        try:
            ip_address(text)
        except ValueError:
            yield f"Targets: {text[:60]!r} is no IP address"
    if not 1 <= wanted.count <= 1000:
        yield f"Count must be between 1 and 1000, got {wanted.count}"
    if not 0 <= wanted.max_loss <= 100:
        yield f"MaxLoss must be between 0 and 100 percent, got {wanted.max_loss:g}"
    if not 0 <= wanted.max_rtt <= 3_600_000:
        yield f"MaxRTT must be between 0 and 3600000 ms, got {wanted.max_rtt:g}"


STEP = Step("icmp", Parameters, Judge, _inquire, problems=_problems)
