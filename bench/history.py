# SPDX-License-Identifier: Apache-2.0
"""Flow reports into history and out again; peer: the same rows in SQLite, one commit a batch. Then limits at size.

Reports as 50 interfaces make them: 10,000 a batch, each flow reported four times. Ratios of one run.
`python bench/history.py 50000000 1000000` takes so many flow rows of a day and so many revisions of a data centre for
the limits (the default is a twentieth of the flows and a fifth of the revisions). `--keep DIR` leaves there what it
built, of which `--reuse DIR` asks again.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from pathlib import Path

import pyarrow as pa
from history_limits import build_flows, build_topology, flow_limits, topology_limits

from netsonde.analyzer.without_pandas import leave_pandas_out
from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.history.batches import to_stream
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.flows import FlowRequest

BATCHES = 20
ROWS = 10_000
REPORTS = 4
"""Of each flow, one every ten seconds."""

RANDOM = random.Random(7)


def flow(number: int, now_ns: int) -> dict[str, object]:
    """Return what stays the same in all reports of a flow."""
    client, server = f"10.0.{RANDOM.randrange(8)}.{RANDOM.randrange(256)}", f"10.1.0.{RANDOM.randrange(64)}"
    transport = RANDOM.choice(["TCP", "TCP", "UDP"])
    return {
        "uuid": RANDOM.getrandbits(64),
        "tracking_id": RANDOM.getrandbits(64),
        "l3_tracking_id": RANDOM.getrandbits(64),
        "community_id": f"1:{RANDOM.randbytes(20).hex()[:28]}",
        "node_tid": f"tid-{number % 50}",
        "host": f"host-{number % 10}",
        "capture_id": "6a1e1a5c-3a26-4f1a-9a24-0d4a7a1f4a1e",
        "layers_path": f"Ethernet/IPv4/{transport}",
        "application": transport,
        "link_protocol": "ETHERNET",
        "link_a": f"02:00:00:00:00:{RANDOM.randrange(64):02x}",
        "link_b": "02:00:00:00:01:01",
        "network_protocol": "IPV4",
        "network_a": client,
        "network_b": server,
        "transport_protocol": transport,
        "transport_a": RANDOM.randrange(32768, 61000),
        "transport_b": RANDOM.choice([53, 80, 443, 5432]),
        "start_ns": now_ns - RANDOM.randrange(60_000_000_000),
        "rtt_ns": RANDOM.randrange(50_000, 5_000_000),
    }


def batches(now_ns: int) -> list[pa.Table]:
    """Return the batches of a period of some minutes."""
    flows = [flow(number, now_ns) for number in range(BATCHES * ROWS // REPORTS)]
    tables = []
    for number in range(BATCHES):
        report = number % REPORTS
        begin = number // REPORTS * ROWS
        rows = [
            {
                **each,
                "report": min(report, 1),
                "report_number": report + 1,
                "last_ns": now_ns + report * 10_000_000_000,
                "lu_start_ns": now_ns + (report - 1) * 10_000_000_000,
                "lu_last_ns": now_ns + report * 10_000_000_000,
                "ab_packets": (report + 1) * 12,
                "ab_bytes": (report + 1) * RANDOM.randrange(700, 9000),
                "ba_packets": (report + 1) * 9,
                "ba_bytes": (report + 1) * RANDOM.randrange(700, 9000),
                "lu_ab_packets": 12,
                "lu_ab_bytes": RANDOM.randrange(700, 9000),
                "lu_ba_packets": 9,
                "lu_ba_bytes": RANDOM.randrange(700, 9000),
            }
            for each in flows[begin : begin + ROWS]
        ]
        tables.append(_table(rows))
    return tables


def _table(rows: list[dict[str, object]]) -> pa.Table:
    columns = [
        pa.array([row.get(field.name, "" if field.type == pa.string() else 0) for row in rows], field.type)
        for field in FLOW_SCHEMA
    ]
    return pa.table(columns, schema=FLOW_SCHEMA)


async def ours(tables: list[pa.Table], directory: Path, now_ns: int) -> tuple[float, float, float]:
    """Return rows a second, bytes a row, and seconds for the flows of one interface."""
    history = await History.open(HistorySettings(), directory)
    streams = [to_stream(table) for table in tables]
    began = time.perf_counter()
    for stream in streams:
        await history.write_flows([stream])
    seconds = time.perf_counter() - began
    now_ms = now_ns // 1_000_000
    began = time.perf_counter()
    await history.flows(FlowRequest(node_tids=["tid-7"], limit=1000), now_ms - 60_000, now_ms + 60_000)
    query = time.perf_counter() - began

    def size() -> int:
        database = history._database
        assert database is not None
        for table in ("flows", "flow_metrics"):
            database.command(f"OPTIMIZE TABLE {table} FINAL")
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table IN ('flows', 'flow_metrics')"
        return int(database.rows(sql)[0][0])

    size_on_disk = await history._run(size)
    await history.close()
    return BATCHES * ROWS / seconds, size_on_disk / (BATCHES * ROWS), query


def peer(tables: list[pa.Table], directory: Path, now_ns: int) -> tuple[float, float, float]:
    """The same in SQLite: a table of all reports, and the indexes that the same queries need."""
    base = sqlite3.connect(directory / "peer.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=NORMAL")
    base.execute(f"CREATE TABLE flows ({', '.join(FLOW_SCHEMA.names)})")
    base.execute("CREATE INDEX node ON flows (node_tid, last_ns)")
    base.execute("CREATE INDEX id ON flows (uuid)")
    marks = ", ".join("?" * len(FLOW_SCHEMA))
    began = time.perf_counter()
    for table in tables:
        columns = [_storable(column.to_pylist()) for column in table.columns]
        base.execute("BEGIN")
        base.executemany(f"INSERT INTO flows VALUES ({marks})", zip(*columns, strict=True))
        base.execute("COMMIT")
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    base.execute(
        "SELECT *, max(report_number) FROM flows WHERE node_tid = 'tid-7' AND last_ns >= ? GROUP BY uuid "
        "ORDER BY last_ns DESC LIMIT 1000",
        (now_ns - 60_000_000_000,),
    ).fetchall()
    query = time.perf_counter() - began
    base.execute("VACUUM")
    base.close()
    return BATCHES * ROWS / seconds, (directory / "peer.sqlite").stat().st_size / (BATCHES * ROWS), query


def _storable(values: list[object]) -> list[object]:
    """SQLite's integers are signed."""
    return [value - (1 << 64) if isinstance(value, int) and value >= 1 << 63 else value for value in values]


