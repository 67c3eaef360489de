# SPDX-License-Identifier: Apache-2.0
"""`TopTalkers`: the addresses with most traffic in an interval, summed up where the reports are stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from netsonde.model.elements import Json
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Fetch
from netsonde.query.steps.time_travel import history_of, refuse_in_part
from netsonde.query.syntax import Call

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class FetchTalkers(Fetch):
    """Ask history for the sums of an interval."""

    most: int
    call: Call

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        history = history_of(context, self.call)
        if context.slice is None or context.slice.is_point:
            raise QueryError(
                f"{self.call.name} needs an interval of the past",
                hint=f"write G.At(NOW, '10m').{self.call.name}({self.most}) for the last ten minutes",
                span=self.call.span,
            )
        found = await history.top_talkers(context.slice.start_ms, context.slice.last_ms, min(self.most, _MOST))
        return [cast("Json", msgspec.to_builtins(talker)) for talker in found]

    def keys(self) -> Iterable[str]:
        return ()


def build_top_talkers(call: Call, building: Building) -> Fetch:
    """The IP addresses with most traffic in an interval, 10 or as many as asked: `G.At(NOW, '10m').TopTalkers(5)`.

    Each is an object with `Address`, `Bytes`, `Packets` and `Flows`, sent and received together. A conversation that is
    captured at several points counts once. The first and the last report of the interval may reach beyond it.
    """
    given = arguments.at_most(call, 1, "at most one whole number")
    refuse_in_part(call, building)
    return FetchTalkers(arguments.count_of(given[0]) if given else 10, call)
