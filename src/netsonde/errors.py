# SPDX-License-Identifier: Apache-2.0
"""The four errors of our own; everything else is a built-in. Always raised `from` their cause.

Imports nothing: every command pays for it, and `netsonde meter` is done in less time than `dataclasses` or `typing`
take to load.
"""


class Span:
    """A place in a text: `start` and `end` are 0-based character offsets, `end` excluded."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __repr__(self) -> str:
        return f"Span(start={self.start}, end={self.end})"


class UserError(Exception):
    """Something the user asked for cannot be done; the message says what, the hint what to do.

    `span` points into the text that the user gave (a query, a filter, a settings file).
    """

    def __init__(self, message: str, *, hint: str = "", span: Span | None = None, text: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.span = span
        self.text = text

    def __str__(self) -> str:
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message

    def explain(self) -> str:
        """Return the error for a terminal: the message, the text with a caret under the place, the hint."""
        lines = [f"error: {self.message}"]
        if self.span is not None and self.text:
            lines += _caret(self.text, self.span)
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def _caret(text: str, span: Span) -> list[str]:
    begin = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.start)
    line = text[begin : len(text) if end < 0 else end]
    column = span.start - begin
    # A line as long as a book would bury the place that it is shown for.
    first = max(0, column - _WIDEST // 2) if len(line) > _WIDEST else 0
    shown = line[first : first + _WIDEST]
    width = max(1, min(span.end - span.start, len(shown) - column + first))
    return [f"  {shown}", f"  {' ' * (column - first)}{'^' * width} column {column + 1}"]


_WIDEST = 160
"""Characters of the user's text that an explanation repeats."""


class NotFound(UserError):
    """The named resource does not exist (404)."""


class Conflict(UserError):
    """The resource exists already, or was changed by somebody else meanwhile (409)."""


class SourceLost(Exception):
    """A source of data (daemon, socket, bus) went away; the supervisor tries again."""


class SourceAbsent(SourceLost):
    """There is nothing to lose: the daemon is not installed here, or was not started yet; it may come."""


class WireError(ValueError):
    """A peer sent bytes that cannot be understood; the message is dropped and counted."""


class Unsupported(UserError):
    """This build, kernel or engine cannot do what was asked; the message says why."""
