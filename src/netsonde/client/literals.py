# SPDX-License-Identifier: Apache-2.0
"""Python values as arguments of the query language: escaped into the text, or bound beside it when they are long."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from netsonde.errors import UserError
from netsonde.model.elements import Json

Scalar: TypeAlias = str | int | float | bool | None
Moment: TypeAlias = str | int | float | datetime | timedelta
"""A time as `At` takes it; a timedelta counts from now, so the past is negative."""

_LONGEST_TEXT = 1000
_MOST_WRITTEN = 100
"""Longer texts and lists are bound: they would only make the query unreadable."""
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word of the language, such as DESC."""

    name: str


@dataclass(frozen=True, slots=True)
class Predicate:
    """A test of a value, made by `P`."""

    name: str
    arguments: tuple[object, ...]


Value: TypeAlias = Scalar | Predicate
"""What `has` compares with: a plain value means equality."""


class _Tests(type):
    if not TYPE_CHECKING:  # tests that the language has and this class does not spell out

        def __getattr__(cls, name):
            from netsonde.query.predicates import PREDICATES

            plain = name.replace("_", "").lower()
            if name.startswith("__") or plain not in PREDICATES:
                raise AttributeError(f"there is no test named {name!r}")
            return lambda *arguments: Predicate(plain.capitalize(), arguments)


class P(metaclass=_Tests):
    """Tests of values, for `has` and its like: `G.V().has("MTU", P.gt(1500))`."""

    @staticmethod
    def ne(value: Scalar) -> Predicate:
        """The key is there, with another value."""
        return Predicate("Ne", (value,))

    @staticmethod
    def nee(value: Scalar) -> Predicate:
        """The key is absent, or has another value."""
        return Predicate("Nee", (value,))

    @staticmethod
    def lt(bound: float) -> Predicate:
        return Predicate("Lt", (bound,))

    @staticmethod
    def lte(bound: float) -> Predicate:
        return Predicate("Lte", (bound,))

    @staticmethod
    def gt(bound: float) -> Predicate:
        return Predicate("Gt", (bound,))

    @staticmethod
    def gte(bound: float) -> Predicate:
        return Predicate("Gte", (bound,))

    @staticmethod
    def inside(low: float, high: float) -> Predicate:
        """Greater than `low` and less than `high`."""
        return Predicate("Inside", (low, high))

    @staticmethod
    def between(low: float, high: float) -> Predicate:
        """From `low`, included, to `high`, excluded."""
        return Predicate("Between", (low, high))

    @staticmethod
    def outside(low: float, high: float) -> Predicate:
        """Less than `low` or greater than `high`."""
        return Predicate("Outside", (low, high))

    @staticmethod
    def within(*values: Scalar) -> Predicate:
        """One of these values; a long list travels beside the query."""
        return Predicate("Within", values)

    @staticmethod
    def without(*values: Scalar) -> Predicate:
        """None of these values, or the key is absent."""
        return Predicate("Without", values)

    @staticmethod
    def regex(expression: str) -> Predicate:
        """The whole text matches an expression in RE2's syntax."""
        return Predicate("Regex", (expression,))

    @staticmethod
    def ip_range(network: str) -> Predicate:
        """An address within a network such as 10.0.0.0/24."""
        return Predicate("IpRange", (network,))


def written(value: object, bindings: dict[str, Json]) -> str:
    """Return a value as the language spells it; long ones are added to `bindings`. Raises UserError."""
    if isinstance(value, Predicate):
        return f"{value.name}({_arguments(value, bindings)})"
    if isinstance(value, Word):
        return value.name
    if isinstance(value, datetime):
        return quoted(_iso(value))
    if isinstance(value, timedelta):
        return quoted(_duration(value))
    if isinstance(value, str):
        return _bound(_sound(value), bindings) if len(value) > _LONGEST_TEXT else quoted(value)
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value)
    raise UserError(f"{type(value).__name__} cannot be written in a query", hint="use text, numbers, times or P.…")


def quoted(text: str) -> str:
    """Return a text as a string of the language, all of it escaped."""
    return f"'{_sound(text).translate(_ESCAPES)}'"


def _arguments(test: Predicate, bindings: dict[str, Json]) -> str:
    values: Sequence[Any] = test.arguments
    if len(values) > _MOST_WRITTEN:
        return _bound([_scalar(value) for value in values], bindings)
    return ", ".join(written(value, bindings) for value in values)


def _scalar(value: object) -> Json:
    if isinstance(value, str):
        return _sound(value)
    if value is None or isinstance(value, int | float):
        return value
    raise UserError(f"{type(value).__name__} cannot be one of many values", hint="use text, numbers and booleans")


def _bound(value: Json, bindings: dict[str, Json]) -> str:
    name = f"v{len(bindings) + 1}"
    bindings[name] = value
    return f"${name}"


def _sound(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise UserError(f"{text[:40]!r} holds half a character", hint="it cannot be sent as UTF-8") from e
    return text


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{value} is no number of the query language")
    return repr(value)


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise UserError("the time says no zone", hint="such as datetime.now().astimezone(), or datetime(…, tzinfo=UTC)")
    return moment.isoformat()


def _duration(length: timedelta) -> str:
    microseconds = length // timedelta(microseconds=1)
    return f"{microseconds // 1_000_000}s" if microseconds % 1_000_000 == 0 else f"{microseconds}us"
