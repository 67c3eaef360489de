# SPDX-License-Identifier: Apache-2.0
"""`Repeat` with `Times`, `Until` and `Emit`: go on and on along a traversal, within bounds.

As in TinkerPop, `Until` before `Repeat` is asked before each round, behind it after each round; `Emit` alike. Unlike
there, `Times` with `Until` bounds the rounds: what has not arrived by then is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import LimitReached, QueryError
from netsonde.query.order import identity
from netsonde.query.steps._api import Building, Composite, Operation, Traversal, Traversers
from netsonde.query.steps._traversal import joined
from netsonde.query.steps.ordering import DedupById
from netsonde.query.syntax import Call

MOST_ROUNDS: Final = 100
"""No path through a network is longer, but a cycle is."""


@dataclass(frozen=True, slots=True)
class Test:
    """When items leave, or are shown on their way."""

    first: bool
    """Before each round, not after it."""
    inner: Traversal | None
    """Those from which it leads somewhere; None: all."""

    def passed(self, travellers: Traversers, context: Context) -> list[bool]:
        if self.inner is None:
            return [True] * len(travellers.rows)
        return [self.inner.holds(single, context) for single in travellers.singly()]


@dataclass(frozen=True, slots=True)
class Repeat(Composite):
    """Send items through the body again and again."""

    body: Traversal
    times: int | None
    until: Test | None
    emit: Test | None
    call: Call

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        found: list[Traversers] = []
        seen = {identity(row) for row in travellers.rows} if self._once else None
        now = travellers
        around, rounds = context.rounds, 0
        while now.rows and rounds != self.times:
            self._check(rounds, now)
            context.rounds = rounds
            now = self._show(self._leave(now, found, context, first=True), found, context, first=True)
            now = self.body.run(now, context)
            if seen is not None:
                now = _unseen(now, seen, context)
            rounds = context.rounds = rounds + 1
            now = self._leave(now, found, context, first=False)
            if rounds != self.times or self.until is not None:
                now = self._show(now, found, context, first=False)
            context.check(sum(part.weight for part in found))
        context.rounds = rounds
        found.append(self._last(now, found, context))
        context.rounds = around
        return joined(found, context, tracked=travellers.tracked)

    def ways(self) -> Iterable[Traversal]:
        return (self.body,)

    def questions(self) -> Iterable[Traversal]:
        tests = (test.inner for test in (self.until, self.emit) if test is not None)
        return (inner for inner in tests if inner is not None)

    @property
    def _once(self) -> bool:
        """Whether the body ends in a Dedup, which then knows the start and all rounds, so that cycles end."""
        last = self.body.steps[-1].operation if self.body.steps else None
        return isinstance(last, DedupById)

    def _leave(self, now: Traversers, found: list[Traversers], context: Context, *, first: bool) -> Traversers:
        if self.until is None or self.until.first is not first:
            return now
        passed = self.until.passed(now, context)
        found.append(now.at([at for at, gone in enumerate(passed) if gone]))
        return now.at([at for at, gone in enumerate(passed) if not gone])

    def _show(self, now: Traversers, found: list[Traversers], context: Context, *, first: bool) -> Traversers:
        if self.emit is not None and self.emit.first is first:
            passed = self.emit.passed(now, context)
            found.append(now.at([at for at, shown in enumerate(passed) if shown]))
        return now

    def _last(self, now: Traversers, found: list[Traversers], context: Context) -> Traversers:
        """Return what leaves because the rounds are over."""
        if self.until is None:
            return now
        now = self._leave(now, found, context, first=True)
        self._show(now, found, context, first=True)
        return now.at([])

    def _check(self, rounds: int, now: Traversers) -> None:
        if rounds == MOST_ROUNDS:
            raise LimitReached(
                f"{self.call.name} went round {MOST_ROUNDS} times and still has {len(now.rows):,} items to go on with",
                hint="bound it with Times(5), or end what it repeats with Dedup() or SimplePath() against cycles",
                span=self.call.span,
            )


def _unseen(now: Traversers, seen: set[object], context: Context) -> Traversers:
    names = [identity(row) for row in context.watched(now.rows)]
    fresh = [at for at, name in enumerate(names) if name not in seen]
    seen.update(names)
    return now.at(fresh)


def build_repeat(call: Call, building: Building) -> Operation:
    """Go along a traversal again and again: `G.V('h1').Repeat(__.Out('Type', Ne('ovsport'))).Times(2)`.

    `Times(n)` ends after n rounds, `Until(…)` lets out what passes, `Emit()` shows what is on its way too. Before
    `Repeat` they act before each round, behind it after each. With a `Dedup()` at its end the traversal goes to nothing
    twice, nor back to the start; with `SimplePath()` no way comes back to itself. At most 100 rounds. Every node that
    `v1n` reaches over layer 2: `G.V('v1n').Emit().Repeat(__.BothE('RelationType', 'layer2').OtherV().Dedup())`.
    """
    (argument,) = arguments.exactly(call, 1, "one traversal, such as __.Out()")
    body = building.in_rounds().traversal(argument)
    if body.gives is not building.takes:
        raise QueryError(
            f"what {call.name} repeats takes {building.takes.noun}, so it must give them; it gives {body.gives.noun}",
            hint="end it at the kind that it begins with: __.OutE().ChildV()",
            span=argument.span,
        )
    times = _only("times", building)
    until = _only("until", building)
    emit = _only("emit", building)
    if times is None and until is None and emit is None:
        raise QueryError(
            f"{call.name} does not say when to end", hint="add Times(2), Until(__.Has(…)) or Emit()", span=call.span
        )
    return Repeat(
        body,
        None if times is None else read_times(times),
        None if until is None else read_until(until, building.in_rounds()),
        None if emit is None else read_emit(emit, building.in_rounds()),
        call,
    )


def read_times(call: Call) -> int:
    """The rounds of `Repeat`: `G.V('h1').Repeat(__.Out()).Times(2).Dedup()`."""
    (count,) = arguments.exactly(call, 1, "one whole number")
    times = arguments.count_of(count)
    if times > MOST_ROUNDS:
        raise QueryError(f"Repeat goes round at most {MOST_ROUNDS} times", span=count.span)
    return times


def read_until(call: Call, building: Building) -> Test:
    """What leaves `Repeat`: `G.V('v1n').Repeat(__.In()).Until(__.Has('Type', 'host'))`."""
    (argument,) = arguments.exactly(call, 1, "one traversal, such as __.Has('Type', 'host')")
    return Test(_is_leading(call, building), building.traversal(argument))


def read_emit(call: Call, building: Building) -> Test:
    """What `Repeat` shows on its way, all or what passes: `G.V('v1n').Repeat(__.In()).Emit(__.Has('MTU'))`."""
    given = arguments.at_most(call, 1, "at most one traversal")
    return Test(_is_leading(call, building), building.traversal(given[0]) if given else None)


def _only(name: str, building: Building) -> Call | None:
    calls: Sequence[Call] = [call for call in (*building.leading, *building.modulators) if call.name.lower() == name]
    if len(calls) > 1:
        raise QueryError(f"{calls[1].name} is there twice", hint="leave one", span=calls[1].span)
    return calls[0] if calls else None


def _is_leading(call: Call, building: Building) -> bool:
    return any(call is other for other in building.leading)
