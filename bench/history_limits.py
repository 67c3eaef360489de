# SPDX-License-Identifier: Apache-2.0
"""What history promises at size: rows a second, bytes a row, and how long the usual questions take.

Flows of one day, each reported once: as the meter makes them of mixed traffic, then with all columns of TCP filled and
everything random, the worst case. The graph is the data centre of `graph.py`.
"""

import asyncio
import base64
import gc
import random
import time
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from data_centre import data_centre
from graph import HOSTS, report
from metered_flows import metered, round_of

from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.graph.ids import edge_id
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history.batches import to_stream
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch
from netsonde.query import Limits, Sources, parse, run

ROWS = 200_000
"""Rows that are inserted together, 20 batches, as recording does when so many come a second."""
_IDS = ("uuid", "tracking_id", "l3_tracking_id")
DAY_NS = 86_400 * 10**9


def flow_batch(chance: np.random.Generator, rows: int, begin_ns: int, span_ns: int) -> pa.Table:
    """Return flows that began and ended in a span of time."""
    start = np.sort(begin_ns + chance.integers(0, span_ns, rows))
    last = start + chance.exponential(2e9, rows).astype(np.int64)
    tcp = chance.random(rows) < 0.75
    rtt = chance.integers(50_000, 5_000_000, rows)
    packets = [chance.geometric(0.08, rows).astype(np.uint64) for _ in "ab"]
    octets = [count * chance.integers(60, 1000, rows).astype(np.uint64) for count in packets]
    random_bytes = chance.bytes(rows * 20)
    community = ["1:" + base64.b64encode(random_bytes[at : at + 20]).decode() for at in range(0, rows * 20, 20)]

    def of(values: list[str], places: Any) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(values)).cast(pa.string())

    nodes = chance.integers(0, 200, rows)
    transport = of(["UDP", "TCP"], tcp)
    known: dict[str, Any] = {
        **{
            name: chance.integers(0, 1 << 63, rows, dtype=np.uint64)
            for name in ("uuid", "tracking_id", "l3_tracking_id")
        },
        "community_id": community,
        "node_tid": of([f"tid-{number:08x}" for number in range(200)], nodes),
        "host": of([f"host-{number}" for number in range(50)], nodes % 50),
        "report": np.full(rows, 2),
        "report_number": np.full(rows, 1),
        "layers_path": of(["Ethernet/IPv4/UDP", "Ethernet/IPv4/TCP"], tcp),
        "application": transport,
        "transport_protocol": transport,
        "network_protocol": of(["IPV4"], np.zeros(rows)),
        "network_a": of([f"10.0.{n // 250}.{n % 250}" for n in range(4000)], chance.zipf(1.2, rows) % 4000),
        "network_b": of([f"10.9.0.{n}" for n in range(200)], chance.zipf(1.3, rows) % 200),
        "link_a": of([f"02:00:00:00:{n // 256:02x}:{n % 256:02x}" for n in range(500)], chance.integers(0, 500, rows)),
        "transport_a": chance.integers(32768, 61000, rows),
        "transport_b": chance.choice(np.array([53, 80, 443, 5432, 9092]), rows),
        "start_ns": start,
        "last_ns": last,
        "lu_start_ns": start,
        "lu_last_ns": last,
        **{name: packets[0] for name in ("ab_packets", "lu_ab_packets")},
        **{name: octets[0] for name in ("ab_bytes", "lu_ab_bytes")},
        **{name: packets[1] for name in ("ba_packets", "lu_ba_packets")},
        **{name: octets[1] for name in ("ba_bytes", "lu_ba_bytes")},
        "rtt_ns": rtt * tcp,
        "tcp_metric": tcp,
        "tcp_ab_syn_ns": start * tcp,
        "tcp_ba_syn_ns": (start + rtt) * tcp,
        "tcp_ab_fin_ns": (last - rtt) * tcp,
        "tcp_ba_fin_ns": last * tcp,
        "tcp_ab_payload_bytes": octets[0] * 3 // 4 * tcp,
        "tcp_ba_payload_bytes": octets[1] * 3 // 4 * tcp,
    }
    columns = []
    for field in FLOW_SCHEMA:
        empty: Any = of([""], np.zeros(rows)) if field.type == pa.string() else np.zeros(rows)
        columns.append(pa.array(known.get(field.name, empty)).cast(field.type))
    return pa.table(columns, schema=FLOW_SCHEMA)


