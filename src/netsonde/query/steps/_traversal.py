# SPDX-License-Identifier: Apache-2.0
"""Chains of steps inside other steps, and the ways (trails) along which items came.

Results are plain lists. Only where a step asks for the way that led to an item (`Path`, `SimplePath`, `OtherV`, …) is a
trail carried beside each item; the planner wraps the steps up to it in `Tracked`. A path counts as one result for each
of its items, so the limit on results bounds the memory of trails too.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias, cast

from netsonde.errors import Span
from netsonde.query.context import Context
from netsonde.query.filters import Filter
from netsonde.query.kinds import Kind
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._operation import AnyStep, Effect, Operation

Trail: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the query, with its place in the text."""

    name: str
    span: Span
    takes: Kind
    gives: Kind
    operation: AnyStep


@dataclass(frozen=True, slots=True)
class Traversers:
    """Items under way, each with its trail (itself being the last in it) when trails are followed."""

    rows: Rows
    trails: Sequence[Trail] | None = None

    @property
    def tracked(self) -> bool:
        return self.trails is not None

    @property
    def weight(self) -> int:
        """As how many results they count."""
        return len(self.rows) if self.trails is None else sum(map(len, self.trails))

    def at(self, positions: Sequence[int]) -> "Traversers":
        """Return those at some positions."""
        trails = self.trails
        return Traversers(
            [self.rows[at] for at in positions], None if trails is None else [trails[at] for at in positions]
        )

    def singly(self) -> Iterator["Traversers"]:
        """Yield them one by one."""
        if self.trails is None:
            return (Traversers((row,)) for row in self.rows)
        return (Traversers((row,), (trail,)) for row, trail in zip(self.rows, self.trails, strict=True))

    def without_trails(self) -> "Traversers":
        return Traversers(self.rows)


def begin(rows: Rows) -> Traversers:
    """Return items whose trails begin with themselves."""
    return Traversers(rows, [(row,) for row in rows])


def joined(parts: Iterable[Traversers], context: Context, *, tracked: bool) -> Traversers:
    """Return the items of several groups one after the other; `tracked` tells whether they have trails."""
    rows: list[Item] = []
    trails: list[Trail] = []
    weight = 0
    for part in parts:
        rows += part.rows
        trails += part.trails or ()
        weight += part.weight
        context.check(weight)
    return Traversers(rows, trails if tracked else None)


class Composite(Operation):
    """A step made of other chains of steps, or one that looks at trails."""

    __slots__ = ()

    @abstractmethod
    def go(self, travellers: Traversers, context: Context) -> Traversers:
        """Return where the items get to; trails go along when there are any."""

    def ways(self) -> Iterable["Traversal"]:
        """Return the chains that items go through; their steps are part of the trails."""
        return ()

    def questions(self) -> Iterable["Traversal"]:
        """Return the chains that are only asked about items."""
        return ()

    def traversals(self) -> Iterable["Traversal"]:
        """Return all chains that it is made of."""
        return chain(self.ways(), self.questions())

    def apply(self, rows: Rows, context: Context) -> Rows:
        return self.go(Traversers(rows), context).rows

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        yield from ((takes, key) for key in self.keys())
        for step in self._steps():
            yield from step.operation.reads(step.takes)

    def follows_trails(self) -> bool:
        return any(inner.follows_trails for inner in self.traversals())

    def _steps(self) -> Iterable[PlannedStep]:
        return chain.from_iterable(inner.steps for inner in self.traversals())


@dataclass(frozen=True, slots=True)
class Traversal:
    """A chain of steps that ask only the graph, ready to run any number of times."""

    steps: tuple[PlannedStep, ...]
    takes: Kind
    gives: Kind
    span: Span
    follows_trails: bool = field(init=False)
    """Whether a step in it must know the way that led to an item."""

    def __post_init__(self) -> None:
        # Asked for each item, so found once.
        object.__setattr__(self, "follows_trails", any(operation.follows_trails() for operation in self._operations()))

    def run(self, travellers: Traversers, context: Context) -> Traversers:
        """Return where the items get to. Raises QueryError, LimitReached."""
        if travellers.trails is None:
            return Traversers(self.results(travellers.rows, context))
        for step, operation in zip(self.steps, self._operations(), strict=True):
            travellers = _advance(step, operation, travellers, context)
            context.check(len(travellers.rows))
        return travellers

    def results(self, rows: Rows, context: Context) -> Rows:
        """Return where the items get to, for a chain that follows no trails."""
        for operation in self._operations():
            rows = operation.apply(rows, context)
            context.check(len(rows))
        return rows

    def holds(self, traveller: Traversers, context: Context) -> bool:
        """Tell whether one item gets anywhere."""
        if self.follows_trails:
            return len(self.run(traveller, context).rows) > 0
        return len(self.results(traveller.rows, context)) > 0

    def _operations(self) -> Iterator[Operation]:
        # The planner lets no step that waits into a traversal.
        return (cast("Operation", step.operation) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Tracked(Composite):
    """Steps that run as one because one of them follows trails."""

    traversal: Traversal

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        return self.traversal.run(begin(travellers.rows), context).without_trails()

    def ways(self) -> Iterable[Traversal]:
        return (self.traversal,)

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return chain.from_iterable(step.operation.filters() for step in self.traversal.steps)


def _advance(step: PlannedStep, operation: Operation, travellers: Traversers, context: Context) -> Traversers:
    if isinstance(operation, Composite):
        return operation.go(travellers, context)
    if operation.effect is Effect.MOVES:
        return joined(_moved(operation, travellers, context), context, tracked=True)
    cut = operation.cut()
    if cut is not None:
        return travellers.at(range(len(travellers.rows))[cut])
    found = operation.apply(travellers.rows, context)
    if operation.effect is Effect.KEEPS and step.takes is step.gives:
        return travellers.at(_positions(travellers.rows, found))
    return begin(found)


def _moved(operation: Operation, travellers: Traversers, context: Context) -> Iterator[Traversers]:
    for row, trail in zip(travellers.rows, travellers.trails or (), strict=True):
        reached = operation.apply((row,), context)
        yield Traversers(reached, [(*trail, item) for item in reached])


def _positions(before: Rows, after: Rows) -> list[int]:
    """Return where the kept items were; of an item that is there more than once, the first place not used yet."""
    places: dict[int, list[int]] = {}
    for at in range(len(before) - 1, -1, -1):
        places.setdefault(id(before[at]), []).append(at)
    return [places[id(item)].pop() for item in after]
