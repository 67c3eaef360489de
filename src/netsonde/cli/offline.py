# SPDX-License-Identifier: Apache-2.0
"""Queries on a file that holds a graph, without any server."""

import asyncio
from pathlib import Path

import msgspec

from netsonde.errors import UserError
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query import Limits, Sources, parse, render_dot, run, why_empty


class Dump(msgspec.Struct, frozen=True, rename="pascal"):
    """A graph as GET /api/topology gives it."""

    nodes: list[Node] | None = None
    edges: list[Edge] | None = None


class GraphFile:
    """A graph in a file; raises UserError when it cannot be read."""

    def __init__(self, file: Path) -> None:
        dump = _read(file)
        self._graph = SnapshotGraph(dump.nodes or [], dump.edges or [])
        self.missing: list[str] = []

    def query(self, gremlin: str, accept: str) -> bytes:
        """Return the answer as JSON, or as DOT when `accept` begins with that."""
        result = asyncio.run(run(parse(gremlin), Sources(graph=self._graph), Limits()))
        if accept.startswith("application/json"):
            return msgspec.json.encode(result.value)
        if result.graph is None or not accept.startswith("text/vnd.graphviz"):
            raise UserError(f"this query gives {result.kind.noun}, not a graph", hint="end it with .SubGraph()")
        return render_dot(result.graph).encode()

    def why_empty(self, gremlin: str) -> UserError | None:
        found = why_empty(parse(gremlin), self._graph)
        return None if found is None else UserError(found.reason, hint=found.hint, span=found.span, text=gremlin)


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
