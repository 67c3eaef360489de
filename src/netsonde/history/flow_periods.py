# SPDX-License-Identifier: Apache-2.0
"""What each report of a flow counted, from the table `flow_metrics`."""

from collections.abc import Sequence
from typing import Final

from netsonde.history.database import Database
from netsonde.history.derived import MINUTE_SQL
from netsonde.model.flows import FlowPeriod, flow_numbers

_LAST_MS = 9_000_000_000_000
"""As far as nanoseconds reach in 64 bits, the year 2255."""
FLOW_PERIODS: Final = (
    "SELECT uuid, intDiv(lu_start_ns, 1000000), intDiv(lu_last_ns, 1000000), lu_ab_packets, lu_ab_bytes, "
    "lu_ba_packets, lu_ba_bytes FROM flow_metrics WHERE uuid IN {uuids:Array(UInt64)} "
    "AND lu_start_ns >= {start:Int64} AND lu_last_ns <= {last:Int64} "
    # Said once more as the order has it; a period does not end before it starts.
    f"AND {MINUTE_SQL('lu_last_ns')} >= {MINUTE_SQL('{start:Int64}')} "
    f"AND {MINUTE_SQL('lu_last_ns')} <= {MINUTE_SQL('{last:Int64}')} "
    "ORDER BY lu_start_ns, uuid LIMIT 1 BY uuid, node_tid, capture_id, lu_start_ns, lu_last_ns "
    "LIMIT {limit:UInt64}"
)


def read_flow_periods(
    database: Database, uuids: Sequence[str], start_ms: int, last_ms: int, limit: int
) -> list[FlowPeriod]:
    """Return the periods of some flows that lie in an interval (both ends included), the oldest first.

    A flow that was stored twice, by two analyzers, counts once.
    """
    rows = database.rows(
        FLOW_PERIODS,
        uuids=flow_numbers(uuids),
        start=min(start_ms, _LAST_MS) * 1_000_000,
        last=min(last_ms, _LAST_MS) * 1_000_000 + 999_999,
        limit=limit,
    )
    return [FlowPeriod(f"{uuid:x}", *counted) for uuid, *counted in rows]
