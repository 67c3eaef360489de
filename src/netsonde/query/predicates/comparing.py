# SPDX-License-Identifier: Apache-2.0
"""Tests of equality and membership, and of presence."""

from collections.abc import Sequence
from typing import Final

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError
from netsonde.query.predicates._api import Predicate, Test, any_member, literals
from netsonde.query.syntax import Call, Literal

EXISTS: Final = Predicate("exists", lambda _: True)
"""What a key alone asks for; indexes of presence know it."""
_MOST_LOOKUPS: Final = 64


def equals(value: Json) -> Predicate:
    """Return the test that a bare value in `Has(key, value)` stands for."""
    test = _equals_text(value) if isinstance(value, str) else any_member(_equality(value))
    return Predicate("equals", test, lookups=_lookups(value))


def build_eq(call: Call) -> Predicate:
    """Is the value, as a bare value says it too: `G.V().Has('Name', Eq('eth0'))`."""
    return equals(_scalar(call).value)


def build_ne(call: Call) -> Predicate:
    """Is there, and is not the value: `G.V().Has('MTU', Ne(1500))`; of a list, no member is."""
    same = any_member(_equality(_scalar(call).value))
    return Predicate("Ne", lambda value: not same(value))


def build_nee(call: Call) -> Predicate:
    """Is not the value, or is not there: `G.V().Has('MTU', Nee(1500))`."""
    same = any_member(_equality(_scalar(call).value))
    return Predicate("Nee", lambda value: not same(value), absent=True, growing=False)


def build_within(call: Call) -> Predicate:
    """Is one of these: `G.V().Has('Name', Within('eth0', 'br0'))`; `Within()` never holds. Takes a bound list too."""
    values = _scalars(call)
    lookups = tuple(lookup for value in values for lookup in _lookups(value))
    return Predicate(
        "Within", any_member(_membership(values)), lookups=lookups if len(lookups) <= _MOST_LOOKUPS else None
    )


def build_without(call: Call) -> Predicate:
    """Is none of these, or is not there: `G.V().Has('Type', Without('host', 'veth'))`. Takes a bound list too."""
    among = any_member(_membership(_scalars(call)))
    return Predicate("Without", lambda value: not among(value), absent=True, growing=False)


def build_exists(call: Call) -> Predicate:
    """Is there, be it null or an empty list: `G.V().Has('ExtID.vm-id', Exists())`."""
    literals(call, 0, "no argument")
    return EXISTS


def build_is_null(call: Call) -> Predicate:
    """Is there and null: `G.V().Has('Nil', IsNull())`."""
    literals(call, 0, "no argument")
    return equals(None)


def _equality(value: Json) -> Test:
    if value is None or isinstance(value, bool):
        return lambda member: member is value
    if isinstance(value, str):
        return lambda member: member == value
    written = _shortest(value)
    return lambda member: (type(member) is not bool and member == value) or member == written


def _equals_text(value: str) -> Test:
    # The most common test: one call, not three. Nothing but a string equals a string.
    return lambda found: found == value or (isinstance(found, list) and value in found)


def _shortest(value: Json) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _lookups(value: Json) -> tuple[Json, ...]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value, _shortest(value))
    return (value,)


def _scalar(call: Call) -> Literal:
    (literal,) = literals(call, 1, "one value")
    if isinstance(literal.value, list | dict):
        raise QueryError(f"{call.name} takes text, a number or a boolean", span=literal.span)
    return literal


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
