# SPDX-License-Identifier: Apache-2.0
"""From many to one and back: `Fold`, `Unfold`, `Min`, `Max`, `Mean`; and values by themselves: `Is`, `Constant`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

from netsonde.graph.paths import Missing
from netsonde.model.elements import Json
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, shown
from netsonde.query.fields import Reader, reader
from netsonde.query.kinds import Kind
from netsonde.query.order import sort_key
from netsonde.query.predicates import Predicate, number_of, predicate
from netsonde.query.rows import Nodes, Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.steps._by import as_json, everything
from netsonde.query.syntax import Call, Literal

Reduce: TypeAlias = Callable[[list[Json]], Json]


@dataclass(frozen=True, slots=True)
class FoldAll(Operation):
    """All items as one list."""

    def apply(self, rows: Rows, context: Context) -> Rows:
        return (context.collected(map(as_json, rows)),)

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return everything(takes)


@dataclass(frozen=True, slots=True)
class UnfoldEach(Operation):
    """The members of lists, the entries of objects as `{"Key", "Value"}`, anything else as it is."""

    effect = Effect.MOVES

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(member for row in rows for member in _members(cast("Json", row)))


@dataclass(frozen=True, slots=True)
class NodesOfPaths(Operation):
    """The nodes of each path, one by one."""

    effect = Effect.MOVES

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(node for path in rows for node in cast("Nodes", path))


def _members(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        yield from ({"Key": key, "Value": member} for key, member in value.items())
    elif isinstance(value, list):
        yield from value
    else:
        yield value


@dataclass(frozen=True, slots=True)
class Passing(Operation):
    """Keep the values that pass a test."""

    effect = Effect.KEEPS

    test: Predicate

    def apply(self, rows: Rows, context: Context) -> Rows:
        test = self.test.test
        return context.kept(rows, lambda row: test(cast("Json", row)))


@dataclass(frozen=True, slots=True)
class Always(Operation):
    """The same value for each item."""

    effect = Effect.MOVES

    value: Json

    def apply(self, rows: Rows, context: Context) -> Rows:
        return (self.value,) * len(rows)


@dataclass(frozen=True, slots=True)
class Same(Operation):
    """The items themselves."""

    effect = Effect.KEEPS

    def apply(self, rows: Rows, context: Context) -> Rows:
        return rows


@dataclass(frozen=True, slots=True)
class Reduced(Operation):
    """One value made of all values at a key; nothing when there is none."""

    read: Reader | None
    """None: the items themselves."""
    key: str
    check: Callable[[Json], bool]
    reduce: Reduce
    call: Call

    def apply(self, rows: Rows, context: Context) -> Rows:
        found: list[Json] = []
        for row in context.watched(rows):
            value = cast("Json", row) if self.read is None else self.read(row)
            if isinstance(value, Missing) or value is None:
                continue
            if not self.check(value):
                raise QueryError(f"{self.call.name} cannot use {shown(str(value))}", span=self.call.span)
            found.append(value)
        return (self.reduce(found),) if found else ()

    def keys(self) -> Iterable[str]:
        return (self.key,) if self.key else ()


def _mean(values: list[Json]) -> Json:
    numbers = [number for value in values if (number := number_of(value)) is not None]
    return sum(numbers) / len(numbers)


def _is_comparable(value: Json) -> bool:
    return not isinstance(value, list | dict)


def _reducer(check: Callable[[Json], bool], reduce: Reduce, meaning: str) -> Callable[[Call, Building], Operation]:
    def build(call: Call, building: Building) -> Operation:
        given = arguments.at_most(call, 1, "one key in quotes")
        if not given and building.takes is Kind.VALUES:
            return Reduced(None, "", check, reduce, call)
        (key,) = arguments.exactly(call, 1, "one key in quotes")
        text = arguments.key_of(key)
        return Reduced(reader(building.takes, text, key.span), text, check, reduce, call)

    build.__doc__ = meaning
    return build


build_min = _reducer(
    _is_comparable,
    lambda values: min(values, key=sort_key),
    "The smallest value at a key, or of values, in the order of `Sort`: `G.V().Min('MTU')`; null when there is none.",
)
build_max = _reducer(
    _is_comparable,
    lambda values: max(values, key=sort_key),
    "The largest value at a key, or of values, in the order of `Sort`: `G.V().Values('MTU').Max()`; else null.",
)
build_mean = _reducer(
    lambda value: number_of(value) is not None,
    _mean,
    "The mean of the numbers at a key, or of values: `G.V().Mean('MTU')`; null when there is none.",
)


def build_fold(call: Call, building: Building) -> Operation:
    """All results as one list: `G.V().Values('Name').Fold()`; elements become JSON objects."""
    arguments.none(call)
    return FoldAll()


def build_unfold(call: Call, building: Building) -> Operation:
    """The members of lists one by one, the members of objects as `Key` and `Value`, the nodes of paths.

    `G.V().Values('IPV4').Unfold()`, `G.V().GroupCount('Type').Unfold()`
    """
    arguments.none(call)
    return NodesOfPaths() if building.takes is Kind.PATHS else UnfoldEach()


def build_is(call: Call, building: Building) -> Operation:
    """Keep the values that pass a test: `G.V().Where(__.Out().Count().Is(Gt(2)))`, `G.V().Values('MTU').Is(9000)`."""
    (argument,) = arguments.exactly(call, 1, "one value or test")
    return Passing(predicate(argument))


def build_constant(call: Call, building: Building) -> Operation:
    """The same value for each item: `G.V().Coalesce(__.Values('State'), __.Constant('?'))`."""
    (argument,) = arguments.exactly(call, 1, "one value")
    if not isinstance(argument, Literal):
        raise QueryError(f"{call.name} takes one value", span=argument.span)
    return Always(argument.value)


def build_identity(call: Call, building: Building) -> Operation:
    """The items themselves, as a branch of others: `G.V('br0').Union(__.Identity(), __.Out())`."""
    arguments.none(call)
    return Same()
