# SPDX-License-Identifier: Apache-2.0
"""Flows, packets and interface counters in the database: written as batches, read by time, node, capture and flow."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from netsonde.history.batches import Joined, join, to_schema
from netsonde.history.database import Database
from netsonde.history.derived import FLOWS, PACKETS, TEN_MINUTES_NS, DerivedTable
from netsonde.history.flow_conditions import flow_sql
from netsonde.model.flows import FlowRequest, PacketRequest, Talker, flow_numbers
from netsonde.model.topology import InterfaceMetric

_METRIC_COLUMNS = ("node_id", "node_tid", "host", "start_ms", "last_ms", "counters")
_ROWS_AN_INSERT = 100_000

_TEN_MINUTES = f"intDiv({{}}, {TEN_MINUTES_NS})".format
TOP_TALKERS: Final = (
    "SELECT address, sum(octets) AS total, sum(count), count() FROM ("
    "SELECT any(a) AS a, any(b) AS b, max(seen) AS octets, max(seen_packets) AS count FROM ("
    "SELECT l3_tracking_id, any(a) AS a, any(b) AS b, sum(octets) AS seen, sum(packets) AS seen_packets FROM ("
    # Of a flow's period each row says the same. Numbers alone tell them apart at half the cost of whole rows.
    "SELECT l3_tracking_id, uuid, any(network_a) AS a, any(network_b) AS b, "
    "max(lu_ab_bytes + lu_ba_bytes) AS octets, max(lu_ab_packets + lu_ba_packets) AS packets FROM flow_metrics "
    "WHERE lu_last_ns >= {start:Int64} AND lu_last_ns <= {last:Int64} AND network_a != '' "
    # Said once more as the order has it: the engine does not see that one follows from the other.
    f"AND {_TEN_MINUTES('lu_last_ns')} >= {_TEN_MINUTES('{start:Int64}')} "
    f"AND {_TEN_MINUTES('lu_last_ns')} <= {_TEN_MINUTES('{last:Int64}')} "
    "GROUP BY l3_tracking_id, uuid, lu_start_ns, lu_last_ns"
    ") GROUP BY l3_tracking_id, uuid"
    ") GROUP BY l3_tracking_id) ARRAY JOIN [a, b] AS address GROUP BY address "
    "ORDER BY total DESC, address LIMIT {limit:UInt64}"
)


class TrafficStore:
    """Blocking; used in the thread that writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write_flows(self, streams: Sequence[bytes]) -> Joined:
        """Insert Arrow streams of flow reports."""
        return self._write(FLOWS, streams)

    def write_packets(self, streams: Sequence[bytes]) -> Joined:
        return self._write(PACKETS, streams)

    def _write(self, table: DerivedTable, streams: Sequence[bytes]) -> Joined:
        joined = join(streams, table.schema, table.stored)
        if joined.rows:
            self._database.insert(table.name, joined.columns, joined.block, "ArrowStream")
        return joined

    def write_metrics(self, metrics: Sequence[InterfaceMetric]) -> int:
        """Insert counters; returns how many could not be."""
        return sum(
            self._database.insert_rows(
                "interface_metrics",
                _METRIC_COLUMNS,
                list(map(msgspec.json.encode, metrics[begin : begin + _ROWS_AN_INSERT])),
            )
            for begin in range(0, len(metrics), _ROWS_AN_INSERT)
        )


