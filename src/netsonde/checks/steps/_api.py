# SPDX-License-Identifier: Apache-2.0
"""What a step is: parameters, and a judge that is fed the packets of one interface and says what it thinks.

Judges do no I/O, keep no clock, and never raise, whatever the network sends. What they need beyond packets they ask of
their `Scene`; a step that sends packets of its own will find the sender there too, and nothing else has to change.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from netsonde.checks.facts import Packet
from netsonde.model.checks import Verdict

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


def _nothing(_: object) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Step(Generic[P]):
    """A kind of step, as the registry lists it."""

    name: str
    parameters: type[P]
    judge: Callable[[P, Scene], Judge]
    problems: Callable[[P], Iterable[str]] = _nothing
    """What is wrong with parameters that have the right types."""
    through: Callable[[P], Sequence[str]] = _nothing
    """Queries for further interfaces that have to be captured."""


def _enumeration(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
