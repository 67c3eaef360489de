# SPDX-License-Identifier: Apache-2.0
"""Who sent and received most, summed up from the periods of flow reports (`flow_metrics`).

Of a period each row says the same, so that what was stored twice counts once; the periods of a flow add up; and a
conversation that is seen at several points, each with its flow, counts as the point saw it that saw most of it.

Most conversations of some minutes have one row, of which nothing is to be added up: these are told apart first.
Addresses go through the sums as numbers; their texts are found in the end.
"""

from typing import Final

from netsonde.history.database import Database
from netsonde.history.derived import MINUTE_NS
from netsonde.model.flows import Talker

_MINUTE: Final = f"intDiv({{}}, {MINUTE_NS})".format
_IN_TIME: Final = (
    "FROM flow_metrics WHERE lu_last_ns >= {start:Int64} AND lu_last_ns <= {last:Int64} AND network_a != '' "
    # Said once more as the order has it: the engine does not see that one follows from the other.
    f"AND {_MINUTE('lu_last_ns')} >= {_MINUTE('{start:Int64}')} "
    f"AND {_MINUTE('lu_last_ns')} <= {_MINUTE('{last:Int64}')}"
)
_A, _B = "cityHash64(network_a)", "cityHash64(network_b)"
_OCTETS, _PACKETS = "lu_ab_bytes + lu_ba_bytes", "lu_ab_packets + lu_ba_packets"

_SINGLE: Final = (
    f"SELECT any({_A}) AS a, any({_B}) AS b, max({_OCTETS}) AS octets, max({_PACKETS}) AS count {_IN_TIME} "
    "GROUP BY l3_tracking_id HAVING count() = 1"
)
_OTHERS: Final = f"SELECT l3_tracking_id {_IN_TIME} GROUP BY l3_tracking_id HAVING count() > 1"
_PERIODS: Final = (
    f"SELECT l3_tracking_id, uuid, any({_A}) AS a, any({_B}) AS b, max({_OCTETS}) AS octets, max({_PACKETS}) AS count "
    f"{_IN_TIME} AND l3_tracking_id IN ({_OTHERS}) GROUP BY l3_tracking_id, uuid, lu_start_ns, lu_last_ns"
)
_AT_POINTS: Final = (
    "SELECT l3_tracking_id, any(a) AS a, any(b) AS b, sum(octets) AS octets, sum(count) AS count "
    f"FROM ({_PERIODS}) GROUP BY l3_tracking_id, uuid"
)
_SEVERAL: Final = (
    "SELECT any(a) AS a, any(b) AS b, max(octets) AS octets, max(count) AS count "
    f"FROM ({_AT_POINTS}) GROUP BY l3_tracking_id"
)
_PAIRS: Final = (
    "SELECT a, b, sum(octets) AS octets, sum(count) AS count, count() AS conversations "
    f"FROM ({_SINGLE} UNION ALL {_SEVERAL}) GROUP BY a, b"
)
_TALKERS: Final = (
    "SELECT number, sum(octets) AS total, sum(count) AS packets, sum(conversations) AS talks "
    f"FROM ({_PAIRS}) ARRAY JOIN [a, b] AS number GROUP BY number"
)
_TEXTS: Final = (
    f"SELECT network_a AS address {_IN_TIME} GROUP BY network_a UNION DISTINCT "
    f"SELECT network_b AS address {_IN_TIME} GROUP BY network_b"
)
TOP_TALKERS: Final = (
    f"SELECT address, total, packets, talks FROM ({_TEXTS}) AS texts INNER JOIN ({_TALKERS}) AS sums "
    "ON cityHash64(address) = number ORDER BY total DESC, address LIMIT {limit:UInt64}"
)


def read_talkers(database: Database, start_ns: int, last_ns: int, limit: int) -> list[Talker]:
    """Return the addresses that sent and received most in the reports of an interval, the greatest first."""
    rows = database.rows(TOP_TALKERS, start=start_ns, last=last_ns, limit=limit)
    return [Talker(*row) for row in rows]