class TrafficReader:
    """Blocking; used with a connection that reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> tuple[pa.Table, bool]:
        """Return the flows that were seen in an interval, each in its last state, the most recently active first.

        The second value tells that there were more than `request.limit`.
        """
        where, parameters = _flow_conditions(request)
        more = flow_sql(request.where)
        where, parameters = where + more.where, parameters | more.parameters
        last_ns = FLOWS.read("last_ns")
        if not more.having and _chosen_by_id(request):
            # Few rows, found by an index. The last report comes first, since a flow's last packet never goes back.
            sql = (
                f"SELECT {', '.join(FLOWS.stored_names)} FROM flows "
                f"WHERE start_ns <= {{last:Int64}} AND {last_ns} >= {{start:Int64}}{where} "
                f"ORDER BY {last_ns} DESC, uuid, report_number DESC LIMIT 1 BY uuid, node_tid LIMIT {{limit:UInt64}}"
            )
        else:
            sql = self._by_last_report(where, more.having)
        found = self._database.arrow(
            sql, start=_ns(start_ms), last=_ns(last_ms) + 999_999, limit=request.limit + 1, **parameters
        )
        truncated = found.num_rows > request.limit
        return to_schema(FLOWS.served(found.slice(0, request.limit)), FLOWS.schema), truncated

    @staticmethod
    def _by_last_report(where: str, having: str) -> str:
        """Return SQL that finds the last reports on narrow columns; whole rows are read for those returned only."""
        last_ns = FLOWS.read("last_ns")
        return (
            f"SELECT {', '.join(FLOWS.stored_names)} FROM flows WHERE (uuid, node_tid, report_number) IN ("
            "SELECT uuid, node_tid, max(report_number) FROM flows "
            f"WHERE start_ns <= {{last:Int64}} AND {last_ns} >= {{start:Int64}}{where} "
            f"GROUP BY uuid, node_tid{having} "
            f"ORDER BY max({last_ns}) DESC, uuid LIMIT {{limit:UInt64}}){where} "
            # The rows found lie in the same hours.
            f"AND start_ns <= {{last:Int64}} AND {last_ns} >= {{start:Int64}} "
            f"ORDER BY {last_ns} DESC, uuid LIMIT 1 BY uuid, node_tid"
        )

    def top_talkers(self, start_ms: int, last_ms: int, limit: int) -> list[Talker]:
        """Return the addresses that sent and received most in the reports of an interval, the greatest first.

        A conversation that is seen at several points counts once, as the point saw it that saw most of it.
        """
        rows = self._database.rows(TOP_TALKERS, start=_ns(start_ms), last=_ns(last_ms) + 999_999, limit=limit)
        return [Talker(*row) for row in rows]

    def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> pa.Table:
        """Return kept packets of an interval, in the order of time."""
        where, parameters = _packet_conditions(request)
        sql = (
            f"SELECT {', '.join(PACKETS.names)} FROM packets "
            "WHERE ts_ns >= {start:Int64} AND ts_ns <= {last:Int64} AND number >= {first:UInt64}" + where + " "
            "ORDER BY ts_ns, number LIMIT 1 BY capture_id, node_tid, ts_ns, number LIMIT {limit:UInt64}"
        )
        found = self._database.arrow(
            sql,
            start=_ns(start_ms),
            last=_ns(last_ms) + 999_999,
            first=request.after + 1,
            limit=request.limit,
            **parameters,
        )
        return to_schema(found, PACKETS.schema)

    def metrics(self, node_ids: Sequence[str], start_ms: int, last_ms: int, limit: int) -> list[InterfaceMetric]:
        """Return counters of the intervals that lie in the given one, by node and time."""
        rows = self._database.rows(
            f"SELECT {', '.join(_METRIC_COLUMNS)} FROM interface_metrics WHERE node_id IN {{ids:Array(String)}} "
            "AND start_ms >= {start:Int64} AND last_ms <= {last:Int64} "
            "ORDER BY node_id, start_ms, last_ms LIMIT 1 BY node_id, start_ms, last_ms LIMIT {limit:UInt64}",
            ids=list(node_ids),
            start=start_ms,
            last=last_ms,
            limit=limit,
        )
        return [_metric(row) for row in rows]

    def latest_metrics(self, node_ids: Sequence[str]) -> list[InterfaceMetric]:
        """Return the last counters of each node."""
        rows = self._database.rows(
            f"SELECT {', '.join(_METRIC_COLUMNS)} FROM interface_metrics WHERE node_id IN {{ids:Array(String)}} "
            "ORDER BY node_id, last_ms DESC LIMIT 1 BY node_id",
            ids=list(node_ids),
        )
        return [_metric(row) for row in rows]


def _metric(row: tuple[Any, ...]) -> InterfaceMetric:
    node_id, node_tid, host, start_ms, last_ms, counters = row
    return InterfaceMetric(node_id, node_tid, host, start_ms, last_ms, dict(counters))


def _flow_conditions(request: FlowRequest) -> tuple[str, dict[str, Any]]:
    where, parameters = "", dict[str, Any]()
    if request.node_tids is not None:
        where += " AND node_tid IN {tids:Array(String)}"
        parameters["tids"] = request.node_tids
    if request.capture_ids is not None:
        where += " AND capture_id IN {captures:Array(String)}"
        parameters["captures"] = request.capture_ids
    if request.uuids is not None:
        where += " AND uuid IN {uuids:Array(UInt64)}"
        parameters["uuids"] = flow_numbers(request.uuids)
    return where, parameters


def _chosen_by_id(request: FlowRequest) -> bool:
    """Tell whether only flows of some UUIDs or TrackingIDs are asked for."""
    return request.uuids is not None or any(
        all(test.operator == "in" and test.column in ("uuid", "tracking_id") for test in clause)
        for clause in request.where
        if clause
    )


def _packet_conditions(request: PacketRequest) -> tuple[str, dict[str, Any]]:
    where, parameters = "", dict[str, Any]()
    if request.capture_id is not None:
        where += " AND capture_id = {capture:String}"
        parameters["capture"] = request.capture_id
    if request.node_tids is not None:
        where += " AND node_tid IN {tids:Array(String)}"
        parameters["tids"] = request.node_tids
    if request.flow_uuids is not None:
        where += " AND flow_uuid IN {uuids:Array(UInt64)}"
        parameters["uuids"] = flow_numbers(request.flow_uuids)
    return where, parameters


def _ns(ms: int) -> int:
    return max(-(1 << 62), min(ms * 1_000_000, 1 << 62))
