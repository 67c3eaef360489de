# SPDX-License-Identifier: Apache-2.0
"""One execution of a plan: the graph it looks at, the time it may take, what it has remembered so far."""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from netsonde.graph.reader import GraphReader
from netsonde.query.errors import LimitReached
from netsonde.query.pace import Look, in_order, nothing, portions
from netsonde.query.rows import Rows
from netsonde.query.sources import Limits, Sources

T = TypeVar("T")


class Apart(Protocol):
    """Where long computations run so that nobody waits for them."""

    def __call__(self, context: "Context", work: Callable[[], T], /) -> Awaitable[T]: ...


async def _here(context: "Context", work: Callable[[], T], /) -> T:
    return work()


@dataclass(frozen=True, slots=True)
class TimeSlice:
    """The time that `At` chose, Unix ms, both ends included."""

    start_ms: int
    last_ms: int

    @property
    def is_point(self) -> bool:
        return self.start_ms == self.last_ms


@dataclass(slots=True)
class Context:
    """State of one execution; plans themselves never change."""

    graph: GraphReader
    sources: Sources
    limits: Limits
    clock: Callable[[], float] = time.monotonic
    slice: TimeSlice | None = None
    saved: dict[str, Rows] = field(default_factory=dict)
    missing_hosts: set[str] = field(default_factory=set)
    truncated: bool = False
    notes: list[str] = field(default_factory=list)
    """What else is missing, for people; of sources that know why."""
    rounds: int = 0
    """What the `Repeat` that is under way has done so far."""
    beat: Look = nothing
    """Called at each look at the clock: it may let others run, and may raise to end the query."""
    computes: Apart = _here
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = self.clock() + self.limits.seconds

    def check(self, rows: int = 0) -> None:
        """Raise LimitReached when the time is up or a step gave too many rows."""
        if rows > self.limits.rows:
            raise LimitReached(
                f"a step gives more than {self.limits.rows:,} results",
                hint="filter earlier, or use Dedup() between steps that move",
            )
        if self.clock() > self.deadline:
            raise self.out_of_time()
        self.beat()

    def out_of_time(self) -> LimitReached:
        """Return the error that says so."""
        return LimitReached(
            f"the query took more than {self.limits.seconds:g} s",
            hint="begin with Has() on a key that few nodes have",
        )

    async def apart(self, work: Callable[[], T]) -> T:
        """Compute what may take long from within a step that waits: elsewhere, if there is an elsewhere."""
        return await self.computes(self, work)

    def kept(self, items: Sequence[T], test: Callable[[T], bool]) -> list[T]:
        """Return the items that pass a test, in order."""
        return self.sieved(items, lambda some: [item for item in some if test(item)])

    def sieved(self, items: Sequence[T], sieve: Callable[[Sequence[T]], list[T]]) -> list[T]:
        """Return the items that a sieve keeps, in order; it gets them in portions."""
        kept: list[T] = []
        at = 0
        for many in self._portions(kept):
            kept += sieve(items[at : at + many])
            at += many
            if at >= len(items):
                break
        self.check(len(kept))
        return kept

    def collected(self, items: Iterable[T]) -> list[T]:
        """Return the items as a list, unless there are too many or they take too long."""
        collected: list[T] = []
        iterator = iter(items)
        for many in self._portions(collected):
            portion = list(islice(iterator, many))
            collected += portion
            if len(portion) < many:
                break
        self.check(len(collected))
        return collected

    def watched(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, with a look at the clock now and then."""
        iterator = iter(items)
        for many in self._portions(()):
            portion = list(islice(iterator, many))
            yield from portion
            if len(portion) < many:
                break

    def ordered(self, items: Sequence[T], key: Callable[[T], Any], *, descending: bool = False) -> list[T]:
        """Return the items by a key, equal ones in the order they had; looks at the clock, as `sorted` does not."""
        return self.collected(in_order(items, key, self.check, descending=descending))

    def _portions(self, found: Sized) -> Iterator[int]:
        return portions(self.clock, lambda: self.check(len(found)))
