# SPDX-License-Identifier: Apache-2.0
"""Queries on a file that holds a graph, without any server."""

import asyncio
from pathlib import Path

import msgspec

from netsonde.errors import UserError
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query import Limits, Sources, parse, render_dot, run


class Dump(msgspec.Struct, frozen=True, rename="pascal"):
    """A graph as GET /api/topology gives it."""

    nodes: list[Node] | None = None
    edges: list[Edge] | None = None


def ask_file(text: str, file: Path, *, as_dot: bool) -> bytes:
    """Return the answer as JSON or DOT; raises UserError for a bad query or a bad file."""
    dump = _read(file)
    graph = SnapshotGraph(dump.nodes or [], dump.edges or [])
    result = asyncio.run(run(parse(text), Sources(graph=graph), Limits()))
    if not as_dot:
        return msgspec.json.encode(result.value)
    if result.graph is None:
        raise UserError(f"this query gives {result.kind.noun}, not a graph", hint="end it with .SubGraph()")
    return render_dot(result.graph).encode()


def _read(file: Path) -> Dump:
    try:
        content = file.read_bytes()
        if content.lstrip()[:1] == b"[":
            # The answer to the query G is a list with one graph.
            return (msgspec.json.decode(content, type=list[Dump]) or [Dump()])[0]
        return msgspec.json.decode(content, type=Dump)
    except OSError as missing:
        raise UserError(f"cannot read {file}: {missing.strerror}") from missing
    except msgspec.DecodeError as bad:
        raise UserError(f"{file} is not a graph: {bad}", hint="`curl URL/api/topology > FILE` writes one") from bad
