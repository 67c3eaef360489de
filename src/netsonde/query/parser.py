# SPDX-License-Identifier: Apache-2.0
"""Text to syntax tree. Every mistake is a QueryError with its place; no text is too long or too deep to be refused."""

from importlib import resources
from typing import Final, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from netsonde.errors import Span
from netsonde.query.errors import QueryError, shown
from netsonde.query.literals import number_value, string_value
from netsonde.query.syntax import Argument, Binding, Call, Chain, Literal, Query, Word

MOST_CHARACTERS: Final = 64 * 1024
"""Longer lists belong into bound parameters."""
MOST_TOKENS: Final = 8_000
"""Parsing costs about 10 µs a token, and the event loop waits for it."""
MOST_DEPTH: Final = 16
MOST_STEPS: Final = 200
"""Steps may make values of values, and no encoder of JSON can nest them without end."""


@v_args(inline=True)
class _Builder(Transformer[Token, Query]):
    """Builds the tree while the parser reduces, so nothing recurses over it."""

    def string(self, token: Token) -> Literal:
        span = _span(token)
        return Literal(string_value(str(token), span), span)

    def number(self, token: Token) -> Literal:
        span = _span(token)
        return Literal(number_value(str(token), span), span)

    def binding(self, token: Token) -> Binding:
        return Binding(str(token)[1:], _span(token))

    def word(self, token: Token) -> Word:
        return Word(str(token), _span(token))

    def arguments(self, *parts: Argument | Token) -> tuple[tuple[Argument, ...], int]:
        found = tuple(part for part in parts if not isinstance(part, Token))
        return found, _end(cast("Token", parts[-1]))

    def call(self, name: Token, arguments: tuple[tuple[Argument, ...], int]) -> Call:
        found, end = arguments
        return Call(str(name), found, Span(_start(name), end), _span(name))

    def step(self, name: Token, arguments: tuple[tuple[Argument, ...], int] | None = None) -> Call:
        if arguments is None:
            return Call(str(name), (), _span(name), _span(name), parentheses=False)
        return self.call(name, arguments)

    def chain(self, first: Token | Call, *parts: Call | Token) -> Chain:
        calls = tuple(part for part in parts if isinstance(part, Call))
        if isinstance(first, Call):
            return Chain("", (first, *calls), Span(first.span.start, calls[-1].span.end))
        return Chain(str(first), calls, Span(_start(first), calls[-1].span.end))

    def start(self, first: Token, *parts: Call | Token) -> Query:
        return Query("", _span(first), tuple(part for part in parts if isinstance(part, Call)))


def _load() -> Lark:
    grammar = resources.files("netsonde.query").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False)


_LARK: Final = _load()


def read(text: str) -> Query:
    """Return the syntax tree of a query. Raises QueryError."""
    if len(text) > MOST_CHARACTERS:
        raise QueryError(
            f"the query has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read",
            hint="give long lists as bound parameters: Within($names)",
        )
    reading = _Reading(text)
    query = reading.run()
    if query.start.end - query.start.start != 1 or text[query.start.start] not in "Gg":
        raise QueryError("a query starts with G", hint="such as G.V().Has('Name', 'eth0')", span=query.start)
    return Query(text, query.start, query.steps)


class _Reading:
    """One pass over a text; it remembers what is open, to say so when something does not fit."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[tuple[Token | None, Token]] = []
        self._last: Token | None = None
        self._steps = 0

    def run(self) -> Query:
        if not self._text.strip():
            raise QueryError("the query is empty", hint="start with G, such as G.V()")
        parser = _LARK.parse_interactive(self._text)
        try:
            for count, token in enumerate(parser.iter_parse()):
                if count > MOST_TOKENS:
                    raise QueryError(
                        f"the query has more than {MOST_TOKENS:,} words and signs",
                        hint="give long lists as bound parameters: Within($names)",
                        span=_span(token),
                    )
                self._note(token)
            return cast("Query", parser.feed_eof(self._last))  # type: ignore[no-untyped-call]
        except UnexpectedCharacters as e:
            raise self._bad_character(e.pos_in_stream or 0) from e
        except UnexpectedToken as e:
            raise self._misplaced(e.token) from e

    def _note(self, token: Token) -> None:
        if token.type == "DOT":
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise QueryError(f"the query has more than {MOST_STEPS} steps", span=_span(token))
        elif token.type == "LPAR":
            named = self._last if self._last is not None and self._last.type == "NAME" else None
            self._open.append((named, token))
            if len(self._open) > MOST_DEPTH:
                raise QueryError(f"parentheses are nested more than {MOST_DEPTH} deep", span=_span(token))
        elif token.type == "RPAR" and self._open:
            self._open.pop()
        self._last = token

    def _bad_character(self, at: int) -> QueryError:
        rest = self._text[at:]
        mark = rest[:1]
        if mark in ("'", '"'):
            return QueryError(
                "the string that begins here is never closed",
                hint=f"close it with the same quote, {mark}; a quote inside is written \\{mark}",
                span=Span(at, len(self._text)),
            )
        if mark.isdigit() or (mark == "-" and rest[1:2].isdigit()):
            end = at + 1
            while end < len(self._text) and (self._text[end].isalnum() or self._text[end] in "._"):
                end += 1
            return QueryError(
                f"{shown(self._text[at:end], 24)} is not a number",
                hint="write text and durations in quotes, such as '10s'",
                span=Span(at, end),
            )
        if rest.startswith("/*"):
            return QueryError("the comment that begins here is never closed", span=Span(at, at + 2))
        return QueryError(
            f"the character {mark!r} has no meaning here", hint="text goes in quotes", span=Span(at, at + 1)
        )

    def _misplaced(self, token: Token) -> QueryError:
        if token.type == "$END":
            return self._too_short()
        span = _span(token)
        if self._last is None:
            return QueryError("a query starts with G", hint="such as G.V().Has('Name', 'eth0')", span=span)
        if self._last.type == "DOT":
            return QueryError(f"{_shown(token)} stands where the name of a step should", span=span)
        if not self._open:
            return QueryError(f"{_shown(token)} stands where a dot and the next step should", span=span)
        named, opened = self._open[-1]
        name = f"{named}(" if named is not None else "the parenthesis"
        return QueryError(
            f"{_shown(token)} cannot stand among the arguments of {name}",
            hint="close the parenthesis with ) first?",
            span=span if named is None else Span(_start(token), max(_end(token), _end(opened))),
        )

    def _too_short(self) -> QueryError:
        if self._open:
            named, opened = self._open[-1]
            begin = _start(named) if named is not None else _start(opened)
            name = f"{named}(" if named is not None else "a parenthesis"
            return QueryError(f"{name} is never closed", hint="add )", span=Span(begin, _end(opened)))
        end = len(self._text)
        return QueryError("the query ends where a step should follow", hint="remove the last dot?", span=Span(end, end))


def _shown(token: Token) -> str:
    return shown(str(token), 24)


def _start(token: Token) -> int:
    return token.start_pos or 0


def _end(token: Token) -> int:
    return token.end_pos or 0


def _span(token: Token) -> Span:
    return Span(_start(token), _end(token))
