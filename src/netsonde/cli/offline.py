# SPDX-License-Identifier: Apache-2.0
"""Queries on a file that holds a graph, without any server."""

import asyncio
import time
from pathlib import Path

import msgspec

from netsonde.cli.dumps import read_dump
from netsonde.cli.local_completion import complete
from netsonde.client.answers import Completions, Explanation
from netsonde.errors import UserError
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.query import Limits, Result, Sources, parse, render_dot, run, why_empty


class GraphFile:
    """A graph in a file; raises UserError when it cannot be read."""

    def __init__(self, file: Path) -> None:
        dump = read_dump(file)
        self._graph = SnapshotGraph(dump.nodes or [], dump.edges or [])
        self.missing: list[str] = []

    def query(self, gremlin: str, accept: str = "application/json") -> bytes:
        """Return the answer as JSON, or as DOT when `accept` begins with that."""
        result = self._run(gremlin)
        if accept.startswith("application/json"):
            return msgspec.json.encode(result.value)
        if result.graph is None or not accept.startswith("text/vnd.graphviz"):
            raise UserError(f"this query gives {result.kind.noun}, not a graph", hint="end it with .SubGraph()")
        return render_dot(result.graph).encode()

    def kind_of(self, gremlin: str) -> str:
        return parse(gremlin).kind

    def why_empty(self, gremlin: str) -> UserError | None:
        found = why_empty(parse(gremlin), self._graph)
        return None if found is None else UserError(found.reason, hint=found.hint, span=found.span, text=gremlin)

    def explain(self, gremlin: str, *, profile: bool) -> Explanation:
        found = msgspec.convert(parse(gremlin).explain(), Explanation)
        reason = self.why_empty(gremlin)
        if reason is not None:
            span = (reason.span.start, reason.span.end) if reason.span else None
            found = msgspec.structs.replace(found, reason=reason.message, hint=reason.hint, span=span)
        if not profile:
            return found
        began = time.perf_counter()
        rows = len(self._run(gremlin).rows)
        milliseconds = (time.perf_counter() - began) * 1000
        return msgspec.structs.replace(found, rows=rows, milliseconds=milliseconds)

    def complete(self, text: str, cursor: int) -> Completions:
        return complete(text, cursor, self)

    def _run(self, gremlin: str) -> Result:
        return asyncio.run(run(parse(gremlin), Sources(graph=self._graph), Limits()))
