# SPDX-License-Identifier: Apache-2.0
"""Checks of a step's arguments before anything runs; each refusal points at the argument."""

from collections.abc import Sequence
from typing import Final

from netsonde.query.errors import QueryError
from netsonde.query.syntax import Argument, Call, Literal

MOST_ROWS_ASKED: Final = 2**53
MOST_KEYS: Final = 100
"""Keys of one step; a result has at most so many members a row."""


def none(call: Call) -> None:
    """Refuse any argument."""
    if call.arguments:
        raise QueryError(f"{call.name} takes no argument", span=call.arguments[0].span)


def at_most(call: Call, most: int, what: str) -> Sequence[Argument]:
    """Return the arguments; refuse more than `most` of them."""
    if len(call.arguments) > most:
        raise QueryError(f"{call.name} takes {what}", span=call.arguments[most].span)
    return call.arguments


def exactly(call: Call, count: int, what: str) -> Sequence[Argument]:
    """Return the arguments; refuse any other number of them."""
    at_most(call, count, what)
    if len(call.arguments) < count:
        raise QueryError(f"{call.name} takes {what}", span=call.span)
    return call.arguments


def text_of(argument: Argument, what: str = "a text in quotes") -> str:
    """Return a string argument."""
    if isinstance(argument, Literal) and isinstance(argument.value, str):
        return argument.value
    raise QueryError(f"{_named(argument)} stands where {what} should", span=argument.span)


def key_of(argument: Argument) -> str:
    """Return a string argument that names a key."""
    return text_of(argument, "a key in quotes")


def keys_of(call: Call) -> list[str]:
    """Return all arguments as keys."""
    at_most(call, MOST_KEYS, f"at most {MOST_KEYS} keys")
    return [key_of(argument) for argument in call.arguments]


def count_of(argument: Argument) -> int:
    """Return an argument that is a whole number, 0 or more."""
    if (
        isinstance(argument, Literal)
        and isinstance(argument.value, int)
        and not isinstance(argument.value, bool)
        and 0 <= argument.value <= MOST_ROWS_ASKED
    ):
        return argument.value
    raise QueryError(f"{_named(argument)} stands where a whole number, 0 or more, should", span=argument.span)


def _named(argument: Argument) -> str:
    if isinstance(argument, Literal):
        kind = {str: "a text", bool: "a boolean", type(None): "null", list: "a list", dict: "an object"}
        return kind.get(type(argument.value), f"the number {argument.value}")
    return argument.name
