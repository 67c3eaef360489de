# SPDX-License-Identifier: Apache-2.0
"""Refusals that point at the place: what is wrong, where, and what was probably meant."""

import difflib
from collections.abc import Iterable
from itertools import islice

from netsonde.errors import Span, UserError


class QueryError(UserError):
    """A query that cannot be understood or cannot be answered; `span` points into its text."""


class NotAllowed(QueryError):
    """Whoever asks may not see what the query reads."""


class LimitReached(QueryError):
    """A query was stopped because it took too long or produced too much."""


class Busy(UserError):
    """A long query found too many others before it; it may be tried again."""


# difflib is quadratic in the length of a word, and nobody misspells a word of 60 letters.
_LONGEST_GUESS = 60
_MOST_GUESSES = 2_000


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` probably stands for, "" when none is near."""
    if len(word) > _LONGEST_GUESS:
        return ""
    by_lower = {name.lower(): name for name in islice(known, _MOST_GUESSES)}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint that names the nearest known word, else `otherwise`."""
    near = closest(word, known)
    return f"did you mean {near}?" if near else otherwise


def shown(text: str, most: int = 40) -> str:
    """Return a piece of the user's text as a message may quote it: short, printable, on one line."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return repr(short)


def with_text(error: UserError, text: str) -> UserError:
    """Return the error with the query's text, for the caret."""
    if not error.text:
        error.text = text
    return error


def cover(first: Span, last: Span) -> Span:
    """Return the span from the start of one to the end of the other."""
    return Span(first.start, max(first.end, last.end))
