# SPDX-License-Identifier: Apache-2.0
"""Files that hold a topology, read piece by piece: memory holds one batch, however large the file.

Forms: an object `{"Nodes": […], "Edges": […]}`, a list with such objects (the answer to the query `G`, as the
reference's exports are), and JSON lines as `netsonde topology export` writes. An element is not opened: its text goes
on as it stands.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, cast

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Edge, Element

Kind = Literal["node", "edge"]

BATCH_ELEMENTS: Final = 1000
BATCH_CHARACTERS: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024
_MOST_ELEMENT: Final = 8 * 1024 * 1024
"""Characters after which a value that does not end is given up."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_KINDS: Final[dict[str, Kind]] = {"Nodes": "node", "Edges": "edge"}
HINT: Final = "`netsonde topology export FILE` writes one"


@dataclass(frozen=True, slots=True)
class Batch:
    """A request body, and how many elements are in it."""

    body: bytes
    elements: int


def import_batches(source: BinaryIO | Iterable[Element]) -> Iterator[Batch]:
    """Yield a file or elements as bodies of requests; raises UserError where a file is no topology."""
    if not isinstance(source, Iterable) or hasattr(source, "read"):
        file = cast(BinaryIO, source)
        return _batches(_lines(file) if _has_lines(file) else _Scanner(file).elements())
    return _batches(
        ("edge" if isinstance(element, Edge) else "node", msgspec.json.encode(element).decode()) for element in source
    )


def _batches(elements: Iterable[tuple[Kind, str]]) -> Iterator[Batch]:
    found: dict[Kind, list[str]] = {"node": [], "edge": []}
    count = characters = 0
    for kind, text in elements:
        found[kind].append(text)
        count += 1
        characters += len(text)
        if count >= BATCH_ELEMENTS or characters >= BATCH_CHARACTERS:
            yield _body(found, count)
            found, count, characters = {"node": [], "edge": []}, 0, 0
    if count:
        yield _body(found, count)


def _body(found: dict[Kind, list[str]], count: int) -> Batch:
    text = f'{{"Nodes":[{",".join(found["node"])}],"Edges":[{",".join(found["edge"])}]}}'
    return Batch(text.encode(errors="replace"), count)


def _has_lines(file: BinaryIO) -> bool:
    beginning = file.peek(64)[:64] if hasattr(file, "peek") else b""
    return beginning.lstrip().replace(b" ", b"").startswith((b'{"Netsonde"', b'{"Node":', b'{"Edge":'))


class _Line(msgspec.Struct, frozen=True, rename="pascal"):
    version: int = 1
    node: msgspec.Raw = msgspec.Raw()
    edge: msgspec.Raw = msgspec.Raw()


def _lines(file: BinaryIO) -> Iterator[tuple[Kind, str]]:
    decoder = msgspec.json.Decoder(_Line)
    for number, text in enumerate(iter(lambda: file.readline(_MOST_ELEMENT), b""), 1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
            raise UserError(f"line {number} of the file: {bad}", hint=HINT) from bad
        if line.version > 1:
            raise UserError(f"the file is of version {line.version}", hint="this program reads version 1")
        if line.node:
            yield "node", bytes(line.node).decode()
        if line.edge:
            yield "edge", bytes(line.edge).decode()


class _Scanner:
    """Finds the elements of one long line of JSON."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._before = 0
        """Characters that were read and let go."""

    def elements(self) -> Iterator[tuple[Kind, str]]:
        if self._peek() == "[":
            self._take("[")
            while self._peek() != "]":
                yield from self._graph()
                if self._peek() == ",":
                    self._take(",")
            self._take("]")
        else:
            yield from self._graph()
        if self._peek():
            raise self._wrong("something follows the topology")

    def _graph(self) -> Iterator[tuple[Kind, str]]:
        self._take("{")
        while self._peek() != "}":
            name = json.loads(self._value())
            self._take(":")
            kind = _KINDS.get(name) if isinstance(name, str) else None
            if kind is not None and self._peek() == "[":
                yield from ((kind, text) for text in self._list())
            elif self._value() != "null" and kind is not None:
                raise self._wrong(f"{name} is no list")
            if self._peek() == ",":
                self._take(",")
        self._take("}")

    def _list(self) -> Iterator[str]:
        self._take("[")
        while self._peek() != "]":
            yield self._value()
            if self._peek() == ",":
                self._take(",")
        self._take("]")

    def _value(self) -> str:
        """Return the text of the next value."""
        self._peek()
        while True:
            try:
                _, end = self._json.raw_decode(self._text, self._at)
            except RecursionError as bad:
                raise self._wrong("nested too deeply") from bad
            except ValueError as bad:
                # A value that is cut off looks like one that is wrong: read on while there is more.
                if len(self._text) - self._at > _MOST_ELEMENT or not self._more():
                    raise self._wrong(getattr(bad, "msg", str(bad))) from bad
                continue
            text = self._text[self._at : end]
            self._at = end
            return text

    def _peek(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _take(self, expected: str) -> None:
        found = self._peek()
        if found != expected:
            raise self._wrong(f"{expected} is expected, {found or 'the end'} stands there")
        self._at += 1

    def _more(self) -> bool:
        chunk = self._file.read(_CHUNK)
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as bad:
            raise self._wrong(f"not UTF-8: {bad.reason}") from bad
        self._before += self._at
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(chunk)

    def _wrong(self, reason: str) -> UserError:
        return UserError(f"not a topology, at character {self._before + self._at}: {reason}", hint=HINT)
