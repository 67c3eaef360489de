# SPDX-License-Identifier: Apache-2.0
"""`At` (also `Context`): look at the past instead of now."""

from collections.abc import Iterable
from dataclasses import dataclass

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.rows import Rows
from netsonde.query.sources import HistorySource, Wanted
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.syntax import Call
from netsonde.query.time import When, parse_when


@dataclass(frozen=True, slots=True)
class TravelTo(Fetch):
    """Take the graph of another time from history."""

    when: When
    call: Call
    wanted: Wanted | None = None
    """The part of the graph that the steps after it look at; None = all of it, set by `narrowing`."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        history = history_of(context, self.call)
        context.slice = self.when.bind(context.sources.now_ms())
        context.saved.clear()
        if self.wanted is not None and self.wanted.nothing:
            context.graph = SnapshotGraph((), ())
        elif self.wanted is None:
            context.graph = await history.graph(context.slice.start_ms, context.slice.last_ms)
        else:
            context.graph = await history.graph(context.slice.start_ms, context.slice.last_ms, self.wanted)
        return ()

    def keys(self) -> Iterable[str]:
        return ()


def history_of(context: Context, call: Call) -> HistorySource:
    """Return the history; QueryError at the step that needs it when there is none."""
    if context.sources.history is None:
        raise QueryError("there is no history here", hint="ask an analyzer whose history is on", span=call.span)
    return context.sources.history


def build_at(call: Call, building: Building) -> Fetch:
    """The graph as it was at a time, or over an interval: `G.At('-10s').V()`, `G.At(NOW, '30s').V()`.

    A time is Unix seconds or milliseconds, ISO 8601, RFC 1123, a duration from now, or NOW. A second argument makes an
    interval: a duration back from the time (`'30s'`, seconds, FOREVER), or its other end (`At('-10m', '-5m')`). Over an
    interval every revision is a result of its own, and what was deleted meanwhile is there too; `Dedup()` leaves the
    newest of each.
    """
    when = parse_when(call)
    refuse_in_part(call, building)
    building.names.clear()
    return TravelTo(when, call)


def refuse_in_part(call: Call, building: Building) -> None:
    """Refuse a step that needs the history of the whole graph after SubGraph."""
    if not building.graph_is_root:
        raise QueryError(
            f"{call.name} cannot follow SubGraph: a part of the graph has no history",
            hint=f"write {call.name} right after G",
            span=call.span,
        )
