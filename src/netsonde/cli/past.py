# SPDX-License-Identifier: Apache-2.0
"""A query about the present made one about the past: `At` put in where the graph begins."""

from netsonde.client.literals import quoted
from netsonde.errors import Span, UserError
from netsonde.query.parser import read


def as_of(text: str, time: str, duration: str = "") -> str:
    """Return the query as of a time that `At` understands. Raises UserError for one that says a time itself."""
    query = read(text)
    step = f"At({', '.join(_argument(part) for part in (time, duration) if part)})"
    if not query.steps:
        # The text may end in a comment, which ends with its line.
        return f"{text.rstrip()}\n.{step}" if "//" in text or "#" in text else f"{text.rstrip()}.{step}"
    first = query.steps[0]
    for found in query.steps:
        if found.name.lower() in ("at", "context"):
            span = Span(found.name_span.start, found.name_span.end)
            raise UserError("the query says its time itself", hint="leave out --at", span=span, text=text)
    return f"{text[: first.span.start]}{step}.{text[first.span.start :]}"


def _argument(word: str) -> str:
    is_number = word.replace(".", "", 1).isdecimal() and word.isascii()
    return word if is_number else quoted(word)
