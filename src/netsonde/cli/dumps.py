# SPDX-License-Identifier: Apache-2.0
"""Files that hold a graph. Written: one JSON object, or JSON lines. Read: both, and the answer to the query `G`.

A file of lines begins with what it is, `{"Netsonde": "topology", "Version": 1}`, then has one `{"Node": {…}}` or
`{"Edge": {…}}` a line, so that it can be written and read piece by piece, searched with grep and joined with cat.
Elements keep every member: ids, times, revisions, origins, metadata.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Edge, Node

HINT = "`netsonde topology export FILE` writes one"
_VERSION = 1


class Header(msgspec.Struct, frozen=True):
    """The first line of a file of lines."""

    netsonde: Literal["topology"] = msgspec.field(name="Netsonde")
    version: int = msgspec.field(name="Version", default=_VERSION)


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """Any line; one member is there."""

    netsonde: str = msgspec.field(name="Netsonde", default="")
    version: int = msgspec.field(name="Version", default=0)
    node: Node | None = msgspec.field(name="Node", default=None)
    edge: Edge | None = msgspec.field(name="Edge", default=None)


class Dump(msgspec.Struct, frozen=True, rename="pascal"):
    """A graph as GET /api/topology gives it."""

    nodes: list[Node] | None = None
    edges: list[Edge] | None = None


class RawDump(msgspec.Struct, frozen=True, rename="pascal"):
    """The same with elements as they were sent, to copy them unopened."""

    nodes: list[msgspec.Raw] | None = None
    edges: list[msgspec.Raw] | None = None


def read_dump(file: Path) -> Dump:
    """Return the graph of a file in any of the forms; raises UserError when it holds none."""
    try:
        with file.open("rb") as stream:
            beginning = stream.peek(64)[:64].lstrip()
            if beginning.startswith(b'{"Netsonde"'):
                return _from_lines(stream, file)
            content = stream.read()
        if beginning.startswith(b"["):
            # The answer to the query G is a list with one graph.
            return (msgspec.json.decode(content, type=list[Dump]) or [Dump()])[0]
        return msgspec.json.decode(content, type=Dump)
    except OSError as missing:
        raise UserError(f"cannot read {file}: {missing.strerror}") from missing
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise UserError(f"{file} is not a graph: {bad}", hint=HINT) from bad


def _from_lines(stream: Iterable[bytes], file: Path) -> Dump:
    nodes: list[Node] = []
    edges: list[Edge] = []
    decoder = msgspec.json.Decoder(Line)
    for number, text in enumerate(stream, 1):
        if not text.strip():
            continue
        try:
            line = decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as bad:
            raise UserError(f"{file}, line {number}: {bad}", hint=HINT) from bad
        if line.version > _VERSION:
            raise UserError(f"{file} is of version {line.version}", hint=f"this program reads up to {_VERSION}")
        if line.node is not None:
            nodes.append(line.node)
        if line.edge is not None:
            edges.append(line.edge)
    return Dump(nodes, edges)


def as_lines(content: bytes) -> Iterator[bytes]:
    """Yield a whole graph (one object, or a list with one) as lines, each element byte for byte as it was."""
    if content.lstrip()[:1] == b"[":
        found = msgspec.json.decode(content, type=list[RawDump]) or [RawDump()]
        dump = found[0]
    else:
        dump = msgspec.json.decode(content, type=RawDump)
    yield msgspec.json.encode(Header("topology")) + b"\n"
    for name, elements in ((b"Node", dump.nodes), (b"Edge", dump.edges)):
        for element in elements or ():
            yield b'{"%b":%b}\n' % (name, bytes(element))


def write_all(pieces: Iterable[bytes], file: BinaryIO) -> int:
    """Write each piece at once; returns how many bytes."""
    octets = 0
    for piece in pieces:
        octets += file.write(piece)
    file.flush()
    return octets