def main() -> None:
    leave_pandas_out()  # as the analyzer does; it would take 0.8 s of the first question
    parser = argparse.ArgumentParser(description="History, against SQLite and its limits.")
    parser.add_argument("flows", type=int, nargs="?", default=2_500_000, help="rows of flows")
    parser.add_argument("revisions", type=int, nargs="?", default=200_000, help="revisions; 0 = none")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--keep", type=Path, metavar="DIR", help="build here, and leave it")
    place.add_argument("--reuse", type=Path, metavar="DIR", help="build nothing, ask what was built there")
    arguments = parser.parse_args()
    if arguments.reuse is None:
        against_sqlite()
    with tempfile.TemporaryDirectory() as name:
        directory = arguments.reuse or arguments.keep or Path(name)
        asyncio.run(limits(directory, arguments.flows, arguments.revisions, built=arguments.reuse is not None))


async def limits(directory: Path, flows: int, revisions: int, *, built: bool) -> None:
    """Build in the directory, unless that was done, and ask."""
    if not built:
        await build_flows(directory, flows)
    await flow_limits(directory)
    if not built and revisions:
        await build_topology(directory / "topology", revisions)
    if (directory / "topology").exists():
        await topology_limits(directory / "topology")


def against_sqlite() -> None:
    now_ns = time.time_ns()
    tables = batches(now_ns)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rate, size, query = asyncio.run(ours(tables, directory / "history", now_ns))
        peer_rate, peer_size, peer_query = peer(tables, directory, now_ns)
    print("history: flow reports, against SQLite in the same run")
    print(f"  rows stored a second   {rate / peer_rate:6.1f} × as many   ({rate:,.0f} : {peer_rate:,.0f})")
    print(f"  bytes a report         {peer_size / size:6.1f} × smaller   ({size:.0f} : {peer_size:.0f})")
    times = f"({query * 1e3:.0f} ms, decoded : {peer_query * 1e3:.0f} ms)"
    print(f"  flows of one interface {peer_query / query:6.1f} × as fast   {times}")


if __name__ == "__main__":
    main()
