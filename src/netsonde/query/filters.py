# SPDX-License-Identifier: Apache-2.0
"""Key and value pairs, as `Has`, `Out`, `Flows` and many others take them, made into one test of an item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netsonde.errors import Span
from netsonde.graph.paths import MISSING, Path
from netsonde.query.arguments import key_of
from netsonde.query.errors import QueryError
from netsonde.query.fields import KeyReader, Reader, element_path, readers
from netsonde.query.kinds import Kind
from netsonde.query.predicates import EXISTS, Predicate, predicate
from netsonde.query.rows import Item
from netsonde.query.syntax import Argument, Call

__all__ = ["ABSENT", "EXISTS", "Condition", "Filter", "combine", "condition", "filter_of", "merge", "pairs"]

ItemTest: TypeAlias = Callable[[Item], bool]
Sieve: TypeAlias = Callable[[Sequence[Item]], list[Item]]
"""Keeps the items that pass, many in one call: what a scan costs is the calls for each item."""

ABSENT = Predicate("absent", lambda _: False, absent=True, growing=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """One key and the test of what is there."""

    key: str
    predicate: Predicate
    path: Path
    span: Span
    holds: ItemTest
    sieve: Sieve


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions of which all, or any one, must hold."""

    conditions: tuple[Condition, ...]
    test: ItemTest
    sieve: Sieve
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
    reads = readers(kind, key, argument.span)
    each = [_holds(read, test) for read in reads]
    holds = each[0] if len(each) == 1 else _any(each)
    sieve = _sieve_at(reads[0].key, test) if isinstance(reads[0], KeyReader) else _sieve(holds)
    return Condition(key, test, element_path(key, argument.span), argument.span, holds, sieve)


def combine(conditions: Sequence[Condition], *, any_of: bool = False) -> Filter:
    """Return the filter that asks for all of the conditions, or for any of them."""
    each = [condition.holds for condition in conditions]
    test = each[0] if len(each) == 1 else _any(each) if any_of else _all(each)
    sieve = _sieve(test) if any_of and len(each) > 1 else _sieves([condition.sieve for condition in conditions])
    return Filter(tuple(conditions), test, sieve, any_of)


def _holds(read: Reader, test: Predicate) -> ItemTest:
    check, absent = test.test, test.absent
    if isinstance(read, KeyReader):
        return _holds_at(read.key, test)

    def holds(item: Item) -> bool:
        found = read(item)
        return absent if found is MISSING else check(found)  # type: ignore[arg-type]

    return holds


def _holds_at(key: str, test: Predicate) -> ItemTest:
    """Return the test of a top-level key, without a call to read it."""
    check, absent = test.test, test.absent

    def holds(item: Item) -> bool:
        found = item.metadata.get(key, MISSING)  # type: ignore[union-attr]
        return absent if found is MISSING else check(found)  # type: ignore[arg-type]

    return holds


def _sieve_at(key: str, test: Predicate) -> Sieve:
    check = test.test
    if test.absent:
        return _sieve(_holds_at(key, test))
    return lambda items: [
        item
        for item in items
        if (found := item.metadata.get(key, MISSING)) is not MISSING and check(found)  # type: ignore[union-attr,arg-type]
    ]


def _sieve(test: ItemTest) -> Sieve:
    return lambda items: [item for item in items if test(item)]


def _sieves(sieves: Sequence[Sieve]) -> Sieve:
    if len(sieves) == 1:
        return sieves[0]

    def sieve(items: Sequence[Item]) -> list[Item]:
        kept = list(items)
        for one in sieves:
            kept = one(kept)
        return kept

    return sieve


def _all(tests: Sequence[ItemTest]) -> ItemTest:
    return lambda item: all(test(item) for test in tests)


def _any(tests: Sequence[ItemTest]) -> ItemTest:
    return lambda item: any(test(item) for test in tests)


def merge(one: Filter, other: Filter) -> Filter:
    """Return the filter that asks for two filters of which none is an "any of"."""
    return combine([*one.conditions, *other.conditions])
