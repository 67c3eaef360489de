# SPDX-License-Identifier: Apache-2.0
"""What a step is: a builder that checks a call's arguments and returns an immutable operation.

To add a step: write its builder and operation in a family's file here, and one line in `_registry.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from netsonde.query.context import Context
from netsonde.query.filters import Filter
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows
from netsonde.query.syntax import Call


class Operation(ABC):
    """One step, ready to run any number of times; it keeps no state and changes none of its input."""

    __slots__ = ()

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


AnyStep: TypeAlias = Operation | Fetch


@dataclass(slots=True)
class Building:
    """What is known of the chain when a step is built."""

    takes: Kind
    gives: Kind
    """Set from the registry; a builder may change it (`Select` gives what was saved)."""
    names: dict[str, Kind] = field(default_factory=dict)
    """Names given by `As`; emptied where the graph changes."""
    graph_is_root: bool = True
    """False within the graph that SubGraph made."""


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One line of the registry."""

    name: str
    build: Callable[[Call, Building], AnyStep]
    """Checks the arguments (QueryError at the place), returns the operation. Its docstring is the manual's text."""
    gives: Mapping[Kind, Kind]
    """What it gives for each kind that it takes."""
    aliases: tuple[str, ...] = ()
