# SPDX-License-Identifier: Apache-2.0
"""`At` (also `Context`): look at the past instead of now."""

from collections.abc import Iterable
from dataclasses import dataclass

from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.syntax import Call
from netsonde.query.time import When, parse_when


@dataclass(frozen=True, slots=True)
class TravelTo(Fetch):
    """Take the graph of another time from history."""

    when: When
    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        history = context.sources.history
        if history is None:
            raise QueryError(
                "there is no history here", hint="ask an analyzer whose history is on", span=self.call.span
            )
        context.slice = self.when.bind(context.sources.now_ms())
        context.graph = await history.graph(context.slice.start_ms, context.slice.last_ms)
        context.saved.clear()
        return ()

    def keys(self) -> Iterable[str]:
        return ()


def build_at(call: Call, building: Building) -> Fetch:
    """The graph as it was: `G.At('-10s').V()`, `G.At(1700000060)`, `At('2026-03-01T10:00:00Z', '30s')`.

    With a duration every revision in the interval that ends at the time is a result of its own, and what was deleted
    meanwhile is there too; `Dedup()` leaves the newest of each.
    """
    when = parse_when(call)
    if not building.graph_is_root:
        raise QueryError(
            f"{call.name} cannot follow SubGraph: a part of the graph has no history",
            hint="write At right after G",
            span=call.span,
        )
    building.names.clear()
    return TravelTo(when, call)
