# SPDX-License-Identifier: Apache-2.0
"""Tests of the value at a key: equality, comparison, membership, regular expressions, address ranges.

Rules of values: a string equals strings only, a boolean booleans, null null; numbers are compared exactly, integers
with floats, and also with strings that write a number. A list satisfies a test when one of its members does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from netsonde.model.elements import Json
from netsonde.query.addresses import parse_range
from netsonde.query.errors import QueryError, did_you_mean, shown
from netsonde.query.patterns import compile_pattern
from netsonde.query.syntax import Argument, Call, Literal

Test: TypeAlias = Callable[[Json], bool]
Number: TypeAlias = int | float

_NUMBER_TEXT = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?")
_MOST_LOOKUPS = 64


@dataclass(frozen=True, slots=True)
class Predicate:
    """One test of what is at a key."""

    name: str
    test: Test
    """Answers for a value that is present: a scalar, a list or an object."""
    absent: bool = False
    """The answer where the key is missing."""
    growing: bool = True
    """Whether more keys on an element can only make it true, never false again."""
    lookups: tuple[Json, ...] | None = None
    """Scalars of which the value, or a member of it, equals one exactly when the test holds; None: no such list."""
    operands: tuple[Json, ...] = ()
    """The plain values it was written with, from which sources can make a test of their own."""


def equals(value: Json) -> Predicate:
    """Return the test that a bare value in `Has(key, value)` stands for."""
    return Predicate("equals", _any_member(_equality(value)), lookups=_lookups(value))


def predicate(argument: Argument) -> Predicate:
    """Return the test that an argument stands for. Raises QueryError."""
    if isinstance(argument, Literal):
        if isinstance(argument.value, list | dict):
            raise QueryError("a list can only be given to Within and Without", span=argument.span)
        return equals(argument.value)
    if not isinstance(argument, Call):
        raise QueryError(
            f"{argument.name} is not a value to compare with",
            hint="text goes in quotes; a test looks like Gt(1500)",
            span=argument.span,
        )
    build = PREDICATES.get(argument.name.lower())
    if build is None:
        known = [name for name, _ in _NAMED]
        raise QueryError(
            f"there is no test named {shown(argument.name)}",
            hint=did_you_mean(argument.name, known, f"tests are {', '.join(known)}"),
            span=argument.name_span,
        )
    operands = tuple(each.value for each in argument.arguments if isinstance(each, Literal))
    return replace(build(argument), operands=operands)


def number_of(value: Json) -> Number | None:
    """Return the number that a value is or writes, None when it is none."""
    kind = type(value)
    # bool is a kind of int in Python, but true is not 1 here.
    if kind is int or kind is float:
        return value  # type: ignore[return-value]
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        return float(value) if any(mark in value for mark in ".eE") else int(value)
    return None


def _any_member(one: Test) -> Test:
    def test(value: Json) -> bool:
        return any(map(one, value)) if isinstance(value, list) else one(value)

    return test


def _equality(value: Json) -> Test:
    if value is None or isinstance(value, bool):
        return lambda member: member is value
    if isinstance(value, str):
        return lambda member: member == value
    text = _shortest(value)
    return lambda member: (type(member) is not bool and member == value) or member == text


def _shortest(value: Json) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _lookups(value: Json) -> tuple[Json, ...]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value, _shortest(value))
    return (value,)


def _scalars(call: Call) -> list[Json]:
    found: list[Json] = []
    for argument in call.arguments:
        if not isinstance(argument, Literal):
            raise QueryError(f"{call.name} takes plain values only", span=argument.span)
        members = argument.value if isinstance(argument.value, list) else [argument.value]
        if any(isinstance(member, list | dict) for member in members):
            raise QueryError(f"{call.name} takes text, numbers and booleans only", span=argument.span)
        found += members
    return found


def _takes(call: Call, count: int, what: str) -> Sequence[Literal]:
    found = [argument for argument in call.arguments if isinstance(argument, Literal)]
    if len(found) != len(call.arguments) or len(found) != count:
        raise QueryError(f"{call.name} takes {what}", span=call.span)
    return found


def _bounds(call: Call, count: int) -> list[Number]:
    what = "one number" if count == 1 else "two numbers"
    bounds: list[Number] = []
    for literal in _takes(call, count, what):
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
        # The common case first: it decides what a scan of the whole graph costs.
        if kind is int or kind is float:
            return holds(value)  # type: ignore[arg-type]
        return any(map(one, value)) if isinstance(value, list) else one(value)

    return Predicate(name, test)


def _lt(call: Call) -> Predicate:
    (bound,) = _bounds(call, 1)
    return _numeric("Lt", lambda number: number < bound)


def _lte(call: Call) -> Predicate:
    (bound,) = _bounds(call, 1)
    return _numeric("Lte", lambda number: number <= bound)


def _gt(call: Call) -> Predicate:
    (bound,) = _bounds(call, 1)
    return _numeric("Gt", lambda number: number > bound)


def _gte(call: Call) -> Predicate:
    (bound,) = _bounds(call, 1)
    return _numeric("Gte", lambda number: number >= bound)


def _inside(call: Call) -> Predicate:
    low, high = _bounds(call, 2)
    return _numeric("Inside", lambda number: low < number < high)


def _between(call: Call) -> Predicate:
    low, high = _bounds(call, 2)
    return _numeric("Between", lambda number: low <= number < high)


def _outside(call: Call) -> Predicate:
    low, high = _bounds(call, 2)
    return _numeric("Outside", lambda number: number < low or number > high)


def _ne(call: Call) -> Predicate:
    same = _one_scalar(call)
    return Predicate("Ne", lambda value: not same(value))


def _nee(call: Call) -> Predicate:
    same = _one_scalar(call)
    return Predicate("Nee", lambda value: not same(value), absent=True, growing=False)


def _one_scalar(call: Call) -> Test:
    (literal,) = _takes(call, 1, "one value")
    if isinstance(literal.value, list | dict):
        raise QueryError(f"{call.name} takes text, a number or a boolean", span=literal.span)
    return _any_member(_equality(literal.value))


def _within(call: Call) -> Predicate:
    values = _scalars(call)
    lookups = tuple(lookup for value in values for lookup in _lookups(value))
    return Predicate(
        "Within", _any_member(_membership(values)), lookups=lookups if len(lookups) <= _MOST_LOOKUPS else None
    )


def _without(call: Call) -> Predicate:
    among = _any_member(_membership(_scalars(call)))
    return Predicate("Without", lambda value: not among(value), absent=True, growing=False)


def _membership(values: Sequence[Json]) -> Test:
    texts = {value for value in values if isinstance(value, str)}
    numbers = {value for value in values if isinstance(value, int | float) and not isinstance(value, bool)}
    texts |= {_shortest(number) for number in numbers}
    constants = [value for value in values if value is None or isinstance(value, bool)]

    def one(member: Json) -> bool:
        if isinstance(member, str):
            return member in texts
        if member is None or isinstance(member, bool):
            return member in constants
        return not isinstance(member, list | dict) and member in numbers

    return one


def _regex(call: Call) -> Predicate:
    (literal,) = _takes(call, 1, "one regular expression in quotes")
    if not isinstance(literal.value, str):
        raise QueryError(f"{call.name} takes one regular expression in quotes", span=literal.span)
    return Predicate("Regex", _any_member(compile_pattern(literal.value, literal.span)))


def _ip_range(call: Call) -> Predicate:
    (literal,) = _takes(call, 1, "one address range in quotes, such as '10.0.0.0/24'")
    if not isinstance(literal.value, str):
        raise QueryError(f"{call.name} takes one address range in quotes", span=literal.span)
    return Predicate("IpRange", _any_member(parse_range(literal.value, literal.span)))


_NAMED: Final[Sequence[tuple[str, Callable[[Call], Predicate]]]] = (
    ("Ne", _ne),
    ("Nee", _nee),
    ("Lt", _lt),
    ("Lte", _lte),
    ("Gt", _gt),
    ("Gte", _gte),
    ("Inside", _inside),
    ("Between", _between),
    ("Outside", _outside),
    ("Within", _within),
    ("Without", _without),
    ("Regex", _regex),
    ("Ipv4Range", _ip_range),
    ("IpRange", _ip_range),
)

PREDICATES: Final[Mapping[str, Callable[[Call], Predicate]]] = {name.lower(): build for name, build in _NAMED}
