# SPDX-License-Identifier: Apache-2.0
"""What a step is: parameters, and a judge that is fed the packets of one interface and says what it thinks.

Judges do no I/O, keep no clock, and never raise, whatever the network sends. What they need beyond packets they ask of
their `Scene`. A step that can send packets of its own has an `Inquiry` as well: it asks questions of a `Sender`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from netsonde.checks.facts import Packet
from netsonde.checks.guest import Guest
from netsonde.model.checks import Injected, Verdict
from netsonde.model.injections import ProbeResult

P = TypeVar("P", bound=msgspec.Struct)

SETTLE_NS = 1_000_000_000
"""How long a step that demands an absence (a second owner of an address) listens after it has seen what it wants."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where the packets of a flow were seen beyond the interface that sent them."""

    reached: tuple[str, ...] = ()
    """Names of interfaces, in the order in which the packets came there."""
    missing: str = ""
    """The first interface of the expected path on which they were not seen; "" = none is missing, or none is known."""
    vlan: int = 0
    """VLAN tag that they bore last; 0 = none."""
    expects: int = 0
    """How many interfaces the expected path has."""
    nodes: tuple[str, ...] = ()
    """Ids of the nodes reached."""

    def words(self) -> str:
        """Return the middle of a sentence, "" when nothing is known."""
        parts = [f"reached {_enumeration(self.reached)}"] if self.reached else []
        parts += [f"was not seen on {self.missing}"] if self.missing else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a judge thinks now. `packets` are its evidence, `time_ns` the moment that decided, 0 = none."""

    verdict: Verdict
    sentence: str = ""
    time_ns: int = 0
    packets: tuple[Packet, ...] = ()
    nodes: tuple[str, ...] = ()
    injections: tuple[Injected, ...] = ()
    lost: str = ""
    """Why an injected question may have no answer, when its way is not known; where it was seen is added to the
    sentence. "" = it was answered."""


WAITING = Outcome("waiting")


@dataclass(frozen=True, slots=True)
class Scene:
    """One interface, and what is known around it. Times are Unix ns by the clock of its host."""

    name: str
    start_ns: int
    until_ns: int
    """End of the time that the step has."""
    trail: Callable[[str], Whereabouts]
    """Where the packets of a flow (its UUID) went."""
    owner: Callable[[str], str]
    """Name of the interface that has a MAC address, "" when the graph has none."""
    guest: Guest
    """What is known of who speaks through the interface."""
    mtu: Callable[[], int]
    """MTU of the interface, 0 = it is not known."""
    narrower: Callable[[str, int], tuple[str, int]]
    """Name and MTU of the first interface on the way to a MAC address that has a smaller MTU; "" = none is known."""

    @property
    def seconds(self) -> str:
        """How long the step has, for people."""
        return f"{(self.until_ns - self.start_ns) / 1e9:g} s"


class Judge(Protocol):
    """Judges one step on one interface."""

    def packet(self, packet: Packet, *, own: bool) -> None:
        """Take one packet, each once, mostly in order; `own` = the interface's guest sent it."""

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        """Return the present opinion; with `over` no more packets come, and `waiting` is no answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """Packets to one target, sent as if the guest had. Times in ms, sizes in bytes."""

    kind: Literal["neighbour", "icmp", "dns", "tcp", "dhcp"]
    target: str = ""
    """Address; that of `dhcp` is everybody."""
    port: int = 0
    count: int = 1
    interval: int = 200
    timeout: int = 1000
    """How long each answer is waited for."""
    name: str = ""
    """What DNS is asked for."""
    size: int = 56
    """Payload of the first packet."""
    increment: int = 0
    """By how much each payload is greater than the one before."""
    is_whole: bool = False
    """Routers must not fragment it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of a question; `sent_ns` of its first packet, 0 = none was sent."""

    sent: int
    sent_ns: int
    replies: tuple[ProbeResult, ...]
    """Packets that were answered, in the order of the answers; not those of which routers say that they were lost."""
    errors: tuple[ProbeResult, ...] = ()
    """What routers and hosts say of packets that they did not deliver."""


class Sender(Protocol):
    """Asks questions on one interface, for one step; each is an injection of its own."""

    async def ask(self, question: Question) -> Answers:
        """Raises `NoAnswer` when the next hop is silent; UserError, SourceLost when nothing can be sent, with why."""
        ...


class NoAnswer(Exception):
    """What a step needs before its own question is not answered; the text is a sentence."""


def _nothing(_: object) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Step(Generic[P]):
    """A kind of step, as the registry lists it."""

    name: str
    parameters: type[P]
    judge: Callable[[P, Scene], Judge]
    inquiry: Callable[[P, Scene, Sender], Awaitable[Outcome]] | None = None
    """Judges by packets that it sends; None = the step sends none. Raises what the sender raises."""
    is_ready: Callable[[P, Scene], bool] = lambda wanted, scene: False
    """Whether packets may be injected before the step's time is over, since traffic alone can hardly settle it."""
    problems: Callable[[P], Iterable[str]] = _nothing
    """What is wrong with parameters that have the right types."""
    through: Callable[[P], Sequence[str]] = _nothing
    """Queries for further interfaces that have to be captured."""


def _enumeration(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
