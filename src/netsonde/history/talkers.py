# SPDX-License-Identifier: Apache-2.0
"""Who sent and received most, summed up from the periods of flow reports (`flow_metrics`).

Of a period each row says the same, so that what was stored twice counts once; the periods of a flow add up; and a
conversation that is seen at several points, each with its flow, counts as the point saw it that saw most of it.

To tell that, the rows of each conversation have to be brought together, and of some minutes there are hundreds of
thousands. What all rows of an address add up to, whatever repeats, is found in a tenth of the time and is never less.
So these are the candidates: those for whom that is greatest. Only their conversations are looked at, and when the last
one asked for has as much as any other address could have, no other is among them.
"""

from typing import Final

from netsonde.history.database import Database
from netsonde.history.derived import MINUTE_SQL
from netsonde.model.flows import Talker

_CANDIDATES: Final = 4
"""How many there are for each one asked for: traffic is often captured at two or three points, and few have much."""
_ALL: Final = (1 << 32) - 1

_IN_TIME: Final = (
    "FROM flow_metrics WHERE lu_last_ns >= {start:Int64} AND lu_last_ns <= {last:Int64} AND network_a != '' "
    # Said once more as the order has it: the engine does not see that one follows from the other.
    f"AND {MINUTE_SQL('lu_last_ns')} >= {MINUTE_SQL('{start:Int64}')} "
    f"AND {MINUTE_SQL('lu_last_ns')} <= {MINUTE_SQL('{last:Int64}')}"
)
_OCTETS, _PACKETS = "lu_ab_bytes + lu_ba_bytes", "lu_ab_packets + lu_ba_packets"

_OF_A_SIDE: Final = (
    # In a row of one side the other one is empty.
    f"SELECT concat(network_a, network_b) AS address, sum({_OCTETS}) AS most {_IN_TIME} "
    "GROUP BY GROUPING SETS ((network_a), (network_b))"
)
_BEST: Final = (
    "SELECT groupArray((address, bound)) FROM ("
    f"SELECT address, sum(most) AS bound FROM ({_OF_A_SIDE}) GROUP BY address HAVING bound >= {{floor:UInt64}} "
    "ORDER BY bound DESC LIMIT {candidates:UInt32})"
)
_AMONG: Final = "(SELECT arrayJoin(best.1))"
_PERIODS: Final = (
    "SELECT l3_tracking_id, uuid, any(network_a) AS a, any(network_b) AS b, "
    f"max({_OCTETS}) AS octets, max({_PACKETS}) AS count {_IN_TIME} "
    f"AND (network_a IN {_AMONG} OR network_b IN {_AMONG}) GROUP BY l3_tracking_id, uuid, lu_start_ns, lu_last_ns"
)
_AT_POINTS: Final = (
    "SELECT l3_tracking_id, any(a) AS a, any(b) AS b, sum(octets) AS octets, sum(count) AS count "
    f"FROM ({_PERIODS}) GROUP BY l3_tracking_id, uuid"
)
_CONVERSATIONS: Final = (
    "SELECT any(a) AS a, any(b) AS b, max(octets) AS octets, max(count) AS count "
    f"FROM ({_AT_POINTS}) GROUP BY l3_tracking_id"
)
TOP_TALKERS: Final = (
    f"WITH ({_BEST}) AS best "
    "SELECT arrayJoin([a, b]) AS address, sum(octets) AS total, sum(count) AS packets, count() AS talks, "
    "if(length(best) < {candidates:UInt32}, 0, best.2[-1]) AS lowest "
    f"FROM ({_CONVERSATIONS}) GROUP BY address HAVING address IN {_AMONG} "
    "ORDER BY total DESC, address LIMIT {limit:UInt64}"
)
"""`lowest`: no address has more that is not among the candidates, those of at least `floor`; 0 when all are."""


def read_talkers(database: Database, start_ns: int, last_ns: int, limit: int) -> list[Talker]:
    """Return the addresses that sent and received most in the reports of an interval, the greatest first."""

    def read(candidates: int, floor: int) -> tuple[list[Talker], int]:
        rows = database.rows(TOP_TALKERS, start=start_ns, last=last_ns, limit=limit, candidates=candidates, floor=floor)
        return [Talker(*row[:4]) for row in rows], rows[-1][4] if rows else 0

    found, lowest = read(_CANDIDATES * limit, 0)
    if found and found[-1].bytes <= lowest:
        # What the last one has, each of those before it has too: who could have as much is a candidate.
        found, _ = read(_ALL, found[-1].bytes)
    return found
