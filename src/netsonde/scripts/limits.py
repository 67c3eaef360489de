# SPDX-License-Identifier: Apache-2.0
"""How much a script may take, and the two ways in which one ends badly."""

from dataclasses import dataclass
from typing import Literal

from netsonde.errors import Span, UserError

Reason = Literal["time", "memory", "log", "result", "requests", "progress", "engine"]

_KIB = 1024


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """What one run may take; whatever goes beyond is ended."""

    seconds: float = 60.0
    """From its start to its result, waiting included."""
    memory_mib: int = 128
    """Of the engine's heap; buffers beside it may take as much again."""
    log_lines: int = 1_000
    log_bytes: int = 256 * _KIB
    """Of all lines together, in UTF-8."""
    result_bytes: int = 4 * 1024 * _KIB
    """Of the result as JSON, and of each request and answer."""
    requests: int = 10_000
    """That it may make of us."""
    progress: int = 10_000
    """How often it may say how far it is."""

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_mib", "log_lines", "log_bytes", "result_bytes", "requests", "progress"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")


EXPRESSION = ScriptLimits(
    seconds=2.0, memory_mib=32, log_lines=20, log_bytes=8 * _KIB, result_bytes=256 * _KIB, requests=20
)
"""For what is evaluated again and again: conditions."""


class ScriptFailed(UserError):
    """The script threw: its own mistake, with the place where it is known."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0, source: str = "") -> None:
        """`line` and `column` count from 1; 0 = unknown."""
        where = f", line {line}" if line else ""
        super().__init__(f"the script failed{where}: {message}", span=_span(source, line, column), text=source)
        self.line = line


class ScriptStopped(UserError):
    """The script was ended since it went beyond a limit."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"the script was stopped: {message}", hint=_HINTS[reason])
        self.reason = reason


_HINTS: dict[Reason, str] = {
    "time": "let it wait for less, or raise the limit on its time",
    "memory": "ask for less at once, or raise the limit on its memory",
    "log": "log less, above all inside loops",
    "result": "return what is needed of it: counts, names, the first hundred",
    "requests": "ask once for many things: a query filters better than a loop",
    "progress": "say it at every hundredth step: it is shown twice a second at most",
    "engine": "run it again; if it happens again, it asks for something that the engine cannot do",
}


def _span(source: str, line: int, column: int) -> Span | None:
    """Return the place of a line and column, None when the source has no such line."""
    lines = source.splitlines(keepends=True)
    if not 0 < line <= len(lines):
        return None
    start = sum(map(len, lines[: line - 1])) + min(max(column - 1, 0), max(len(lines[line - 1].rstrip()) - 1, 0))
    return Span(start, start + 1)
