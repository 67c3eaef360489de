# SPDX-License-Identifier: Apache-2.0
"""What a test is: a builder that checks a call's arguments and returns an immutable predicate.

To add a test: write its builder in a family's file here, and one line in `_registry.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError
from netsonde.query.syntax import Call, Literal

Test: TypeAlias = Callable[[Json], bool]


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


Builder: TypeAlias = Callable[[Call], Predicate]


@dataclass(frozen=True, slots=True)
class PredicateSpec:
    """One line of the registry."""

    name: str
    build: Builder
    """Checks the arguments (QueryError at the place), returns the test. Its docstring is the manual's text."""
    aliases: tuple[str, ...] = ()


def any_member(one: Test) -> Test:
    """Return the test that holds for a list when it holds for one of its members."""

    def test(value: Json) -> bool:
        return any(map(one, value)) if isinstance(value, list) else one(value)

    return test


def literals(call: Call, count: int, what: str) -> Sequence[Literal]:
    """Return the plain arguments of a test; refuse any other number of them, and anything that is no literal."""
    found = [argument for argument in call.arguments if isinstance(argument, Literal)]
    if len(found) != len(call.arguments) or len(found) != count:
        raise QueryError(f"{call.name} takes {what}", span=call.span)
    return found


def text(call: Call, what: str) -> Literal:
    """Return the one argument of a test, a string."""
    (literal,) = literals(call, 1, what)
    if not isinstance(literal.value, str):
        raise QueryError(f"{call.name} takes {what}", span=literal.span)
    return literal
