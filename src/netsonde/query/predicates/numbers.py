# SPDX-License-Identifier: Apache-2.0
"""Tests of numbers, and of strings that write one: less, greater, between."""

import operator
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError
from netsonde.query.predicates._api import Predicate, literals
from netsonde.query.syntax import Call

Number: TypeAlias = int | float

_NUMBER_TEXT = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?")


def number_of(value: Json) -> Number | None:
    """Return the number that a value is or writes, None when it is none."""
    kind = type(value)
    # bool is a kind of int in Python, but true is not 1 here.
    if kind is int or kind is float:
        return value  # type: ignore[return-value]
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        return float(value) if any(mark in value for mark in ".eE") else int(value)
    return None


# A partial of the operator turned round is one call into C: `n < 5` is `5 > n`.


def build_lt(call: Call) -> Predicate:
    """Is a number less than n: `G.V().Has('MTU', Lt(9000))`."""
    (bound,) = _bounds(call, 1)
    return _numeric("Lt", partial(operator.gt, bound))


def build_lte(call: Call) -> Predicate:
    """Is a number less than n, or n: `G.V().Has('MTU', Lte(1500))`."""
    (bound,) = _bounds(call, 1)
    return _numeric("Lte", partial(operator.ge, bound))


def build_gt(call: Call) -> Predicate:
    """Is a number greater than n: `G.V().Has('Load', Gt(0.5))`."""
    (bound,) = _bounds(call, 1)
    return _numeric("Gt", partial(operator.lt, bound))


def build_gte(call: Call) -> Predicate:
    """Is a number greater than n, or n: `G.V().Has('MTU', Gte(9000))`."""
    (bound,) = _bounds(call, 1)
    return _numeric("Gte", partial(operator.le, bound))


def build_inside(call: Call) -> Predicate:
    """Is a number between two, both excluded: `G.V().Has('MTU', Inside(1499, 9000))`.

    Of a list one member must lie there.
    """
    low, high = _bounds(call, 2)
    return _numeric("Inside", lambda number: low < number < high)


def build_between(call: Call) -> Predicate:
    """Is a number from one up to another, which is excluded: `G.V().Has('MTU', Between(1500, 9000))`."""
    low, high = _bounds(call, 2)
    return _numeric("Between", lambda number: low <= number < high)


def build_outside(call: Call) -> Predicate:
    """Is a number less than the one or greater than the other: `G.V().Has('MTU', Outside(1600, 8000))`."""
    low, high = _bounds(call, 2)
    return _numeric("Outside", lambda number: number < low or number > high)


def _bounds(call: Call, count: int) -> list[Number]:
    what = "one number" if count == 1 else "two numbers"
    bounds: list[Number] = []
    for literal in literals(call, count, what):
        number = number_of(literal.value)
        if number is None:
            raise QueryError(f"{call.name} takes {what}", span=literal.span)
        bounds.append(number)
    return bounds


def _numeric(name: str, holds: Callable[[Number], bool]) -> Predicate:
    def one(member: Json) -> bool:
        number = number_of(member)
        return number is not None and holds(number)

    def test(value: Json) -> bool:
        kind = type(value)
        if kind is int or kind is float:
            return holds(value)  # type: ignore[arg-type]
        return any(map(one, value)) if isinstance(value, list) else one(value)

    return Predicate(name, test)
