# SPDX-License-Identifier: Apache-2.0
"""Steps that ask a traversal about each item, or send items through several: `Where`, `Not`, `Union`, `Choose`, …"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from netsonde.query.context import Context
from netsonde.query.errors import QueryError, did_you_mean, shown
from netsonde.query.filters import Filter, combine
from netsonde.query.kinds import Kind
from netsonde.query.order import identity
from netsonde.query.predicates import PREFIXES
from netsonde.query.steps._api import Building, Composite, Operation, Traversal, Traversers
from netsonde.query.steps._traversal import joined
from netsonde.query.steps.filtering import Keep
from netsonde.query.syntax import Argument, Call, Chain, Literal

_AMONG = {"within": True, "without": False}


@dataclass(frozen=True, slots=True)
class Asked(Composite):
    """Keep the items for which all, or at least one, of the traversals lead somewhere; or those for which not."""

    inner: tuple[Traversal, ...]
    any_of: bool = False
    negated: bool = False

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        decide = any if self.any_of else all
        return travellers.at(
            [
                at
                for at, single in enumerate(travellers.singly())
                if decide(inner.holds(single, context) for inner in self.inner) is not self.negated
            ]
        )

    def questions(self) -> Iterable[Traversal]:
        return self.inner

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        if self.negated or self.any_of:
            return ()
        return (found for inner in self.inner for step in inner.steps for found in step.operation.filters())


@dataclass(frozen=True, slots=True)
class Among(Composite):
    """Keep the items that are, or are not, among those remembered under some names."""

    names: tuple[str, ...]
    wanted: bool

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        saved = chain.from_iterable(context.saved.get(name, ()) for name in self.names)
        among = {identity(item) for item in context.watched(saved)}
        rows = context.watched(travellers.rows)
        kept = [at for at, row in enumerate(rows) if (identity(row) in among) is self.wanted]
        context.check(len(kept))
        return travellers.at(kept)


@dataclass(frozen=True, slots=True)
class Branches(Composite):
    """What all of the traversals make of all items, one after the other."""

    inner: tuple[Traversal, ...]

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        parts = (inner.run(travellers, context) for inner in self.inner)
        return joined(parts, context, tracked=travellers.tracked)

    def ways(self) -> Iterable[Traversal]:
        return self.inner


@dataclass(frozen=True, slots=True)
class FirstOf(Composite):
    """For each item what the first traversal that leads somewhere gives, else the item itself if it may stay."""

    inner: tuple[Traversal, ...]
    or_itself: bool = False

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        parts = (self._first(single, context) for single in travellers.singly())
        return joined(parts, context, tracked=travellers.tracked)

    def ways(self) -> Iterable[Traversal]:
        return self.inner

    def _first(self, single: Traversers, context: Context) -> Traversers:
        for inner in self.inner:
            found = inner.run(single, context)
            if found.rows:
                return found
        return single if self.or_itself else Traversers((), () if single.tracked else None)


@dataclass(frozen=True, slots=True)
class Choice(Composite):
    """The items for which a traversal leads somewhere go one way, the others another way, or stay as they are."""

    asked: Traversal
    then: Traversal
    otherwise: Traversal | None

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        yes: list[int] = []
        no: list[int] = []
        for at, single in enumerate(travellers.singly()):
            (yes if self.asked.holds(single, context) else no).append(at)
        return joined(self._ways(travellers.at(yes), travellers.at(no), context), context, tracked=travellers.tracked)

    def ways(self) -> Iterable[Traversal]:
        return (self.then,) if self.otherwise is None else (self.then, self.otherwise)

    def questions(self) -> Iterable[Traversal]:
        return (self.asked,)

    def _ways(self, yes: Traversers, no: Traversers, context: Context) -> Iterator[Traversers]:
        yield self.then.run(yes, context)
        yield no if self.otherwise is None else self.otherwise.run(no, context)


@dataclass(frozen=True, slots=True)
class Each(Composite):
    """What the traversal makes of each item by itself."""

    inner: Traversal

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        parts = (self.inner.run(single, context) for single in travellers.singly())
        return joined(parts, context, tracked=travellers.tracked)

    def ways(self) -> Iterable[Traversal]:
        return (self.inner,)


def build_where(call: Call, building: Building) -> Operation:
    """Keep the items from which a traversal leads somewhere: `G.V().Where(__.Out('Type', 'netns'))`.

    `Where(Within('a'))` and `Where(Without('a'))` keep those that are, or are not, among what `As('a')` or
    `Aggregate('a')` remembered. An anonymous traversal begins with `__.` or `_.`, or at once: `Where(Out())`.
    """
    among = _among(call)
    if among is not None:
        return Among(_remembered(among, building), _AMONG[among.name.lower()])
    (inner,) = _traversals(call, building, 1, 1)
    simple = _as_filter([inner])
    return Keep(building.takes, simple) if simple is not None else Asked((inner,))


def build_not(call: Call, building: Building) -> Operation:
    """Keep the items from which a traversal leads nowhere: `G.V().Has('Type', 'veth').Not(__.Out())`."""
    return Asked(_traversals(call, building, 1, 1), negated=True)


def build_and(call: Call, building: Building) -> Operation:
    """Keep the items from which every traversal leads somewhere: `G.V().And(__.Has('MTU'), __.Out())`."""
    inner = _traversals(call, building, 1)
    simple = _as_filter(inner)
    return Keep(building.takes, simple) if simple is not None else Asked(inner)


def build_or(call: Call, building: Building) -> Operation:
    """Keep the items from which at least one traversal leads somewhere: `G.V().Or(__.HasNot('MTU'), __.Out())`."""
    return Asked(_traversals(call, building, 1), any_of=True)


def build_union(call: Call, building: Building) -> Operation:
    """What every traversal gives for all items, one after the other: `G.V('br0').Union(__.In(), __.Out())`.

    The traversals must give the same kind of result; values and single values go together.
    """
    inner = _traversals(call, building, 1)
    building.gives = _common(inner, call)
    return Branches(inner)


def build_coalesce(call: Call, building: Building) -> Operation:
    """For each item what the first traversal that leads somewhere gives.

    `G.V().Coalesce(__.Values('MTU'), __.Constant(0))`
    """
    inner = _traversals(call, building, 1)
    building.gives = _common(inner, call)
    return FirstOf(inner)


def build_optional(call: Call, building: Building) -> Operation:
    """For each item what the traversal gives, or the item itself: `G.V().Has('Type', 'ovsport').Optional(__.Out())`."""
    inner = _traversals(call, building, 1, 1)
    _must_give(inner[0], building.takes, call)
    return FirstOf(inner, or_itself=True)


def build_choose(call: Call, building: Building) -> Operation:
    """Send the items from which the first traversal leads somewhere through the second, the others through the third.

    Without a third they stay as they are: `G.V().Choose(__.Has('Type', 'netns'), __.Out(), __.In())`.
    """
    asked, then, *rest = _traversals(call, building, 2, 3)
    if rest:
        building.gives = _common((then, *rest), call)
    else:
        _must_give(then, building.takes, call)
    return Choice(asked, then, rest[0] if rest else None)


def build_local(call: Call, building: Building) -> Operation:
    """What the traversal makes of each item by itself: `G.V().Local(__.Out().Sort('Name').Limit(1))`."""
    (inner,) = _traversals(call, building, 1, 1)
    building.gives = Kind.VALUES if inner.gives is Kind.VALUE else inner.gives
    return Each(inner)


def _traversals(call: Call, building: Building, least: int, most: int | None = None) -> tuple[Traversal, ...]:
    count = len(call.arguments)
    if count < least or (most is not None and count > most):
        wanted = {1: "one traversal", 3: "two or three traversals"}.get(most or 0, "at least one traversal")
        place = call.span if count < least or most is None else call.arguments[most].span
        raise QueryError(f"{call.name} takes {wanted}", hint=f"such as {call.name}(__.Out('Type', 'veth'))", span=place)
    return tuple(building.traversal(argument) for argument in call.arguments)


def _as_filter(traversals: Sequence[Traversal]) -> Filter | None:
    """Return the one filter that traversals made of plain filters only stand for; so indexes are used for them too."""
    filters: list[Filter] = []
    for inner in traversals:
        for step in inner.steps:
            if not isinstance(step.operation, Keep) or step.operation.filter.any_of:
                return None
            filters.append(step.operation.filter)
    return combine([condition for chosen in filters for condition in chosen.conditions]) if filters else None


def _common(traversals: Sequence[Traversal], call: Call) -> Kind:
    kinds = [Kind.VALUES if inner.gives is Kind.VALUE else inner.gives for inner in traversals]
    for inner, kind in zip(traversals, kinds, strict=True):
        if kind is not kinds[0]:
            raise QueryError(
                f"the traversals of {call.name} give {kinds[0].noun} and {kind.noun}",
                hint="let all of them give the same kind",
                span=inner.span,
            )
    return kinds[0]


def _must_give(inner: Traversal, wanted: Kind, call: Call) -> None:
    if inner.gives is not wanted:
        raise QueryError(
            f"{call.name} lets other items stay {wanted.noun}, but its traversal gives {inner.gives.noun}",
            hint="let it give the same kind, or name what the others become",
            span=inner.span,
        )


def _among(call: Call) -> Call | None:
    if len(call.arguments) != 1:
        return None
    (argument,) = call.arguments
    if isinstance(argument, Chain) and argument.head.lower() in PREFIXES and len(argument.calls) == 1:
        (argument,) = argument.calls
    return argument if isinstance(argument, Call) and argument.name.lower() in _AMONG else None


def _remembered(among: Call, building: Building) -> tuple[str, ...]:
    names: list[str] = []
    for argument in among.arguments:
        name = _name(argument)
        if name not in building.names:
            raise QueryError(
                f"nothing is remembered under the name {shown(name)} here",
                hint=did_you_mean(name, building.names, f"write As({shown(name)}) or Aggregate({shown(name)}) before"),
                span=argument.span,
            )
        names.append(name)
    return tuple(names)


def _name(argument: Argument) -> str:
    if isinstance(argument, Literal) and isinstance(argument.value, str):
        return argument.value
    raise QueryError("a name in quotes is expected here", hint="such as Within('a') after As('a')", span=argument.span)
