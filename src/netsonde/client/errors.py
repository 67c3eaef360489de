# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between a client and a server, as exceptions with a message, a hint and a place.

All of them are `netsonde.errors.UserError`; those that the server raised keep its words, and the span points into the
query that was sent.
"""

import msgspec

from netsonde.errors import Conflict, NotFound, Span, UserError

PROBLEM = "application/problem+json"


class NoServer(UserError):
    """Nothing answers at the address, or it went away in the middle of an answer."""


class Unavailable(UserError):
    """The server answers, but not now (503): it starts, a part of it is missing, or the query took too long."""


class Denied(UserError):
    """The server does not let this client do that (401, 403)."""


class Missing(UserError):
    """The answer is not one of Netsonde's, or lacks a Python package to be shown as asked."""


class Incomplete(UserWarning):
    """A part of the answer is missing: a host did not answer in time, or there is more than was looked at."""


_KINDS: dict[int, type[UserError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    412: Conflict,
    503: Unavailable,
}


class _Problem(msgspec.Struct, frozen=True):
    """RFC 9457, with ours beside it; `start` and `end` are offsets in characters into `text`."""

    detail: str = ""
    title: str = ""
    hint: str = ""
    text: str = ""
    start: int | None = None
    end: int | None = None


def error_of(status: int, content_type: str, body: bytes, url: str) -> UserError:
    """Return an answer that is no success as the error that it was on the server."""
    kind = _KINDS.get(status, UserError)
    if content_type.startswith(PROBLEM):
        try:
            problem = msgspec.json.decode(body, type=_Problem)
        except msgspec.DecodeError:
            problem = _Problem()
        if problem.detail or problem.title:
            span = Span(problem.start, problem.end) if problem.start is not None and problem.end is not None else None
            return kind(problem.detail or problem.title, hint=problem.hint, span=span, text=problem.text)
    text, _, hint = body[:_LONGEST].decode(errors="replace").strip().partition("\nhint: ")
    return kind(text or f"{url} answered {status}", hint=hint)


_LONGEST = 4096
"""Bytes of an answer in plain text that become a message."""
