# SPDX-License-Identifier: Apache-2.0
"""Key and value pairs, as `Has`, `Out`, `Flows` and many others take them, made into one test of an item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netsonde.errors import Span
from netsonde.graph.paths import MISSING, Path
from netsonde.query.arguments import key_of
from netsonde.query.errors import QueryError
from netsonde.query.fields import Reader, element_path, readers
from netsonde.query.kinds import Kind
from netsonde.query.predicates import EXISTS, Predicate, predicate
from netsonde.query.rows import Item
from netsonde.query.syntax import Argument, Call

__all__ = ["ABSENT", "EXISTS", "Condition", "Filter", "combine", "condition", "filter_of", "merge", "pairs"]

ItemTest: TypeAlias = Callable[[Item], bool]

ABSENT = Predicate("absent", lambda _: False, absent=True, growing=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """One key and the test of what is there."""

    key: str
    predicate: Predicate
    path: Path
    span: Span
    holds: ItemTest


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions of which all, or any one, must hold."""

    conditions: tuple[Condition, ...]
    test: ItemTest
    any_of: bool = False

    @property
    def growing(self) -> bool:
        """Whether more keys on an element can only make it pass, never fail again."""
        return all(condition.predicate.growing for condition in self.conditions)


def pairs(call: Call, kind: Kind, *, any_of: bool = False) -> Filter:
    """Return the filter that a call's arguments spell: key, test, key, test, … or one key alone (presence)."""
    return filter_of(call.arguments, call, kind, any_of=any_of)


def filter_of(arguments: Sequence[Argument], call: Call, kind: Kind, *, any_of: bool = False) -> Filter:
    """Return the filter that some arguments of a call spell. Raises QueryError."""
    if not arguments:
        raise QueryError(
            f"{call.name} needs at least a key", hint=f"such as {call.name}('Name', 'eth0')", span=call.span
        )
    if len(arguments) == 1:
        return combine([condition(arguments[0], EXISTS, kind)], any_of=any_of)
    if len(arguments) % 2:
        raise QueryError(
            f"{call.name} takes pairs of a key and a value; the last key has no value",
            span=arguments[-1].span,
        )
    found = [condition(key, predicate(value), kind) for key, value in zip(arguments[::2], arguments[1::2], strict=True)]
    return combine(found, any_of=any_of)


def condition(argument: Argument, test: Predicate, kind: Kind) -> Condition:
    """Return the condition that what is at the key passes the test."""
    key = key_of(argument)
    each = [_holds(read, test) for read in readers(kind, key, argument.span)]
    holds = each[0] if len(each) == 1 else _any(each)
    return Condition(key, test, element_path(key, argument.span), argument.span, holds)


def combine(conditions: Sequence[Condition], *, any_of: bool = False) -> Filter:
    """Return the filter that asks for all of the conditions, or for any of them."""
    each = [condition.holds for condition in conditions]
    test = each[0] if len(each) == 1 else _any(each) if any_of else _all(each)
    return Filter(tuple(conditions), test, any_of)


def _holds(read: Reader, test: Predicate) -> ItemTest:
    check, absent = test.test, test.absent

    def holds(item: Item) -> bool:
        found = read(item)
        return absent if found is MISSING else check(found)  # type: ignore[arg-type]

    return holds


def _all(tests: Sequence[ItemTest]) -> ItemTest:
    return lambda item: all(test(item) for test in tests)


def _any(tests: Sequence[ItemTest]) -> ItemTest:
    return lambda item: any(test(item) for test in tests)


def merge(one: Filter, other: Filter) -> Filter:
    """Return the filter that asks for two filters of which none is an "any of"."""
    return combine([*one.conditions, *other.conditions])
