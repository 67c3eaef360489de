# SPDX-License-Identifier: Apache-2.0
"""What a step does: operations on results, and what else the planner and standing queries ask of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import Enum
from typing import ClassVar, Final, TypeAlias

from netsonde.query.context import Context
from netsonde.query.filters import Filter
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows

EVERYTHING: Final = "*"
"""Stands among the keys of a step that reads whatever an element has."""


class Effect(Enum):
    """How what a step gives hangs together with what it takes, for the steps that follow each item's way (`Path`)."""

    MOVES = "each item leads to others, by itself"
    KEEPS = "some of the same items, perhaps in another order"
    GATHERS = "something new, made of all items together"


class Operation(ABC):
    """One step, ready to run any number of times; it keeps no state and changes none of its input."""

    __slots__ = ()
    effect: ClassVar[Effect] = Effect.GATHERS

    @abstractmethod
    def apply(self, rows: Rows, context: Context) -> Rows:
        """Return the result of the step for the result of the one before.

        It may run in a thread, and a second time from the start when it took too long on the event loop. Work that
        grows with the graph goes through `context.kept`, `collected` or `ordered`, or calls `context.check` often:
        there a query is stopped, and lets others run.
        """

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        """Return the filters it applies, and to what, for `explain` and for standing queries."""
        return ()

    def keys(self) -> Iterable[str]:
        """Return further keys that it reads of what it takes."""
        return ()

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        """Return all keys that it reads, and of what; `takes` is what it takes."""
        return _reads(self, takes)

    def cut(self) -> slice | None:
        """Return the positions that it keeps, for a step that looks at nothing else."""
        return None

    def follows_trails(self) -> bool:
        """Tell whether it must know the way that led to each item."""
        return False


class Fetch(ABC):
    """A step that waits for a source outside the process."""

    __slots__ = ()

    @abstractmethod
    async def fetch(self, rows: Rows, context: Context) -> Rows:
        """Return the result of the step for the result of the one before.

        It runs on the event loop: what computes for long goes through `await context.apart(…)`.
        """

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return ()

    def keys(self) -> Iterable[str]:
        return ()

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return _reads(self, takes)


def _reads(step: "Operation | Fetch", takes: Kind) -> Iterable[tuple[Kind, str]]:
    for kind, chosen in step.filters():
        for condition in chosen.conditions:
            yield kind, condition.key
    # What is read of a path is read of its nodes.
    of = Kind.NODES if takes is Kind.PATHS else takes
    yield from ((of, key) for key in set(step.keys()))


AnyStep: TypeAlias = Operation | Fetch
