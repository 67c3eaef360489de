# SPDX-License-Identifier: Apache-2.0
"""One execution of a plan: the graph it looks at, the time it may take, what it has remembered so far."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from netsonde.graph.reader import GraphReader
from netsonde.query.errors import LimitReached
from netsonde.query.rows import Rows
from netsonde.query.sources import Limits, Sources

T = TypeVar("T")

_CHUNK: Final = 2048
"""Items between two looks at the clock; a look costs 0.1 µs, an item 0.1 to 10."""


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
            raise LimitReached(
                f"the query took more than {self.limits.seconds:g} s",
                hint="begin with Has() on a key that few nodes have",
            )

    def kept(self, items: Sequence[T], test: Callable[[T], bool]) -> list[T]:
        """Return the items that pass a test, in order."""
        kept: list[T] = []
        for at in range(0, len(items), _CHUNK):
            kept += [item for item in items[at : at + _CHUNK] if test(item)]
            self.check(len(kept))
        return kept

    def collected(self, items: Iterable[T]) -> list[T]:
        """Return the items as a list, unless there are too many or they take too long."""
        collected: list[T] = []
        iterator = iter(items)
        while chunk := list(islice(iterator, _CHUNK)):
            collected += chunk
            self.check(len(collected))
        return collected
