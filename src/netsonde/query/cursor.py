# SPDX-License-Identifier: Apache-2.0
"""Where a cursor stands in a query that is still being written: after which steps, in which argument, in what string.

Nothing is refused: what makes no sense is passed over, so that half a query is as good as a whole one. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from netsonde.query.kinds import Kind
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._registry import MODULATORS, STEPS

LONGEST: Final = 16_000
"""Characters; beyond it nothing is completed, which keeps a keystroke below some milliseconds."""
_DEEPEST: Final = 32

_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+)
    | (?P<comment>(?://|\#)[^\n]*|/\*[\s\S]*?(?:\*/|\Z))
    | (?P<string>"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<other>\$\w*|-?[0-9][\w.]*)
    | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_WORD_END = re.compile(r"\w*")
_KEY_END = re.compile(r"[\w.@:/%-]*")


class At(Enum):
    """What may be written at the cursor."""

    START = auto()
    STEP = auto()
    ARGUMENT = auto()
    NOTHING = auto()


@dataclass(slots=True)
class Frame:
    """One open parenthesis: whose it is, and the arguments that stand in it so far (None: not a text)."""

    name: str
    """In lower case."""
    takes: Kind | None
    """What the step takes; of a test or Metadata, what the step around it takes."""
    arguments: list[str | None] = field(default_factory=list)

    @property
    def is_step(self) -> bool:
        return self.name in STEPS and self.name not in PREDICATES


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cursor is, and which characters a completion replaces."""

    at: At
    start: int
    end: int
    typed: str = ""
    """What is written from `start` up to the cursor."""
    quote: str = ""
    """The quote of the string that the cursor is in."""
    kind: Kind | None = Kind.GRAPH
    """What the chain gives so far; None when a step of it is unknown."""
    frames: tuple[Frame, ...] = ()
    """Open parentheses, the outermost first."""
    names: tuple[tuple[str, Kind | None], ...] = ()
    """What `As` remembered."""
    modulators: frozenset[str] = frozenset()
    """Names (lower case) of the modulators that the last step can have."""


@dataclass(slots=True)
class _Reading:
    """What was read up to the cursor."""

    kind: Kind | None = Kind.GRAPH
    names: dict[str, Kind | None] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    modulators: frozenset[str] = frozenset()
    pending: str = ""
    """A name of which it is not known yet whether a parenthesis follows."""
    last: str = ""
    """The last token; "" at the beginning."""

    def take(self, group: str, text: str) -> None:
        if group == "name":
            self._settle()
            self.pending = text.lower()
        elif text == "(":
            takes = self.frames[-1].takes if self.frames else self.kind
            self.frames.append(Frame(self.pending, takes))
            self.pending = ""
        elif text == ")":
            self._settle()
            self._close()
        else:
            self._settle()
            if self.frames and group in ("string", "other"):
                self.frames[-1].arguments.append(_content(text) if group == "string" else None)
        self.last = text

    def _settle(self) -> None:
        """A name without a parenthesis is an argument, such as DESC; outside it is G."""
        if self.pending and self.frames:
            self.frames[-1].arguments.append(None)
        self.pending = ""

    def _close(self) -> None:
        if not self.frames:
            return
        done = self.frames.pop()
        if self.frames:
            self.frames[-1].arguments.append(None)
            return
        if done.name in MODULATORS:
            # A group that goes by something is one object.
            self.kind = Kind.VALUES if self.kind is Kind.GROUPS else self.kind
            return
        spec = STEPS.get(done.name)
        self.modulators = spec.modulators if spec is not None else frozenset()
        if done.name == "as" and done.arguments:
            self.names[done.arguments[0] or ""] = self.kind
        if done.name == "select" and done.arguments:
            self.kind = self.names.get(done.arguments[0] or "")
        else:
            self.kind = spec.gives.get(self.kind) if spec is not None and self.kind is not None else None


def place_of(text: str, cursor: int) -> Place:
    """Return where the cursor (characters from the start, wherever it may point) stands."""
    cursor = max(0, min(cursor, len(text)))
    nowhere = Place(At.NOTHING, cursor, cursor)
    if len(text) > LONGEST:
        return nowhere
    reading = _Reading()
    word = string = ""
    for group, token, end in _tokens(text[:cursor]):
        if len(reading.frames) > _DEEPEST:
            return nowhere
        if end == cursor and group == "name":
            word = token
        elif end == cursor and group == "string" and not _closed(token):
            string = token
        elif end == cursor and (group == "other" or (group == "comment" and not token.endswith("*/"))):
            return nowhere
        elif group not in ("space", "comment"):
            reading.take(group, token)
    return _in_string(text, cursor, string, reading) if string else _outside(text, cursor, word, reading)


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    for match in _TOKEN.finditer(text):
        yield match.lastgroup or "", match[0], match.end()


def _closed(token: str) -> bool:
    """Whether a string has its second quote."""
    body = token[1:]
    return body.endswith(token[0]) and (len(body) - len(body[:-1].rstrip("\\")) - 1) % 2 == 0


def _content(token: str) -> str:
    return token[1:-1] if _closed(token) else token[1:]


def _in_string(text: str, cursor: int, string: str, reading: _Reading) -> Place:
    start = cursor - len(string) + 1
    # The rest of a word belongs to it only when a quote ends it: else the next string would be taken for this one.
    rest = _KEY_END.match(text, cursor)
    end = rest.end() if rest is not None and text[rest.end() : rest.end() + 1] == string[0] else cursor
    at = At.ARGUMENT if reading.frames else At.NOTHING
    return _place(at, start, end, string[1:], reading, quote=string[0])


def _outside(text: str, cursor: int, word: str, reading: _Reading) -> Place:
    start = cursor - len(word)
    rest = _WORD_END.match(text, cursor)
    end = rest.end() if rest is not None else cursor
    if reading.last == "":
        at = At.START
    elif reading.last == ".":
        at = At.STEP
    else:
        at = At.ARGUMENT if reading.frames and not reading.pending else At.NOTHING
    return _place(at, start, end, word, reading)


def _place(at: At, start: int, end: int, typed: str, reading: _Reading, quote: str = "") -> Place:
    # What a chain within an argument gives so far is not followed: there every step is offered.
    inner = None if at is At.STEP else reading.frames[-1].takes if reading.frames else None
    kind = inner if reading.frames else reading.kind
    return Place(
        at, start, end, typed, quote, kind, tuple(reading.frames), tuple(reading.names.items()), reading.modulators
    )
