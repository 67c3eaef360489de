# SPDX-License-Identifier: Apache-2.0
"""What may stand at the cursor of an unfinished query, from the language of this program and the keys of a source.

Used where no server completes: on a dump, and with servers older than POST /api/query/complete.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from netsonde.client.answers import Completion, Completions
from netsonde.client.literals import quoted
from netsonde.errors import UserError
from netsonde.query import Kind, parse
from netsonde.query.predicates import PREDICATE_SPECS
from netsonde.query.steps._registry import STEPS

_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<open>["'](?:[^"'\\]|\\.)*$)"""
    r"""|(?P<name>[A-Za-z_$][A-Za-z0-9_]*)|(?P<number>-?[0-9][0-9.eE+-]*)|(?P<sign>[().,])|\s+|.""",
    re.DOTALL,
)
_SAMPLE = 500
"""Elements of which keys and values are taken, so that a large graph does not make typing slow."""
_MOST = 200


class KeySource(Protocol):
    """What keys and values are taken from."""

    def query(self, gremlin: str, accept: str) -> bytes: ...


@dataclass(slots=True)
class _Call:
    """An open parenthesis: what stands before it, where that begins, the arguments so far."""

    name: str
    start: int
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Place:
    """Where the cursor is."""

    start: int
    """Where the word begins that is to be replaced."""
    word: str
    is_text: bool
    previous: str = ""
    """The sign or word before that."""
    previous_start: int = 0
    calls: list[_Call] = field(default_factory=list)


def complete(text: str, cursor: int, source: KeySource) -> Completions:
    """Return completions for a place counted in characters; none where nothing sensible can be said."""
    place = _place(text[:cursor])
    items = sorted(_items(text, place, source), key=lambda item: item.text.lower())
    typed = place.word.lower()
    return Completions(place.start, cursor, [item for item in items if item.text.lower().startswith(typed)][:_MOST])


def _items(text: str, place: _Place, source: KeySource) -> Iterable[Completion]:
    if place.previous not in ("", ".", "(", ","):
        return ()
    if not place.calls:
        if place.previous != ".":
            return [Completion("G", "keyword", "the graph")] if not place.previous else ()
        return _steps(text[: place.previous_start])
    return _arguments(text, place, source)


def _arguments(text: str, place: _Place, source: KeySource) -> Iterable[Completion]:
    step, innermost = place.calls[0], place.calls[-1]
    spec = STEPS.get(step.name.lower())
    kind = _kind(text[: step.start].rstrip().removesuffix("."))
    if spec is None or kind is None:
        return ()
    # Steps that move filter what they give, those that read values look at what they take.
    gives = spec.gives.get(kind)
    element = kind if gives in (Kind.VALUES, Kind.VALUE) else gives
    if element is None or element not in _RECORDS:
        return ()
    if innermost is step and len(step.arguments) % 2 == 0:
        return (Completion(quoted(key), "key") for key in _keys(source, element))
    # A test such as Gt( stands where the value of the last key would.
    key = step.arguments[-1] if step.arguments else ""
    values = [Completion(value, "value") for value in _values(source, element, key)] if key else []
    return values if place.is_text or innermost is not step else [*values, *_tests()]


_RECORDS: Final = {Kind.NODES: "V()", Kind.EDGES: "E()"}
"""Kinds whose keys are looked up in the graph."""


def _steps(before: str) -> Iterator[Completion]:
    kind = _kind(before)
    for name, spec in STEPS.items():
        if name == spec.name.lower() and (kind is None or kind in spec.gives):
            yield Completion(f"{spec.name}(", "step", (spec.build.__doc__ or "").partition("\n")[0])


def _tests() -> Iterator[Completion]:
    for spec in PREDICATE_SPECS:
        yield Completion(f"{spec.name}(", "predicate", (spec.build.__doc__ or "").partition("\n")[0])


def _kind(before: str) -> Kind | None:
    try:
        return parse(before).kind
    except UserError:
        return None


def _keys(source: KeySource, kind: Kind) -> Sequence[str]:
    return [key for key in _asked(source, f"G.{_RECORDS[kind]}.Limit({_SAMPLE}).Keys()") if isinstance(key, str)]


def _values(source: KeySource, kind: Kind, key: str) -> Sequence[str]:
    found = _asked(source, f"G.{_RECORDS[kind]}.HasKey({key}).Limit({_SAMPLE}).Values({key})")
    members = [one for value in found for one in (value if isinstance(value, list) else [value])]
    written = [quoted(one) if isinstance(one, str) else str(one) for one in members if isinstance(one, str | int)]
    return list(dict.fromkeys(written))


def _asked(source: KeySource, gremlin: str) -> list[Any]:
    try:
        return msgspec.json.decode(source.query(gremlin, "application/json"), type=list[Any])
    except (UserError, msgspec.DecodeError):
        return []


def _place(before: str) -> _Place:
    tokens = [match for match in _TOKEN.finditer(before) if match[0].strip()]
    last = tokens[-1] if tokens else None
    word = last if last is not None and last.end() == len(before) and last.lastgroup in ("name", "open") else None
    if word is None:
        place = _Place(len(before), "", is_text=False)
    else:
        tokens.pop()
        place = _Place(word.start(), word[0], is_text=word.lastgroup == "open")
    for token in tokens:
        _read(place, token)
    return place


def _read(place: _Place, token: "re.Match[str]") -> None:
    text = token[0]
    if text == "(":
        place.calls.append(_Call(place.previous, place.previous_start))
    elif text == ")" and place.calls:
        closed = place.calls.pop()
        if place.calls:
            place.calls[-1].arguments.append(f"{closed.name}(…)")
    elif token.lastgroup in ("string", "number") and place.calls:
        place.calls[-1].arguments.append(text)
    place.previous, place.previous_start = text, token.start()
