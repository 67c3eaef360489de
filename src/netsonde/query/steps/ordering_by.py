# SPDX-License-Identifier: Apache-2.0
"""`Order` by several keys, and `Skip`, `Tail`, `Sample`: other ways to choose among results."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from netsonde.graph.paths import Missing
from netsonde.model.elements import Edge, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.kinds import Kind
from netsonde.query.order import SortKey, json_text, sort_key
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import Building, Composite, Effect, Operation, Traversers
from netsonde.query.steps._by import By, as_json, bys
from netsonde.query.steps.ordering import Slice, build_sort
from netsonde.query.syntax import Call

_MOST_KEYS: Final = 8


@dataclass(frozen=True, slots=True)
class OrderedBy(Operation):
    """The items in the order of the first `By`, equal ones in the order of the next; what has no value comes last."""

    effect = Effect.KEEPS

    bys: tuple[By, ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        found = list(rows)
        for by in reversed(self.bys):
            found = _ordered(found, by, context)
            context.check()
        return found

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return [read for by in self.bys for read in by.reads()]


def _ordered(rows: list[Item], by: By, context: Context) -> list[Item]:
    having: list[tuple[SortKey, Item]] = []
    lacking: list[Item] = []
    for at, row in enumerate(rows):
        value = by.value(row, context)
        if isinstance(value, Missing) or value is None:
            lacking.append(row)
        else:
            having.append((sort_key(value), row))
        if at % 1024 == 0:
            context.check()
    having.sort(key=lambda pair: pair[0], reverse=by.descending)
    return [row for _, row in having] + lacking


@dataclass(frozen=True, slots=True)
class Last(Composite):
    """The last items."""

    count: int

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        size = len(travellers.rows)
        return travellers.at(range(max(0, size - self.count), size))


@dataclass(frozen=True, slots=True)
class Sampled(Composite):
    """Some items, in the order they had: those whose identity has the smallest digest."""

    count: int

    def go(self, travellers: Traversers, context: Context) -> Traversers:
        ranked = sorted((_digest(row), at) for at, row in enumerate(travellers.rows))
        context.check()
        return travellers.at(sorted(at for _, at in ranked[: self.count]))


def _digest(row: Item) -> bytes:
    name = row.id if isinstance(row, Node | Edge) else json_text(as_json(row))
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def build_order(call: Call, building: Building) -> Operation:
    """In the order of one `By` after the other: `G.V().Has('MTU').Order().By('MTU', DESC).By('Name')`.

    Like `Sort`, with as many keys as you like, or traversals: `G.V().Order().By(__.Out().Count(), DESC).Limit(1)`.
    Without `By` it is `Sort()`. What has nothing to go by comes last.
    """
    if not building.modulators:
        return build_sort(call, building)
    arguments.none(call)
    return OrderedBy(tuple(bys(building, ordered=True, most=_MOST_KEYS)))


def build_skip(call: Call, building: Building) -> Operation:
    """All results but the first n: `G.V().Sort('Name').Skip(9)`."""
    (count,) = arguments.exactly(call, 1, "one whole number")
    return Slice(arguments.count_of(count), arguments.MOST_ROWS_ASKED)


def build_tail(call: Call, building: Building) -> Operation:
    """The last n results, or the last one: `G.V().Sort('Name').Tail(2)`."""
    given = arguments.at_most(call, 1, "at most one whole number")
    return Last(arguments.count_of(given[0]) if given else 1)


def build_sample(call: Call, building: Building) -> Operation:
    """Some n of the results, as if drawn by lot, yet the same ones each time: `G.V().Sample(3)`.

    An element stays in the sample when others come or go, as far as that can be: what is drawn depends on its id alone.
    """
    (count,) = arguments.exactly(call, 1, "one whole number")
    if building.takes is Kind.PATHS:
        raise QueryError(f"{call.name} does not work on paths", hint="use Limit", span=call.span)
    return Sampled(arguments.count_of(count))
