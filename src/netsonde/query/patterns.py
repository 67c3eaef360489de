# SPDX-License-Identifier: Apache-2.0
"""Regular expressions in time linear in the text: RE2's engine, since Python's own can be made to run for ever."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

import re2

from netsonde.errors import Span
from netsonde.model.elements import Json
from netsonde.query.errors import QueryError

_MOST_MEMORY = 1 << 20
"""Bytes that one compiled expression and its automaton may take; RE2 refuses what needs more."""


_PREFIX_ONLY = re.compile(r"([A-Za-z0-9_-]+)\.\*")
"""The usual expression for "starts with", `tap.*`; ten times as fast without a regular expression."""


class _Pattern(Protocol):
    def fullmatch(self, text: str) -> object: ...


def compile_pattern(text: str, span: Span) -> Callable[[Json], bool]:
    """Return a test for strings that match as a whole; other values do not match.

    `^` at the start and `$` at the end are allowed and change nothing. Raises QueryError.
    """
    beginning = _PREFIX_ONLY.fullmatch(text)
    if beginning is not None:
        return _begins_with(beginning[1])
    try:
        pattern = _compile(text)
    except re2.error as e:
        raise QueryError(
            f"the regular expression cannot be used: {_reason(e)}",
            hint="the syntax is RE2's: no look-around, no back-references",
            span=span,
        ) from e

    def test(value: Json) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return pattern.fullmatch(value) is not None
        except UnicodeEncodeError:
            # A name that the kernel gave in bytes that are not UTF-8; no expression can spell it.
            return False

    return test


def _begins_with(beginning: str) -> Callable[[Json], bool]:
    # A dot does not match the end of a line.
    return lambda value: isinstance(value, str) and value.startswith(beginning) and "\n" not in value


@lru_cache(maxsize=256)
def _compile(text: str) -> _Pattern:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MOST_MEMORY
    return cast("_Pattern", re2.compile(text, options))


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
