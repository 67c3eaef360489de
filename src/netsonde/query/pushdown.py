# SPDX-License-Identifier: Apache-2.0
"""Filters of flows as tests of columns, for sources to narrow their answers by.

What comes back is tested again by the filter itself, so a test here may let too much pass, never too little.
`Pushed.exact` tells that it lets pass just what the filter does: only then may a source also cut the answer.
"""

import ipaddress
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, TypeAlias

from netsonde.model.elements import Json
from netsonde.model.flows import FlowTest
from netsonde.query.filters import EXISTS, Condition, Filter
from netsonde.query.flow_columns import FIELD_COLUMNS, TEXT_COLUMNS, FlowColumn
from netsonde.query.flow_fields import either_end, layer_of
from netsonde.query.predicates import Predicate, number_of

Clauses: TypeAlias = list[list[FlowTest]]

_MOST_VALUES: Final = 10_000
_MOST_CLAUSES: Final = 64
_LEAST, _GREATEST = -(2**63), 2**64 - 1
"""Integers that columns can hold, and JSON can carry to an agent."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What of a filter a source can test."""

    clauses: Clauses
    exact: bool


def pushed(chosen: Filter) -> Pushed:
    """Return the tests that follow from a filter of flows."""
    found = [_condition(condition) for condition in chosen.conditions]
    if not chosen.any_of or len(found) == 1:
        return Pushed([clause for each in found for clause in each.clauses], all(each.exact for each in found))
    # One alternative without tests lets everything pass.
    if any(not each.clauses for each in found):
        return Pushed([], exact=False)
    together = math.prod(len(each.clauses) for each in found)
    if together > _MOST_CLAUSES:
        return Pushed([], exact=False)
    alternatives = product(*(each.clauses for each in found))
    return Pushed(
        [[test for clause in chosen_clauses for test in clause] for chosen_clauses in alternatives],
        all(each.exact for each in found),
    )


_NOTHING: Final = Pushed([], exact=False)


def _condition(condition: Condition) -> Pushed:
    if condition.predicate.absent:
        return _NOTHING
    if condition.predicate is EXISTS:
        return _presence(condition.key)
    tests: list[FlowTest] = []
    needs: Clauses = []
    exact = True
    for name in either_end(condition.key):
        field = _field(name)
        if field is None:
            return _message(condition.key)
        column, protocol = field
        found = _tests(column, condition.predicate)
        if found is None:
            return _NOTHING
        tests += found
        # Both ends are in the same layer, which must be there; a text that is not empty is there by itself.
        by_itself = column.needs == column.column and all(test.operator == "in" for test in found)
        needs = [] if by_itself else _needs(column, protocol)
        exact = exact and column.certain
    return Pushed([tests, *needs], exact)


def _field(name: str) -> tuple[FlowColumn, str] | None:
    """Return the column of a field, and the protocol that its layer must have ("" = any)."""
    layer, protocol = layer_of(name)
    if layer:
        name = layer + name[name.index(".") :] if "." in name else layer
    column = FIELD_COLUMNS.get(name)
    return None if column is None else (column, protocol)


def _needs(column: FlowColumn, protocol: str) -> Clauses:
    if protocol:
        return [[FlowTest(column.needs, "in", [protocol])]]
    return [[_filled(column.needs)]] if column.needs else []


def _filled(column: str) -> FlowTest:
    return FlowTest(column, "not_in", ["" if column in TEXT_COLUMNS else 0])


def _presence(key: str) -> Pushed:
    field = _field(key) or _field(f"{key}.Protocol")
    if field is None:
        return _message(key)
    column, protocol = field
    return Pushed(_needs(column, protocol), column.certain)


def _message(key: str) -> Pushed:
    """Return the test that a flow has messages at all, for a key inside them."""
    first, dot, _ = key.partition(".")
    column = FIELD_COLUMNS.get(first)
    if not dot or column is None or column.unit != "json":
        return _NOTHING
    return Pushed([[_filled(column.column)]], exact=False)