Batch = Callable[[np.random.Generator, int, int, int], pa.Table]
"""Makes so many rows that began within a span of time, in ns."""


class Built(msgspec.Struct, frozen=True):
    """What was stored, and how that went; `seconds` and `busy` (of the processors) are of the inserts alone."""

    rows: int
    now_ns: int
    tracking: list[int]
    seconds: float
    busy: float

    def save(self, directory: Path) -> None:
        (directory / "built.json").write_bytes(msgspec.json.encode(self))

    @classmethod
    def load(cls, directory: Path) -> "Built":
        return msgspec.json.decode((directory / "built.json").read_bytes(), type=cls)


async def build_flows(directory: Path, rows: int) -> None:
    """Store so many flows of the last day; a tenth as many of the worst case."""
    flows = metered()
    await _build_flows(directory / "metered", rows, lambda *how: round_of(flows, *how))
    await _build_flows(directory / "random", rows // 10, flow_batch)


async def _build_flows(directory: Path, rows: int, make: Batch) -> None:
    history = await History.open(HistorySettings(), directory)
    chance, now_ns = np.random.default_rng(7), time.time_ns()
    parts = max(1, rows // ROWS)
    span = DAY_NS // parts
    spent = busy = 0.0
    tracking = []
    for part in range(parts):
        table = make(chance, ROWS, now_ns - DAY_NS + part * span, span)
        tracking.append(table["tracking_id"][ROWS // 2].as_py())
        streams = [to_stream(table.slice(at, 10_000)) for at in range(0, ROWS, 10_000)]
        began, used = time.perf_counter(), time.process_time()
        await history.write_flows(streams)
        spent += time.perf_counter() - began
        busy += time.process_time() - used
    await history.close()
    Built(parts * ROWS, now_ns, tracking, spent, busy).save(directory)


async def flow_limits(directory: Path) -> None:
    """Ask the flows that were built."""
    for kind in ("metered", "random"):
        await _flow_limits(directory / kind, kind)


async def _flow_limits(directory: Path, kind: str) -> None:
    built = Built.load(directory)
    history = await History.open(HistorySettings(), directory)
    # As the analyzer does, see aio.garbage: a collection among everything would take 60 ms of one question.
    gc.collect()
    gc.freeze()

    def size(name: str) -> float:
        database = history._database
        assert database is not None
        sql = f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{name}'"
        return float(database.rows(sql)[0][0]) / built.rows

    print(f"history: limits with {built.rows:,} {kind} flow rows of one day")
    rate = built.rows / built.seconds
    print(f"  rows stored a second     {rate / 200_000:6.2f} × the 200,000 promised   ({rate:,.0f})")
    print(f"  processor time for 200,000 {built.busy / built.rows * 200_000:4.2f} s, merges included")
    flows, places = await history._run(lambda: (size("flows"), size("flow_places")))
    report("  bytes a row of flows, with its place", flows + places, 60, unit="B")
    report("  bytes a row of flow_metrics", await history._run(lambda: size("flow_metrics")), None, unit="B")
    now_ms = built.now_ns // 1_000_000
    talkers = await best(lambda: history.top_talkers(now_ms - 600_000, now_ms, 10))
    report("  top talkers of the last 10 minutes", talkers, 150)

    sources = Sources(SnapshotGraph((), ()), history=history)
    age = (time.time_ns() - built.now_ns) // 10**9
    # Another one each time: of conditions that were asked before, the engine remembers where they hold.
    asked = cycle(random.Random(5).sample(built.tracking, min(LOOKUPS, len(built.tracking))))

    found: list[str] = []

    async def ask(test: str) -> str:
        plan = parse(f"G.At('-{age}s', '1d').Flows().Has({test})")
        (flow,) = (await run(plan, sources, Limits(seconds=60))).rows
        assert isinstance(flow, dict)
        return str(flow["UUID"])

    async def one_connection() -> None:
        found.append(await ask(f"'TrackingID', '{next(asked):x}'"))

    async def one_flow() -> None:
        await ask(f"'UUID', '{found.pop()}'")

    async def lookups(goal: float | None) -> None:
        lie = "SELECT countIf(table = 'flows'), countIf(table = 'flow_places') FROM system.parts WHERE active"
        parts = await history._read(lambda database: database.rows(lie)[0])
        print("  parts of flows, and of their places     {:4} {:4}".format(*parts))
        tracking = await times(one_connection, LOOKUPS)
        report(f"  a TrackingID, the median of {LOOKUPS}", median(tracking), goal)
        report("  the one that took longest", max(tracking), None)
        report("  a UUID, of the whole day", await best(one_flow), None)

    # A day was written in minutes: one processor is busy with merges of it, and rows lie in more parts than they will.
    await lookups(None)
    print(f"  once merged, {await merged(history):.0f} s later:")
    await lookups(30)
    await history.close()


async def merged(history: History) -> float:
    """Wait until the engine has merged what it means to; returns how long that took, in seconds."""
    began, idle = time.perf_counter(), 0
    while idle < 4:
        await asyncio.sleep(1)
        count = await history._read(lambda database: database.rows("SELECT count() FROM system.merges")[0][0])
        idle = 0 if count else idle + 1
    return time.perf_counter() - began


ROUNDS = 5
LOOKUPS = 25


async def best(ask: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Return the best time of several, in milliseconds."""
    return min(await times(ask, rounds))


async def times(ask: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Return how long each of several took, in milliseconds."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        await ask()
        found.append((time.perf_counter() - began) * 1000)
    return found


async def build_topology(directory: Path, revisions: int) -> None:
    """Record the data centre and so many revisions of its nodes."""
    history = await History.open(HistorySettings(), directory)
    nodes, edges = data_centre(HOSTS)
    now_ms = time.time_ns() // 1_000_000
    present = [Node(each, metadata, host, f"agent.{host}", now_ms, now_ms) for each, host, metadata in nodes]
    changes: list[Change] = [NodeChange("added", node) for node in present]
    for parent, child, host, metadata in edges:
        name = edge_id(parent, child, str(metadata["RelationType"]))
        origin = f"agent.{host}"
        changes.append(
            EdgeChange("added", Edge(name, metadata, host, origin, now_ms, now_ms, parent=parent, child=child))
        )
    chance = random.Random(3)
    written = 0
    for begin in range(0, len(changes), 20_000):
        written = await record(history, written, changes[begin : begin + 20_000])
    for turn in range(revisions // 10_000):
        at_ms = time.time_ns() // 1_000_000
        chosen = [chance.choice(present) for _ in range(10_000)]
        written = await record(history, written, [NodeChange("updated", turned(node, turn, at_ms)) for node in chosen])
    await history.close()


async def topology_limits(directory: Path) -> None:
    """Look back at what was recorded."""
    history = await History.open(HistorySettings(), directory)
    await report_topology(history)
    await history.close()


async def record(history: History, written: int, changes: list[Change]) -> int:
    batch = TopologyBatch("h", "e", written + 1, time.time_ns(), changes)
    await history.write_changes([batch], written + 1)
    return written + 1


def turned(node: Node, turn: int, at_ms: int) -> Node:
    metadata = {**node.metadata, "State": ["UP", "DOWN"][turn % 2], "Turn": turn}
    return Node(node.id, metadata, node.host, node.origin, node.created_at, at_ms, revision=turn + 2)


async def report_topology(history: History) -> None:
    counted = "SELECT count() FROM revisions WHERE keyframe = 0 AND revision > 1"
    revisions = await history._read(lambda database: int(database.rows(counted)[0][0]))
    print(f"history: limits after {revisions:,} revisions of 100,000 nodes")
    sources = Sources(SnapshotGraph((), ()), history=history)

    async def ask(query: str) -> None:
        result = await run(parse(query), sources, Limits(seconds=60))
        assert result.rows

    filtered = await best(lambda: ask("G.At(NOW).V().Has('ExtID.vm-id', 'vm-500-5')"))
    report("  At(t) with a key filter", filtered, 300)
    now_ms = time.time_ns() // 1_000_000
    report("  At(t), the whole graph", await best(lambda: history.graph(now_ms, now_ms), 3), 3000)
