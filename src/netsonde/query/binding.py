# SPDX-License-Identifier: Apache-2.0
"""Bound parameters and constants: `$name`, `TRUE`, `NULL` become the values that they stand for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from netsonde.model.elements import Json
from netsonde.query.errors import QueryError, did_you_mean
from netsonde.query.syntax import Argument, Binding, Call, Chain, Literal, Word

_MOST_IN_BINDING: Final = 100_000
"""Members of a bound list."""
_CONSTANTS: Final[Mapping[str, Json]] = {"TRUE": True, "FALSE": False, "NULL": None}
_WORDS: Final = frozenset({*_CONSTANTS, "ASC", "DESC", "NOW", "FOREVER"})
"""Words that some clients write with empty parentheses."""


def bind(call: Call, bindings: Mapping[str, Json]) -> Call:
    """Return a call with the values of its parameters in their places, however deep. Raises QueryError."""
    return replace(call, arguments=_bound(call.arguments, bindings))


def _bound(arguments: Iterable[Argument], bindings: Mapping[str, Json]) -> tuple[Argument, ...]:
    return tuple(_resolve(argument, bindings) for argument in arguments)


def _resolve(argument: Argument, bindings: Mapping[str, Json]) -> Argument:
    if isinstance(argument, Call) and not argument.arguments and argument.name.upper() in _WORDS:
        return _constant(Word(argument.name, argument.span))
    if isinstance(argument, Call):
        return bind(argument, bindings)
    if isinstance(argument, Chain):
        return replace(argument, calls=tuple(bind(call, bindings) for call in argument.calls))
    if isinstance(argument, Word):
        return _constant(argument)
    return _value(argument, bindings) if isinstance(argument, Binding) else argument


def _value(argument: Binding, bindings: Mapping[str, Json]) -> Literal:
    if argument.name not in bindings:
        raise QueryError(
            f"no value was given for ${argument.name}",
            hint=did_you_mean(argument.name, bindings, "send it in Bindings, beside the query"),
            span=argument.span,
        )
    value = bindings[argument.name]
    if isinstance(value, dict) or (isinstance(value, list) and len(value) > _MOST_IN_BINDING):
        raise QueryError(
            f"${argument.name} must be a text, a number, a boolean, null or a list of up to {_MOST_IN_BINDING:,}",
            span=argument.span,
        )
    return Literal(value, argument.span)


def _constant(word: Word) -> Argument:
    name = word.name.upper()
    return Literal(_CONSTANTS[name], word.span) if name in _CONSTANTS else word