def _tests(column: FlowColumn, predicate: Predicate) -> list[FlowTest] | None:
    """Return tests of which one holds when the predicate does; None when there are none such."""
    if predicate.name in ("equals", "Within"):
        return _membership(column, predicate)
    if predicate.name == "Ne":
        among = _membership(column, predicate)
        if column.unit not in ("text", "number") or not among:
            return None
        return [FlowTest(test.column, "not_in", test.values) for test in among]
    if predicate.name == "IpRange":
        network = ipaddress.ip_network(str(predicate.operands[0]), strict=False)
        return [FlowTest(column.column, "network", [str(network)])] if column.unit == "text" else None
    ranges = _ranges(predicate)
    if ranges is None or column.unit not in ("number", "ms"):
        return None
    return [_range(column, low, high) for low, high in ranges]


def _membership(column: FlowColumn, predicate: Predicate) -> list[FlowTest] | None:
    values = predicate.lookups if predicate.lookups is not None else tuple(_flat(predicate.operands))
    if len(values) > _MOST_VALUES:
        return None
    if column.unit == "text":
        # A column of text without a text in it is a field that is not there.
        texts = [value for value in map(_text, values) if value]
        return [FlowTest(column.column, "in", list(texts))] if texts else None
    if column.unit == "hex":
        numbers = [number for value in map(_text, values) if (number := _hex(column, value)) is not None]
        return [FlowTest(column.column, "in", list(numbers))] if numbers else None
    whole = [number for value in values if (number := _whole(value)) is not None]
    if column.unit == "ms":
        return [_range(column, number, number) for number in whole] if 0 < len(whole) <= _MOST_CLAUSES else None
    return [FlowTest(column.column, "in", list(whole))] if column.unit == "number" and whole else None


def _flat(operands: Sequence[Json]) -> Iterable[Json]:
    for operand in operands:
        yield from operand if isinstance(operand, list) else (operand,)


def _text(value: Json) -> str | None:
    """Return the text that a value equals, None when it equals none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _hex(column: FlowColumn, text: str | None) -> int | None:
    """Return the number that a flow writes just so; no parent is written as an empty text."""
    if text == "" and column.column == "parent_uuid":
        return 0
    try:
        number = int(text or "", 16)
    except ValueError:
        return None
    written = f"{number:x}" == text and number <= _GREATEST
    return number if written and (number or column.column != "parent_uuid") else None


def _whole(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value != int(value):
        return None
    return int(value) if _LEAST <= value <= _GREATEST else None


def _ranges(predicate: Predicate) -> list[tuple[int | None, int | None]] | None:
    """Return the whole numbers for which a comparison holds, as ranges with both ends included."""
    bounds = [number_of(operand) for operand in predicate.operands]
    numbers = [bound for bound in bounds if bound is not None and math.isfinite(bound)]
    if not numbers or len(numbers) != len(bounds):
        return None
    low, high = numbers[0], numbers[-1]
    above, below = math.floor(low) + 1, math.ceil(high) - 1
    found: dict[str, list[tuple[int | None, int | None]]] = {
        "Lt": [(None, below)],
        "Lte": [(None, math.floor(high))],
        "Gt": [(above, None)],
        "Gte": [(math.ceil(low), None)],
        "Inside": [(above, below)],
        "Between": [(math.ceil(low), below)],
        "Outside": [(None, math.ceil(low) - 1), (math.floor(high) + 1, None)],
    }
    return found.get(predicate.name)


def _range(column: FlowColumn, low: int | None, high: int | None) -> FlowTest:
    if column.unit == "ms":
        # The field is the column's time rounded down to a millisecond.
        low = None if low is None else low * 1_000_000
        high = None if high is None else high * 1_000_000 + 999_999
    return FlowTest(column.column, "range", [_clamped(low), _clamped(high)])


def _clamped(bound: int | None) -> int | None:
    return None if bound is None else max(_LEAST, min(bound, _GREATEST))
