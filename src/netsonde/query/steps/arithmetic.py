# SPDX-License-Identifier: Apache-2.0
"""`Math`: a formula over the numbers of each item; `Loops`: how often `Repeat` went round so far."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from netsonde.errors import Span
from netsonde.graph.paths import Missing
from netsonde.model.elements import Json
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.fields import Reader, reader
from netsonde.query.formula import ITSELF, Formula, Number, read_formula
from netsonde.query.kinds import Kind
from netsonde.query.predicates import number_of
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class WorkedOut(Operation):
    """What a formula gives for each item; items for which it gives nothing are left out."""

    effect = Effect.MOVES

    formula: Formula
    readers: Mapping[str, Reader]

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(self._results(rows))

    def keys(self) -> Iterable[str]:
        return (name for name in self.readers if name != ITSELF)

    def _results(self, rows: Rows) -> Iterator[Number]:
        for row in rows:
            result = self.formula.result(partial(self._number, row))
            if result is not None:
                yield result

    def _number(self, row: Item, name: str) -> Number | None:
        found = self.readers[name](row)
        return None if isinstance(found, Missing) else number_of(found)


@dataclass(frozen=True, slots=True)
class Rounds(Operation):
    """The rounds that are done, for each item."""

    effect = Effect.MOVES

    def apply(self, rows: Rows, context: Context) -> Rows:
        return (context.rounds,) * len(rows)


def build_math(call: Call, building: Building) -> Operation:
    """A number worked out for each item: `G.V().Math('MTU * 8')`.

    Of values `_` is the value itself: `G.V().Values('MTU').Math('_ - 14')`.

    Numbers, keys, `+ - * / % ^`, parentheses, and abs, ceil, exp, floor, log, log10, log2, round, sqrt. Items that lack
    a key or a result (`1 / 0`) are left out. Of what is found on several ways:
    `G.V('br0').Project('ports', 'mtu').By(__.Out().Count()).By('MTU').Math('mtu / ports')`.
    """
    (argument,) = arguments.exactly(call, 1, "one formula in quotes")
    formula = read_formula(arguments.text_of(argument), argument.span)
    return WorkedOut(formula, {name: _reader(building.takes, name, argument.span) for name in formula.names()})


def _reader(takes: Kind, name: str, span: Span) -> Reader:
    if name != ITSELF:
        return reader(takes, name, span)
    if takes is not Kind.VALUES:
        raise QueryError(
            f"{ITSELF} is a value itself, and here are {takes.noun}", hint="write a key, such as 'MTU * 8'", span=span
        )
    return cast("Reader", _itself)


def _itself(row: Json) -> Json:
    return row


def build_loops(call: Call, building: Building) -> Operation:
    """The rounds that `Repeat` has done: `G.V('v1n').Repeat(__.In()).Until(__.Loops().Is(2))`; in its first round 0."""
    arguments.none(call)
    if not building.repeated:
        raise QueryError(
            f"{call.name} counts the rounds of Repeat, and none goes round here",
            hint="write it within Repeat, Until or Emit: Until(__.Loops().Is(3))",
            span=call.span,
        )
    return Rounds()
