# SPDX-License-Identifier: Apache-2.0
"""Step `mtu`: packets as large as the interface carries reach a target whole.

The traffic gives hints only: a router's word that a packet was too big (RFC 1191, RFC 8201), segments that a guest
offers to take though its interface cannot carry them, and large segments that are sent again and again while small ones
are not. To know, pings of growing sizes are injected that no router may fragment.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import msgspec

from netsonde.checks.facts import SYN, Packet
from netsonde.checks.steps._api import WAITING, Answers, Outcome, Question, Scene, Sender, Step
from netsonde.checks.steps._words import arrival_ns, clock, first_router, injected
from netsonde.errors import UserError

_LEAST: Final = {4: 576, 6: 1280}
"""What every path carries: RFC 791 §3.2, RFC 8200 §5."""
_HEADERS: Final = {4: 28, 6: 48}
"""IP and ICMP."""
_SEGMENT_HEADERS: Final = {4: 40, 6: 60}
"""IP and TCP without options."""
_SIZES: Final = 16
"""Tried at once in each round."""
_MOST_ROUNDS: Final = 8
_MOST_ENTERING: Final = 3_500
"""The kernel lets no larger packet in at an interface: it has to fit a page of memory."""
_PATIENCE_MS: Final = 600
_AGAIN: Final = 3
"""Transmissions of one large segment after which it counts as stuck."""
_MOST_SEGMENTS: Final = 1_000


class Parameters(msgspec.Struct, frozen=True, rename="pascal", forbid_unknown_fields=True):
    """What the step expects."""

    target: str = ""
    """Address to which packets have to pass; empty = the gateway."""
    least: int = 0
    """Bytes of an IP packet that must pass; 0 = the MTU of the interface."""


class Judge:
    """Looks for signs that large packets do not pass; that they do is seen by injection alone."""

    def __init__(self, wanted: Parameters, scene: Scene) -> None:
        self._wanted = wanted
        self._scene = scene
        self._found: Outcome | None = None
        self._sent: Counter[tuple[str, int]] = Counter()
        """Transmissions of each segment: its flow and sequence number."""
        self._is_small_stuck = False

    def packet(self, packet: Packet, *, own: bool) -> None:
        if self._found is not None or packet.time_ns > self._scene.until_ns:
            return
        if packet.error is not None and packet.error.mtu is not None and not own:
            self._too_big(packet, packet.error.target, packet.error.mtu)
        elif own and packet.tcp_flags & SYN:
            self._offer(packet)
        elif own and packet.tcp_payload:
            self._segment(packet)

    def _expected(self) -> int:
        return self._wanted.least or self._scene.mtu()

    def _too_big(self, packet: Packet, target: str, mtu: int) -> None:
        if mtu < self._expected():
            says = f"packets of more than {mtu} bytes" if mtu else "the packets"
            sentence = f"{packet.source} says at {clock(packet.time_ns)} that {says} to {target} do not fit"
            self._found = Outcome("fail", sentence, packet.time_ns, (packet,))

    def _offer(self, packet: Packet) -> None:
        mtu, headers = self._scene.mtu(), _SEGMENT_HEADERS[_version(packet.destination)]
        if mtu and packet.tcp_segment_size + headers > mtu:
            sentence = (
                f"the guest offers {packet.destination} to take segments of {packet.tcp_segment_size} bytes, "
                f"more than {self._scene.name} carries: its MTU is {mtu}, the guest's must be greater"
            )
            self._found = Outcome("fail", sentence, packet.time_ns, (packet,))

    def _segment(self, packet: Packet) -> None:
        """Count a segment; what is sent again and again is stuck, and if only large ones are, it is for their size."""
        if len(self._sent) >= _MOST_SEGMENTS:
            return
        key = (packet.flow, packet.tcp_sequence)
        self._sent[key] += 1
        if self._sent[key] < _AGAIN:
            return
        if packet.length <= _LEAST[_version(packet.destination)]:
            self._is_small_stuck = True
        elif not self._is_small_stuck:
            sentence = (
                f"a segment of {packet.length} bytes to {packet.destination} was sent {_AGAIN} times until "
                f"{clock(packet.time_ns)}, and no small one was: such packets seem to get lost on the way"
            )
            self._found = Outcome("fail", sentence, packet.time_ns, (packet,))

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        if self._found is not None:
            return self._found
        return Outcome("unknown", f"no packet of {self._scene.name} tells the MTU of its path") if over else WAITING


@dataclass(frozen=True, slots=True)
class _Path:
    """Where packets of sizes are tried."""

    sender: Sender
    target: str
    version: int

    async def passed(self, first: int, *, count: int = 1, step: int = 0) -> tuple[set[int], Answers]:
        """Return which of `count` sizes, `step` bytes apart, passed at once, and what was answered."""
        question = Question(
            "icmp",
            self.target,
            count=count,
            interval=20,
            timeout=_PATIENCE_MS,
            size=first - _HEADERS[self.version],
            increment=step,
            is_whole=True,
        )
        answers = await self.sender.ask(question)
        return {first + reply.number * step for reply in answers.replies}, answers


async def _inquire(wanted: Parameters, scene: Scene, sender: Sender) -> Outcome:
    """Find the largest packet that passes, between what every path carries and what the interface does."""
    target = wanted.target or first_router(scene)
    version = _version(target)
    path, mtu = _Path(sender, target, version), scene.mtu()
    least, expected = _LEAST[version], wanted.least or mtu
    if expected <= least:
        raise UserError(f"the MTU of {scene.name} is not known, or no more than {least}; give the step Least")
    most = min(expected, _MOST_ENTERING) if scene.guest.is_behind else expected
    largest, answers = await path.passed(most, count=2)
    if largest:
        beyond = f"; larger ones cannot be injected, {expected} were asked for" if most < expected else ""
        last = max(map(arrival_ns, answers.replies))
        sentence = f"packets of {most} bytes pass from {scene.name} to {target}{beyond}"
        return Outcome("pass" if most == expected else "unknown", sentence, last)
    smallest, unheard = await path.passed(least, count=2)
    if not smallest:
        about = injected(f"ping of {target} with {least} bytes", scene, unheard)
        raise UserError(f"{about}, was not answered either, so it tells nothing of the MTU")
    said = next((reply for reply in answers.errors if reply.verdict == "too-big"), None)
    good, bad = await _boundary(path, least, most, _named_mtu(said.note) if said is not None else 0)
    who = f"{said.source} says so ({said.note})" if said is not None else ""
    sentence = f"packets of {good} bytes pass from {scene.name} to {target}, of {bad} bytes do not"
    return Outcome("fail", f"{sentence}: {_culprit(scene, target, bad, who)}", answers.sent_ns)


async def _boundary(path: _Path, good: int, bad: int, named: int) -> tuple[int, int]:
    """Return the largest size that passes and the next one, which does not; `named` is what a router says, 0 = none."""
    first = (named, 2, 1) if good < named < bad - 1 else None
    for _ in range(_MOST_ROUNDS):
        if bad - good <= 1:
            break
        start, count, step = first or _round(good, bad)
        first = None
        passed, _ = await path.passed(start, count=count, step=step)
        tried = range(start, start + count * step, step)
        good = max(passed, default=good)
        bad = min((size for size in tried if size > good), default=bad)
        if bad - good <= 1 and (await path.passed(bad, count=2))[0]:
            # It was lost for another reason; what is larger has not been disproved.
            good, bad = bad, bad + max(step, 2)
    return good, bad


def _round(good: int, bad: int) -> tuple[int, int, int]:
    """Return first size, number and distance of the sizes that part what is between two into equal pieces."""
    step = max(1, -(-(bad - good) // (_SIZES + 1)))
    return good + step, len(range(good + step, bad, step)), step


def _culprit(scene: Scene, target: str, size: int, who: str) -> str:
    hop = str(scene.guest.next_hop(ip_address(target)))
    name, mtu = scene.narrower(scene.guest.mac_of(hop), size)
    place = (
        f"{name} on the way has an MTU of {mtu}" if name else "no interface on the way is known to have a smaller MTU"
    )
    return f"{place}; {who}" if who else place


def _named_mtu(note: str) -> int:
    digits = note.removeprefix("MTU ")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _problems(wanted: Parameters) -> Iterator[str]:
    try:
        if wanted.target:
            ip_address(wanted.target)
    except ValueError:
        yield f"Target {wanted.target[:60]!r} is no IP address"
    if wanted.least and not 576 <= wanted.least <= 65_535:
        yield f"Least must be 0 or between 576 and 65535 bytes, got {wanted.least}"


def _is_ready(wanted: Parameters, scene: Scene) -> bool:
    """Tell whether the guest has its address and a way to the target: from then on pings tell the MTU."""
    version = _version(wanted.target) if wanted.target else 4
    return any(one.version == version for one in scene.guest.addresses()) and bool(scene.guest.routers(version))


STEP = Step("mtu", Parameters, Judge, _inquire, _is_ready, problems=_problems)
