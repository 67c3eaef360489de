# SPDX-License-Identifier: Apache-2.0
"""Flows, packets and interface counters in the database: written as batches, read by time, node, capture and flow."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from netsonde.history.batches import join, to_block, to_schema
from netsonde.history.database import Database
from netsonde.history.derived import FLOW_METRICS, FLOW_PLACES, FLOWS, PACKETS, DerivedTable, with_dictionaries
from netsonde.history.few_rows import few_rows, rows_at_few_places
from netsonde.history.flow_conditions import flow_sql
from netsonde.history.places import places, where_they_lie
from netsonde.history.talkers import read_talkers
from netsonde.history.workers import Beside, step_back
from netsonde.model.flows import FlowRequest, PacketRequest, Talker, flow_numbers
from netsonde.model.topology import InterfaceMetric

_METRIC_COLUMNS = ("node_id", "node_tid", "host", "start_ms", "last_ms", "counters")
_ROWS_AN_INSERT = 100_000


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that were inserted, and streams that were left out since they cannot be read."""

    rows: int
    refused: int


class TrafficStore:
    """Blocking; used in the thread that writes. What else reports fill is inserted beside the flows, by another."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beside = database.another_writer()
        self._others = ThreadPoolExecutor(1, thread_name_prefix="history-beside", initializer=step_back)

    def close(self) -> None:
        """Close its own connection; the other one is who gave it's."""
        self._others.shutdown()
        self._beside.close()

    def write_flows(self, streams: Sequence[bytes]) -> Written:
        """Insert Arrow streams of flow reports, beside them where they lie and what each counted last.

        If only some of that is stored, all is inserted again: what is stored twice counts once.
        """
        joined = join(streams, FLOWS.schema)
        if joined.batch is not None:
            batch = with_dictionaries(joined.batch, {*FLOW_METRICS.names, *FLOW_PLACES.names})
            beside = self._others.submit(self._insert_beside, batch)
            try:
                _insert(self._database, FLOWS, batch)
            finally:
                # Whatever became of the flows: the next batch is not begun while this one is being inserted.
                wait([beside])
            beside.result()
        return Written(joined.rows, joined.refused)

    def _insert_beside(self, batch: pa.RecordBatch) -> None:
        _insert(self._beside, FLOW_PLACES, places(batch))
        _insert(self._beside, FLOW_METRICS, _periods(batch))

    def write_packets(self, streams: Sequence[bytes]) -> Written:
        joined = join(streams, PACKETS.schema)
        if joined.batch is not None:
            _insert(self._database, PACKETS, joined.batch)
        return Written(joined.rows, joined.refused)

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


def _insert(database: Database, table: DerivedTable, batch: pa.RecordBatch) -> None:
    if batch.num_rows:
        block = to_block(table.stored(batch))
        database.insert(table.name, block.columns, block.data, "ArrowStream")


def _periods(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return what reports counted last, of those that say when that was."""
    names = [name for name in FLOW_METRICS.schema.names if name in batch.schema.names]
    if "lu_last_ns" not in names:
        return batch.slice(0, 0)
    return batch.select(names).filter(pc.greater(batch.column("lu_last_ns"), 0))


class TrafficReader:
    """Blocking; used with a connection that reads, and one beside it that may take half of the work."""

    def __init__(self, database: Database, beside: Beside | None = None) -> None:
        self._database = database
        self._beside = beside

    def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> tuple[pa.Table, bool]:
        """Return the flows that were seen in an interval, each in its last state, the most recently active first.

        The second value tells that there were more than `request.limit`.
        """
        where, parameters = _flow_conditions(request)
        more = flow_sql(request.where)
        where, parameters = where + more.where, parameters | more.parameters
        for number, tracked in enumerate(more.tracked):
            place, named = where_they_lie(self._database, tracked, f"at{number}")
            where, parameters = f"{where} AND {place}", parameters | named
        times = {"start": _ns(start_ms), "last": _ns(last_ms) + 999_999}
        found = None
        if not more.having and more.tracked:
            found = self._of_few_places(where, parameters, **times)
        elif not more.having and _chosen_by_id(request):
            found = self._of_few_rows(where, parameters | times)
        if found is None:
            sql = self._by_last_report(where, more.having)
            found = self._database.arrow(sql, limit=request.limit + 1, **parameters, **times)
        truncated = found.num_rows > request.limit
        return to_schema(FLOWS.served(found.slice(0, request.limit)), FLOWS.schema), truncated

    def _of_few_places(self, where: str, parameters: dict[str, Any], *, start: int, last: int) -> pa.Table | None:
        """Return the last reports of rows that lie at a few places; None when there are too many to sort them here.

        The times (Unix, ns) are compared here, which takes microseconds; the engine takes 3 ms to plan such a step for
        all the columns.
        """
        found = rows_at_few_places(self._database, self._beside, where, parameters)
        if found is None:
            return None
        found = found.append_column("last_ns", FLOWS.near_column(found, "last_ns"))
        seen = pc.and_(pc.less_equal(found["start_ns"], last), pc.greater_equal(found["last_ns"], start))
        return last_reports(found.filter(seen))

    def _of_few_rows(self, where: str, parameters: dict[str, Any]) -> pa.Table | None:
        """Return the last reports of rows that an index finds; None when there are too many to sort them here.

        Here it takes a few microseconds a row. The engine plans each step for all the columns, 10 ms for nothing.
        """
        columns = [*FLOWS.stored_names, f"{FLOWS.read('last_ns')} AS last_ns"]
        times = "WHERE start_ns <= {last:Int64} AND last_ns >= {start:Int64} "
        found = few_rows(self._database, columns, where, parameters, more=times)
        return None if found is None else last_reports(found)

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
        """See `talkers.py`."""
        return read_talkers(self._database, _ns(start_ms), _ns(last_ms) + 999_999, limit)

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


def last_reports(table: pa.Table) -> pa.Table:
    """Return the last report of each flow at each node, the most recently active flow first.

    A flow's last packet never goes back, so the last report is among those with the latest one.
    """
    if table.num_rows <= 1:
        return table.drop_columns("last_ns")
    order = [("last_ns", "descending"), ("uuid", "ascending"), ("report_number", "descending")]
    rows = pc.sort_indices(table, sort_keys=order).to_pylist()
    uuids, nodes = table["uuid"].to_pylist(), table["node_tid"].to_pylist()
    first: dict[tuple[int, bytes], int] = {}
    for row in rows:
        first.setdefault((uuids[row], nodes[row]), row)
    return table.take(pa.array(first.values(), pa.int64())).drop_columns("last_ns")


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
