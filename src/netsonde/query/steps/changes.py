# SPDX-License-Identifier: Apache-2.0
"""`Changes` and `Diff`: what happened to nodes and edges, change by change or between two times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

import msgspec

from netsonde.model.changes import ElementChange
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.steps.time_travel import history_of, refuse_in_part
from netsonde.query.syntax import Call
from netsonde.query.time import Moment, parse_moment

MOST_CHANGES: Final = 10_000
"""Changes that one step gives, the first ones; the answer says when there were more."""


@dataclass(frozen=True, slots=True)
class FetchChanges(Fetch):
    """The changes in the interval that `At` chose, of everything or of the elements before it, oldest first."""

    takes: Kind
    call: Call
    most: int = MOST_CHANGES
    cut_is_meant: bool = False
    """Whether the query asks for no more than `most` itself."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        history = history_of(context, self.call)
        if context.slice is None or context.slice.is_point:
            raise QueryError(
                f"{self.call.name} needs an interval of the past",
                hint=f"write G.At(NOW, '5m').{self.call.name}() for the last five minutes",
                span=self.call.span,
            )
        ids: list[str] | None = None
        if self.takes is not Kind.GRAPH:
            ids = sorted({element.id for element in cast("Sequence[Node | Edge]", rows)})
        if ids == []:
            return ()
        most = min(self.most, context.limits.rows)
        found = await history.changes(context.slice.start_ms, context.slice.last_ms, ids, most + 1)
        if len(found) > most and not (self.cut_is_meant and most == self.most):
            context.truncated = True
        return await context.apart(partial(_objects, found[:most], context))

    def limited(self, most: int) -> "FetchChanges":
        """Return the step for a query that takes only the first `most`."""
        return replace(self, most=most, cut_is_meant=True) if most <= self.most else self

    def keys(self) -> Iterable[str]:
        return ()


@dataclass(frozen=True, slots=True)
class FetchDifference(Fetch):
    """What is different at the second time from the first, whatever happened between."""

    before: Moment
    after: Moment
    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        history = history_of(context, self.call)
        now_ms = context.sources.now_ms()
        most = min(MOST_CHANGES, context.limits.rows)
        found = await history.difference(self.before.bind(now_ms), self.after.bind(now_ms), most + 1)
        context.truncated = context.truncated or len(found) > most
        return await context.apart(partial(_objects, found[:most], context))


def _objects(found: Sequence[ElementChange], context: Context) -> list[Json]:
    return context.collected(cast("Json", msgspec.to_builtins(change)) for change in found)


def build_changes(call: Call, building: Building) -> Fetch:
    """What happened in an interval, in its order: `G.At(NOW, '5m').Changes()`.

    After nodes or edges, what happened to those: `G.At(NOW, '5m').V().Has('Name', 'eth0').Changes()`. Each change is an
    object with `Time`, `Change` (added, updated, removed), `Kind` (node, edge), `ID`, `Name`, `Type`, `Host`, `Origin`,
    `Probe` and `Keys`, a list of `Key`, `Old` and `New`. A change at the very beginning of the interval belongs to the
    interval before. At most the first 10,000; `Limit` asks for fewer.
    """
    arguments.none(call)
    refuse_in_part(call, building)
    return FetchChanges(building.takes, call)


def build_diff(call: Call, building: Building) -> Fetch:
    """What is different at a second time from a first, whatever happened between: `G.Diff('-1h', NOW)`.

    The same objects as `Changes`, one for each element that came, went, or has other metadata or ends; `Time` is
    when it became as it is at the second time. Filters follow: `G.Diff('-1h', NOW).Has('Kind', 'node')`.
    """
    first, second = arguments.exactly(call, 2, "two times: Diff('-1h', NOW)")
    refuse_in_part(call, building)
    return FetchDifference(parse_moment(first), parse_moment(second), call)
