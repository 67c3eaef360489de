# SPDX-License-Identifier: Apache-2.0
"""History in a real chDB: looking back, restarts, kill -9, retention."""

import asyncio
import os
import random
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from history_rows import flow, flows, now_ms, packet, packets
from netsonde.errors import SourceLost, UserError
from netsonde.flows.schema import FLOW_SCHEMA, PACKET_SCHEMA
from netsonde.history.database import Database
from netsonde.history.derived import FLOWS, MINUTE_NS, column_kind
from netsonde.history.flow_conditions import flow_sql
from netsonde.history.flow_periods import FLOW_PERIODS
from netsonde.history.history import History
from netsonde.history.places import where_they_lie
from netsonde.history.recording import record_topology
from netsonde.history.schema import migrate, migrations, statements
from netsonde.history.settings import MOST_DAYS, HistorySettings
from netsonde.history.talkers import TOP_TALKERS
from netsonde.history.traffic import TrafficReader
from netsonde.model.elements import Edge, Node
from netsonde.model.flows import FlowRequest, FlowTest, PacketRequest, Talker
from netsonde.model.topology import (
    Change,
    EdgeChange,
    InterfaceMetric,
    NodeChange,
    TopologyBatch,
    TopologySnapshot,
)
from netsonde.query import Kind, Wanted

pytestmark = pytest.mark.system

SETTINGS = HistorySettings(memory_mib=512)
BEGIN = now_ms() - 60_000
"""The time that is second 1000 of the sample history."""

Reopen = Callable[..., Awaitable[History]]


@pytest.fixture
async def reopen(tmp_path: Path) -> AsyncIterator[Reopen]:
    """Close what is open and open it again, with other settings where given."""
    opened: list[History] = []

    async def again(settings: HistorySettings = SETTINGS) -> History:
        for history in opened:
            await history.close()
        opened[:] = [await History.open(settings, tmp_path / "history")]
        return opened[0]

    yield again
    for history in opened:
        await history.close()


@pytest.fixture
async def history(reopen: Reopen) -> History:
    return await reopen()


def at(second: int) -> int:
    return BEGIN + (second - 1000) * 1000


def node(name: str, second: int, revision: int = 1, created: int = 1000, **metadata: str) -> Node:
    return Node(name, {"Name": name, **metadata}, "h", "agent.h", at(created), at(second), revision=revision)


def edge(name: str, second: int) -> Edge:
    return Edge(name, {"RelationType": "ownership"}, "h", "agent.h", at(second), at(second), parent="H", child=name[1])


def batch(sequence: int, second: int, *changes: Change, epoch: str = "e") -> TopologyBatch:
    return TopologyBatch("h", epoch, sequence, at(second) * 1_000_000, list(changes))


async def write_sample(history: History) -> None:
    """The history that the language's reference uses for its examples."""
    await history.write_changes(
        [
            batch(
                1,
                1000,
                NodeChange("added", node("H", 1000)),
                NodeChange("added", node("A", 1000, State="DOWN")),
                EdgeChange("added", edge("HA", 1000)),
            ),
            batch(2, 1010, NodeChange("updated", node("A", 1010, 2, State="UP"))),
        ],
        2,
    )
    b = node("B", 1015, created=1015, State="UP")
    await history.write_changes([batch(3, 1015, NodeChange("added", b), EdgeChange("added", edge("HB", 1015)))], 3)
    await history.write_changes(
        [batch(4, 1020, EdgeChange("deleted", edge("HA", 1000)), NodeChange("deleted", node("A", 1010, 2)))], 4
    )


async def seen(history: History, start: int, last: int) -> list[tuple[str, object]]:
    graph = await history.graph(at(start), at(last))
    return sorted(((each.id, each.metadata.get("State")) for each in graph.nodes()), key=str)


async def check_sample(history: History) -> None:
    assert await seen(history, 999, 999) == []
    assert await seen(history, 1000, 1000) == [("A", "DOWN"), ("H", None)]
    assert await seen(history, 1009, 1009) == [("A", "DOWN"), ("H", None)]
    assert await seen(history, 1010, 1010) == [("A", "UP"), ("H", None)]
    assert await seen(history, 1020, 1020) == [("B", "UP"), ("H", None)]
    assert await seen(history, 991, 1021) == [("A", "DOWN"), ("A", "UP"), ("B", "UP"), ("H", None)]
    assert await seen(history, 1025, 1030) == [("B", "UP"), ("H", None)]
    assert await seen(history, 1020, 1030) == [("A", "UP"), ("B", "UP"), ("H", None)]


async def test_recording_twice_shows_once(history: History) -> None:
    await write_sample(history)
    await write_sample(history)

    await check_sample(history)
    assert len(await history.changes(at(999), at(1030))) == 8


async def test_looking_back_shows_what_was(history: History) -> None:
    await write_sample(history)

    await check_sample(history)
    graph = await history.graph(at(1021), at(1021))
    assert [(each.parent, each.child) for each in graph.edges()] == [("H", "B")]
    interval = await history.graph(at(1000), at(1030))
    assert [(each.revision, each.deleted_at) for each in interval.revisions("A")] == [(1, None), (2, at(1020))]


async def test_history_is_there_after_a_restart(history: History, reopen: Reopen) -> None:
    await write_sample(history)

    again = await reopen()

    await check_sample(again)
    assert again.topology_position == 4
    assert again.unsettled == ["h"]


async def test_agent_that_starts_again_makes_no_new_revisions(history: History, reopen: Reopen) -> None:
    await write_sample(history)
    again = await reopen()

    present = [node("H", 1040), node("B", 1040, State="UP")]
    await again.write_changes([batch(1, 1040, *(NodeChange("added", each) for each in present), epoch="f")], 9)
    await again.write_snapshot(TopologySnapshot("h", "f", 1, present, [edge("HB", 1040)]))

    await check_sample(again)
    assert again.unsettled == []
    assert await again.changes(at(1021), at(2000)) == []


async def test_keyframes_change_nothing_that_is_seen(reopen: Reopen) -> None:
    always = HistorySettings(memory_mib=512, keyframe_hours=1e-9)
    history = await reopen(always)
    await write_sample(history)
    late = node("L", 1005, created=1005, State="LATE")

    await history.write_changes([batch(5, 1005, NodeChange("added", late))], 5)

    assert ("L", "LATE") in await seen(history, 1030, 1030)
    assert (await seen(history, 1010, 1010))[:2] == [("A", "UP"), ("H", None)]
    future = now_ms() + 1000
    now = await history.graph(future, future)
    assert sorted(each.id for each in now.nodes()) == ["B", "H", "L"]
    assert len({each.id for each in now.edges()}) == now.edge_count() == 1


async def test_changes_tell_what_happened(history: History) -> None:
    await write_sample(history)

    told = [(each.time - BEGIN, each.change, each.id) for each in await history.changes(at(1000), at(1020))]

    assert told == [
        (10_000, "updated", "A"),
        (15_000, "added", "B"),
        (15_000, "added", "HB"),
        (20_000, "removed", "HA"),
        (20_000, "removed", "A"),
    ]


async def test_metadata_comes_back_as_it_was(history: History) -> None:
    odd: dict[str, object] = {"a.b/c": [1, 2.5, None, True, {"ü": "'\\\n\t"}], "n": 2**62, "e": {}}
    await history.write_changes(
        [batch(1, 1000, NodeChange("added", Node("'\\odd", odd, "h", "agent.h", at(1000), at(1000))))]  # type: ignore[arg-type]
    )

    (found,) = (await history.graph(at(1000), at(1000))).nodes()

    assert (found.id, found.metadata) == ("'\\odd", odd)


async def test_flow_is_seen_in_its_last_state(history: History) -> None:
    moment = now_ms()
    first = flow(0xABC, moment - 5000, moment - 4000, ab_bytes=10, report_number=1)
    second = flow(0xABC, moment - 5000, moment - 1000, ab_bytes=30, report_number=2)
    other = flow(0xDEF, moment - 9000, moment - 8000, node_tid="elsewhere")
    await history.write_flows([flows(first, other), flows(second)])
    await history.write_flows([flows(second)])

    answer = await history.flows(FlowRequest(), moment - 5000, moment)

    assert [(each["UUID"], each["Metric"]["ABBytes"]) for each in answer.flows] == [("abc", 30)]  # type: ignore[index, call-overload]
    everything = await history.flows(FlowRequest(), moment - 60_000, moment)
    assert [each["UUID"] for each in everything.flows] == ["abc", "def"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (FlowRequest(node_tids=["elsewhere"]), ["2"]),
        (FlowRequest(node_tids=[]), []),
        (FlowRequest(uuids=["1", "no id"]), ["1"]),
        (FlowRequest(capture_ids=["c1", "it's"]), ["1"]),
        (FlowRequest(limit=1), ["2"]),
    ],
)
async def test_flows_are_selected(history: History, request_: FlowRequest, expected: list[str]) -> None:
    moment = now_ms()
    await history.write_flows(
        [
            flows(
                flow(1, moment - 5, moment - 4, capture_id="c1"),
                flow(2, moment - 5, moment - 3, capture_id="c2", node_tid="elsewhere"),
            )
        ]
    )

    answer = await history.flows(request_, moment - 1000, moment)

    assert [each["UUID"] for each in answer.flows] == expected
    assert answer.truncated == (request_.limit == 1)


async def test_rubbish_among_the_batches_is_counted(history: History) -> None:
    moment = now_ms()
    await history.write_flows([b"rubbish", flows(flow(1, moment, moment)), b""])

    assert len((await history.flows(FlowRequest(), moment - 10, moment + 10)).flows) == 1
    assert history.health.counters == {"flow_rows": 1, "flow_batches_refused": 2}


async def test_packets_come_back_byte_for_byte(history: History) -> None:
    moment = now_ms()
    written = [packet(number, moment + number, flow_uuid=number % 2, lookback=number < 2) for number in range(4)]
    await history.write_packets([packets(*written)])
    await history.write_packets([packets(*written[:2])])

    (stream,) = await history.packets(
        PacketRequest(capture_id="c", flow_uuids=["0"], after=-1), moment - 10, moment + 10
    )
    (rest,) = await history.packets(PacketRequest(after=1, limit=1), moment, moment + 10)

    table = pa.ipc.open_stream(stream).read_all()
    assert table.schema.equals(PACKET_SCHEMA)
    assert [(row["number"], row["data"], row["lookback"]) for row in table.to_pylist()] == [
        (0, b"\xff\x00" * 7, True),
        (2, b"\xff\x00" * 7, False),
    ]
    assert pa.ipc.open_stream(rest).read_all()["number"].to_pylist() == [2]


async def test_packets_of_an_interface_made_anew_do_not_replace_the_former_ones(history: History) -> None:
    moment = now_ms()
    await history.write_packets([packets(*(packet(number, moment + number) for number in range(3)))])
    await history.write_packets([packets(*(packet(number, moment + 500 + number) for number in range(3)))])

    async def found() -> list[tuple[int, int]]:
        (stream,) = await history.packets(PacketRequest(capture_id="c"), moment, moment + 1000)
        rows = pa.ipc.open_stream(stream).read_all().to_pylist()
        return [(row["ts_ns"] // 1_000_000 - moment, row["number"]) for row in rows]

    expected = [(0, 0), (1, 1), (2, 2), (500, 0), (501, 1), (502, 2)]
    assert await found() == expected
    await history._run(lambda: history._database.command("OPTIMIZE TABLE packets FINAL"))  # type: ignore[union-attr]
    assert await found() == expected


async def test_a_table_with_a_former_key_is_made_anew_with_its_rows(history: History, reopen: Reopen) -> None:
    moment = now_ms()
    await history.write_packets([packets(packet(7, moment))])

    def go_back() -> None:
        database = history._database
        assert database is not None
        former = "CREATE TABLE former AS packets ENGINE = ReplacingMergeTree ORDER BY (capture_id, node_tid, number)"
        for step in (former, "INSERT INTO former SELECT * FROM packets", "EXCHANGE TABLES former AND packets"):
            database.command(step)
        database.command("DROP TABLE former")

    await history._run(go_back)
    again = await reopen()
    await again.write_packets([packets(packet(7, moment + 1))])

    (stream,) = await again.packets(PacketRequest(capture_id="c"), moment, moment + 10)
    assert pa.ipc.open_stream(stream).read_all()["number"].to_pylist() == [7, 7]


async def test_flows_stored_by_the_build_before_come_back_as_they_were(history: History, reopen: Reopen) -> None:
    moment = now_ms()
    seen = {"tcp_ab_syn_ns": moment * 1_000_000, "tcp_ba_syn_ns": moment * 1_000_000 + 500, "rtt_ns": 400}
    ends = {"network_protocol": "IPV4", "network_a": "10.0.0.1", "network_b": "10.0.0.2"}
    await history.write_flows([flows(flow(7, moment, moment + 1, **seen, **ends), flow(8, moment, moment + 1))])

    def go_back() -> None:
        database = history._database
        assert database is not None
        for step in (
            "ALTER TABLE flows ADD COLUMN tcp_ba_syn_ns_near Int64 CODEC(ZSTD(1))",
            f"ALTER TABLE flows UPDATE tcp_ba_syn_ns_near = if(uuid = 7, 500, {-(1 << 62)}) WHERE 1",
            "ALTER TABLE flows DROP COLUMN tcp_ba_syn_ns_near_sum",
            "ALTER TABLE flows MODIFY COLUMN network_a String CODEC(ZSTD(1))",
            "ALTER TABLE flow_metrics MODIFY COLUMN network_a String CODEC(ZSTD(1))",
            "ALTER TABLE packets MODIFY COLUMN wire_len CODEC(LZ4)",
        ):
            database.command(f"{step} SETTINGS mutations_sync = 1, alter_sync = 1")

    await history._run(go_back)
    again = await reopen()
    await again.write_flows([flows(flow(9, moment, moment + 1, network_a="10.0.0.9", lu_ab_bytes=3))])
    table, _ = await again._read(lambda base: TrafficReader(base).flows(FlowRequest(), moment, moment + 10))
    periods = await again.flow_periods(["7", "9"], moment - 10, moment + 10, 10)
    codec = "SELECT compression_codec FROM system.columns WHERE table = 'packets' AND name = 'wire_len'"

    found = {row["uuid"]: row for row in table.to_pylist()}
    assert {name: found[7][name] for name in (seen | ends)} == seen | ends
    assert found[8]["tcp_ba_syn_ns"] == 0
    assert sorted((each.uuid, each.ab_bytes) for each in periods) == [("7", 0), ("9", 3)]
    assert await again._read(lambda base: base.rows(codec)) == [("CODEC(ZSTD(1))",)]


async def test_a_short_merge_may_begin_beside_two_long_ones(history: History, reopen: Reopen) -> None:
    """In tables of earlier builds too: else places of flows would lie in a part for each insert meanwhile."""
    limit, left = "max_bytes_to_merge_at_min_space_in_pool", "number_of_free_entries_in_pool_to_lower_max_size_of_merge"

    def go_back() -> None:
        database = history._database
        assert database is not None
        database.command(f"ALTER TABLE flows RESET SETTING {limit}, {left}")

    await history._run(go_back)
    again = await reopen()
    at_once = "SELECT value FROM system.server_settings WHERE name = 'background_merges_mutations_concurrency_ratio'"
    engines = "SELECT name, engine_full FROM system.tables WHERE name IN ('flows', 'flow_places')"

    assert await again._read(lambda base: base.rows(at_once)) == [("3",)]
    assert {
        name: (f"{left} = 3" in engine, limit in engine)
        for name, engine in await again._read(lambda base: base.rows(engines))
    } == {"flows": (True, True), "flow_places": (False, False)}


async def test_flows_of_schema_3_come_back_as_they_were(tmp_path: Path) -> None:
    """Ids and round trips lay there as they were reported, in another order, and a view made the periods."""
    database = Database.open(SETTINGS, tmp_path)
    write_migrations(database, 3)
    for step in statements(SCHEMA_3.read_text(encoding="utf-8")):
        database.command(step)
    moment = now_ms()
    trips = {
        "rtt_ns": 400,
        "tcp_ab_rtt_ns": 450,
        "tcp_ab_rtt_min_ns": 300,
        "tcp_ba_rtt_ns": 70,
        "tcp_handshake_ns": 900,
    }
    row = {"l3_tracking_id": 2**63 + 1, "layers_path": "Ethernet/IPv4/TCP", **ENDS, "ab_bytes": 90, **trips}
    values = row | {"uuid": 7, "start_ns": moment * 1_000_000, "last_ns_near": 5_000_000, "lu_ab_bytes_near": -20}
    database.command(f"INSERT INTO flows ({', '.join(values)}) VALUES ({', '.join(map(repr, values.values()))})")
    database.close()

    history = await History.open(SETTINGS, tmp_path)
    await history.write_flows([flows(flow(8, moment, moment + 1, lu_ab_bytes=3))])
    table, _ = await history._read(
        lambda base: TrafficReader(base).flows(chosen("l3_tracking_id", 2**63 + 1), moment, moment + 10)
    )
    periods = await history.flow_periods(["7", "8"], moment - 10, moment + 10, 10)
    await history.close()

    (found,) = table.to_pylist()
    assert {name: found[name] for name in row} == row
    assert (found["last_ns"], found["lu_last_ns"], found["tcp_ba_rtt_min_ns"]) == (
        moment * 1_000_000 + 5_000_000,
    ) * 2 + (0,)
    assert sorted((each.uuid, each.ab_bytes) for each in periods) == [("7", 70), ("8", 3)]


async def test_flow_is_found_by_its_tracking_id_whenever_it_began(history: History) -> None:
    """Two points saw the first one, whose second report comes by itself; one of a file began before 1970."""
    moment, hour = now_ms(), HOUR_MS
    first: dict[str, Any] = {"tracking_id": 2**64 - 1, "layers_path": "Ethernet/IPv4/TCP"}
    began = moment - 30 * hour
    await history.write_flows(
        [flows(flow(1, began, moment - hour, **first), flow(2, 1 - hour, 5, tracking_id=7 << 32))]
    )
    again = flow(1, began, moment, report_number=3, **first)
    near = flow(4, moment, moment, tracking_id=2**64 - 2)
    await history.write_flows([flows(again, flow(3, moment - 5 * hour, moment, node_tid="u", **first), near)])

    async def found(number: int, start_ms: int) -> list[tuple[object, object]]:
        answer = await history.flows(chosen("tracking_id", number), start_ms, moment)
        return sorted((each["UUID"], each["Last"]) for each in answer.flows)

    assert await found(2**64 - 1, moment - hour) == [("1", moment), ("3", moment)]
    assert await found(7 << 32, -hour) == [("2", 5)]
    assert await found(7 << 32, 6) == await found(8, -hour) == []


async def test_a_flow_is_found_behind_more_of_its_tracking_id_than_are_sorted_here(history: History) -> None:
    """What an exporter numbers may be anything: ten thousand flows of the same hour have the same TrackingID."""
    moment = now_ms()
    before = moment - moment % HOUR_MS
    many = f"number + 2, {9 << 32}, {before}000000 FROM numbers(10001)"
    insert = f"INSERT INTO flows (uuid, tracking_id, start_ns) SELECT {many}"
    await history._run(lambda: history._flow._database.command(insert))
    await history.write_flows([flows(flow(1, moment, moment + 1, tracking_id=9 << 32))])

    answer = await history.flows(chosen("tracking_id", 9 << 32), moment + 1, moment + 1)

    assert [each["UUID"] for each in answer.flows] == ["1"]


async def test_marks_of_flows_are_in_memory_before_the_first_question(history: History, reopen: Reopen) -> None:
    """In tables of earlier builds too, from the second start on: else it waits for 83 files of each part."""
    moment = now_ms()
    await history.write_flows([flows(flow(1, moment, moment, tracking_id=1))])
    await history._run(lambda: history._flow._database.command("ALTER TABLE flows RESET SETTING prewarm_mark_cache"))
    await reopen()
    again = await reopen()

    def loaded() -> int:
        database = again._flow._database
        ((number,),) = database.rows("SELECT sum(value) FROM system.events WHERE event = 'LoadedMarksFiles'")
        return int(number)

    before = await again._run(loaded)
    answer = await again.flows(chosen("tracking_id", 1), moment, moment)

    assert len(answer.flows) == 1
    assert await again._run(loaded) == before > 0


async def test_tracking_id_is_found_whatever_its_layers_are_called(history: History) -> None:
    """Layers come from whoever exports flows; and the places of one id may be more than are written out."""
    moment, names = now_ms(), ["it's \\ {at0_0:String} %s\t\n", "Ethernet/\0", "Ethernet/IPv4/TCP; --", "é🜨", ""]
    rows = [flow(uuid, moment, moment, tracking_id=uuid << 32, layers_path=name) for uuid, name in enumerate(names, 1)]
    rows += [flow(100 + hour, moment - hour * HOUR_MS, moment, tracking_id=9 << 32) for hour in range(40)]
    await history.write_flows([flows(*rows)])

    async def found(*clauses: Sequence[int]) -> set[int]:
        where = [[FlowTest("tracking_id", "in", [number << 32 for number in clause])] for clause in clauses]
        answer = await history.flows(FlowRequest(where=where), moment - 50 * HOUR_MS, moment)
        return {int(str(each["UUID"]), 16) for each in answer.flows}

    assert [await found([uuid]) for uuid in range(1, 7)] == [{1}, {2}, {3}, {4}, {5}, set()]
    assert await found([1, 2, 9]) == {1, 2, *range(100, 140)}
    assert await found([1, 2, 3], [3, 2, 5], [2]) == {2}
    assert await found([1, 2], [3]) == set()


@pytest.mark.parametrize(
    ("request_made", "last_hours"),
    [(("tracking_id", 1 << 40), 8), (None, 1)],
    ids=["a TrackingID in the hour it was seen", "what went on lately among flows that still do"],
)
async def test_flows_are_read_only_where_they_can_be(
    history: History, request_made: tuple[str, int] | None, last_hours: int
) -> None:
    """The same TrackingIDs in each of eight hours, of two blocks of rows each; one is looked for, or the last hour."""
    request = chosen(*request_made) if request_made else FlowRequest()
    await history.write_flows([flows(flow(1, 7 * HOUR_MS, 7 * HOUR_MS, tracking_id=1 << 40))])

    def read() -> list[str]:
        database = history._database
        assert database is not None
        rows = f"number AS uuid, (number % 16384) * 134217728 AS tracking_id, intDiv(number, 16384) * {HOUR_MS}000000"
        database.command(f"INSERT INTO flows (uuid, tracking_id, start_ns) SELECT {rows} FROM numbers({8 * 16384})")
        times = f"start_ns <= {8 * HOUR_MS}000000 AND {FLOWS.read('last_ns')} >= {(8 - last_hours) * HOUR_MS}000000"
        sql, named = flow_sql(request.where), dict[str, Any]()
        for tracked in sql.tracked:
            place, named = where_they_lie(database, tracked)
            sql.where += f" AND {place}"
        explained = f"EXPLAIN indexes = 1 SELECT uuid FROM flows WHERE {times}{sql.where}"
        return [line.strip() for (line,) in database.rows(explained, **named) if "Granules:" in line]

    granules = (await history._run(read))[-1]
    assert granules.partition("/")[0] in ("Granules: 1", "Granules: 2", "Granules: 3")


HOUR_MS = 3_600_000


async def test_flow_is_found_by_its_l3_id_whoever_gave_it(history: History) -> None:
    moment = now_ms()
    places = [("IPV4", "10.0.0.200"), ("IPV4", "10.0.0.1"), ("IPV6", "fd00::2"), ("IPV4", "no address"), ("", "")]
    rows = {
        uuid: flow(
            uuid, moment, moment, **ENDS | {"network_protocol": network, "network_a": a, "l3_tracking_id": number}
        )
        for uuid, ((network, a), number) in enumerate(product(places, (0, 5, 2**64 - 1)), 1)
    }
    await history.write_flows([flows(*rows.values())])

    for number in (0, 5, 2**64 - 1):
        answer = await history.flows(chosen("l3_tracking_id", number), moment - 10, moment + 10)
        found = {int(str(each["UUID"]), 16) for each in answer.flows}
        assert found == {uuid for uuid, row in rows.items() if row["l3_tracking_id"] == number}


async def test_interface_counters_of_an_interval_and_the_latest(history: History) -> None:
    metrics = [InterfaceMetric("n", "t", "h", at(s), at(s + 10), {"RxBytes": s}) for s in (1000, 1010, 1020)]
    await history.write_metrics(metrics)

    assert await history.interface_metrics(["n"], at(1010), at(1030)) == metrics[1:]
    assert await history.interface_metrics(["n"], None, None) == metrics[2:]
    assert await history.interface_metrics([], at(0), at(2000)) == []


async def test_old_rows_are_deleted_by_themselves(reopen: Reopen) -> None:
    """A part at a time, when the last of its rows is over: the latest here is the keyframe of this moment."""
    second = 1 / 86_400
    history = await reopen(HistorySettings(memory_mib=512, flows_days=second, topology_days=10 * second))
    await write_sample(history)
    await history.write_flows([flows(flow(1, now_ms(), now_ms()))])

    async def left() -> tuple[int, int]:
        rows = await history._run(
            lambda: [
                int(history._database.command(f"SELECT count() FROM {table}"))  # type: ignore[union-attr]
                for table in ("flows", "revisions WHERE keyframe = 0")
            ]
        )
        return rows[0], rows[1]

    async with asyncio.timeout(60):
        while await left() != (0, 0):  # noqa: ASYNC110  # the engine deletes in its own time and tells nobody
            await asyncio.sleep(0.2)


async def test_retention_can_be_changed(reopen: Reopen) -> None:
    history = await reopen()
    await history.write_flows([flows(flow(1, now_ms(), now_ms()))])

    history = await reopen(HistorySettings(memory_mib=512, flows_days=3))

    def rule() -> str:
        database = history._database
        assert database is not None
        return str(database.rows("SELECT engine_full FROM system.tables WHERE name = 'flows'")[0][0])

    engine = await history._run(rule)
    assert "toIntervalSecond(259200)" in engine
    # Rows are neither written anew for another time to keep them, nor for others that are over.
    assert "materialize_ttl_recalculate_only = 1" in engine
    assert "ttl_only_drop_parts = 1" in engine
    assert len((await history.flows(FlowRequest(), 0, now_ms() + 1000)).flows) == 1


async def test_what_is_to_be_kept_as_long_as_possible_is_not_deleted_at_once(reopen: Reopen) -> None:
    history = await reopen(HistorySettings(memory_mib=512, flows_days=MOST_DAYS))
    await history.write_flows([flows(flow(1, now_ms(), now_ms()))])

    def left() -> int:
        database = history._database
        assert database is not None
        database.command("OPTIMIZE TABLE flows FINAL")  # this deletes what is over
        return int(database.command("SELECT count() FROM flows"))

    assert await history._run(left) == 1


async def test_flow_comes_back_as_it_was_reported(history: History) -> None:
    moment = now_ms()
    sample = flow(
        7,
        moment - 900,
        moment - 10,
        lu_start_ns=(moment - 500) * 1_000_000 + 7,
        ab_bytes=2**62,
        lu_ab_bytes=5,
        tcp_ab_syn_ns=(moment - 900) * 1_000_000,
        tcp_ba_fin_ns=(moment - 10) * 1_000_000 - 1,
    )
    # The published baseline of the Community ID, which is not stored but computed.
    ends = {"network_protocol": "IPV4", "transport_protocol": "TCP", "community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="}
    there = {"network_a": "66.35.250.204", "network_b": "128.232.110.120", "transport_a": 80, "transport_b": 34855}
    icmp = {"network_protocol": "IPV4", "community_id": "1:kept"}
    await history.write_flows([flows(sample | ends | there, flow(8, moment - 9, moment - 8, **icmp))])

    table, _ = await history._read(lambda database: TrafficReader(database).flows(FlowRequest(), moment - 1000, moment))

    ping, found = sorted(table.to_pylist(), key=lambda row: -row["uuid"])
    assert {name: found[name] for name in (sample | ends | there)} == sample | ends | there
    assert (found["tcp_ba_syn_ns"], found["lu_ba_bytes"]) == (0, 0)
    assert ping["community_id"] == "1:kept"


async def test_top_talkers_count_a_conversation_once(history: History) -> None:
    moment = now_ms()
    ends = {
        "network_a": "10.0.0.1",
        "network_b": "10.0.0.2",
        "l3_tracking_id": 5,
        "lu_ab_bytes": 100,
        "lu_ab_packets": 2,
    }
    tap, uplink = flow(1, moment - 90, moment - 80, **ends), flow(2, moment - 90, moment - 80, node_tid="u", **ends)
    other = flow(
        3, moment - 90, moment - 80, network_a="10.0.0.1", network_b="10.0.0.3", l3_tracking_id=6, lu_ba_bytes=7
    )
    before = flow(4, moment - 9000, moment - 8000, **ends)
    await history.write_flows([flows(tap, uplink, other, before)])
    await history.write_flows([flows(tap)])

    found = await history.top_talkers(moment - 1000, moment, 2)

    assert found == [Talker("10.0.0.1", 107, 2, 2), Talker("10.0.0.2", 100, 2, 1)]


async def test_top_talkers_add_up_periods_and_take_the_point_that_saw_most(history: History) -> None:
    moment = now_ms()

    def seen(uuid: int, began: int, octets: int, **values: object) -> dict[str, object]:
        ends = {"network_a": "10.0.0.1", "network_b": "fd00::2", "l3_tracking_id": 5, "lu_ab_packets": 1}
        return flow(uuid, moment - began, moment - began + 10, lu_ab_bytes=octets, **ends, **values)

    tap = [seen(1, 90, 100), seen(1, 80, 50), seen(1, 70, 7, report_number=3)]
    uplink = [seen(2, 90, 100, node_tid="u"), seen(2, 80, 60, node_tid="u")]
    await history.write_flows([flows(*tap, *uplink)])
    await history.write_flows([flows(tap[1], tap[1])])

    found = await history.top_talkers(moment - 1000, moment, 10)

    assert found == [Talker("10.0.0.1", 160, 3, 1), Talker("fd00::2", 160, 3, 1)]


async def test_top_talker_is_found_behind_those_that_are_captured_at_many_points(history: History) -> None:
    """Five hosts whose conversation ten points saw, and one with more traffic that one point saw."""
    moment = now_ms()
    often = [
        flow(
            100 * host + point,
            moment - 90,
            moment - 80,
            network_a=f"10.0.0.{host}",
            network_b="10.0.9.9",
            l3_tracking_id=host,
            lu_ab_bytes=1000,
            node_tid=f"tap-{point}",
        )
        for host in range(1, 6)
        for point in range(10)
    ]
    once: dict[str, Any] = {"network_a": "10.1.1.1", "network_b": "10.1.1.2", "l3_tracking_id": 77, "lu_ab_bytes": 5001}
    await history.write_flows([flows(*often, flow(7, moment - 90, moment - 80, **once))])

    assert await history.top_talkers(moment - 1000, moment, 1) == [Talker("10.1.1.1", 5001, 0, 1)]
    two = await history.top_talkers(moment - 1000, moment, 3)
    assert [(talker.address, talker.bytes) for talker in two] == [
        ("10.1.1.1", 5001),
        ("10.1.1.2", 5001),
        ("10.0.9.9", 5000),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_top_talkers_are_those_that_adding_up_every_report_gives(history: History, seed: int) -> None:
    chance, moment = random.Random(seed), now_ms()
    rows = []
    for conversation in range(150):
        a, b = (f"10.0.{side}.{int(chance.paretovariate(0.5)) % 20}" for side in (0, chance.randrange(2)))
        for uuid, began in product(chance.sample(range(9), chance.choice([1, 1, 4])), (90, 80, 70)):
            each = {"network_a": a, "network_b": b, "l3_tracking_id": conversation, "node_tid": f"tap-{uuid}"}
            counted = {"lu_ab_bytes": chance.randrange(50), "lu_ba_packets": chance.randrange(3)}
            rows += [flow(9 * conversation + uuid, moment - began, moment - began + 9, **each, **counted)] * (
                1 + (chance.random() < 0.2)
            )
    await history.write_flows([flows(*rows)])

    expected = _added_up(rows)

    for limit in (0, 1, 2, 5, 30, 10_000):
        assert await history.top_talkers(moment - 1000, moment, limit) == expected[:limit]


def _added_up(rows: Sequence[Mapping[str, Any]]) -> list[Talker]:
    """Return the talkers of rows, the greatest first."""
    points: dict[tuple[int, int], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        points.setdefault((row["l3_tracking_id"], row["uuid"]), {})[row["lu_start_ns"]] = row
    most: dict[int, tuple[int, int]] = {}
    ends: dict[int, tuple[str, str]] = {}
    for (conversation, _), periods in points.items():
        octets = sum(row["lu_ab_bytes"] for row in periods.values())
        count = sum(row["lu_ba_packets"] for row in periods.values())
        before = most.get(conversation, (0, 0))
        most[conversation] = (max(octets, before[0]), max(count, before[1]))
        ends[conversation] = next((row["network_a"], row["network_b"]) for row in periods.values())
    sums: dict[str, list[int]] = {}
    for conversation, counted in most.items():
        for address in ends[conversation]:
            added = (*counted, 1)
            sums[address] = [a + b for a, b in zip(sums.get(address, (0, 0, 0)), added, strict=True)]
    return sorted((Talker(address, *each) for address, each in sums.items()), key=lambda t: (-t.bytes, t.address))


@pytest.mark.parametrize(
    ("sql", "named"),
    [(TOP_TALKERS, {"limit": 1, "candidates": 4, "floor": 0}), (FLOW_PERIODS, {"limit": 1, "uuids": [7]})],
    ids=["top talkers", "periods of a flow"],
)
async def test_reports_are_read_only_of_their_time(history: History, sql: str, named: dict[str, object]) -> None:
    """Of twenty thousand minutes in two blocks of rows, the last."""

    def read() -> list[str]:
        database = history._database
        assert database is not None
        database.command(
            "INSERT INTO flow_metrics (uuid, network_a, lu_start_ns, lu_last_ns) "
            f"SELECT 7, '10.0.0.1', number * {MINUTE_NS}, number * {MINUTE_NS} FROM numbers(20000)"
        )
        last = 19_999 * MINUTE_NS
        rows = database.rows(f"EXPLAIN indexes = 1 {sql}", start=last, last=last, **named)
        return [line.strip() for (line,) in rows if "Granules:" in line]

    assert "Granules: 1/2" in await history._run(read)


async def test_filter_reads_only_what_may_pass_and_misses_nothing(history: History) -> None:
    await write_sample(history)
    by_state = Wanted(Kind.NODES, None, (('"UP"',), ('State":',)))

    point = await history.graph(at(1016), at(1016), by_state)
    before = await history.graph(at(1009), at(1009), by_state)
    interval = await history.graph(at(1005), at(1016), by_state)
    one = await history.graph(at(1016), at(1016), Wanted(Kind.EDGES, "HA"))

    assert sorted(each.id for each in point.nodes()) == ["A", "B"]
    assert before.node_count() == 0
    assert [(each.id, each.revision) for each in interval.revisions("A")] == [("A", 1), ("A", 2)]
    assert [each.id for each in one.edges()] == ["HA"]


async def test_edge_without_its_ends_is_not_shown(history: History) -> None:
    await write_sample(history)
    await history.write_changes([batch(5, 1025, NodeChange("deleted", node("B", 1015)))], 5)

    graph = await history.graph(at(1026), at(1026))

    assert [each.id for each in graph.nodes()] == ["H"]
    assert graph.edge_count() == 0


async def test_what_lived_a_millisecond_is_found(history: History) -> None:
    born, moment = node("M", 1030, created=1030), at(1030)
    gone = msgspec.structs.replace(born, deleted_at=moment + 1)
    await history.write_changes([batch(1, 1030, NodeChange("added", born, "netlink"))], 1)
    await history.write_changes([batch(2, 1031, NodeChange("deleted", gone, "netlink"))], 2)

    told = await history.changes(moment - 1, moment + 10)

    assert [(each.time - moment, each.change, each.probe) for each in told] == [
        (0, "added", "netlink"),
        (1, "removed", "netlink"),
    ]
    assert (await history.graph(moment, moment)).node("M") is not None
    assert (await history.graph(moment + 1, moment + 1)).node("M") is None
    assert (await history.graph(moment - 5, moment + 60_000)).node("M") is not None
    assert await history.difference(moment - 1, moment + 10) == []


async def test_difference_between_two_times_is_the_net_effect(history: History) -> None:
    await write_sample(history)

    found = await history.difference(at(1000), at(1030))

    assert [(each.change, each.id) for each in found if each.kind == "node"] == [("added", "B"), ("removed", "A")]


async def test_long_read_does_not_hold_up_a_write(history: History) -> None:
    written = threading.Event()

    def read(database: Database) -> bool:
        database.rows("SELECT count() FROM flows")
        return written.wait(60)

    async def write() -> None:
        await history.write_flows([flows(flow(1, now_ms(), now_ms()))])
        written.set()

    read_to_the_end, _ = await asyncio.gather(history._read(read), write())

    assert read_to_the_end


async def test_statements_beside_each_other_keep_their_parameters(history: History) -> None:
    async def echoed(number: int) -> int:
        rows = await history._read(lambda database: database.rows("SELECT {n:Int64} + sleep(0.001)", n=number))
        return int(rows[0][0])

    assert await asyncio.gather(*map(echoed, range(200))) == list(range(200))


async def test_history_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    database = Database.open(SETTINGS, tmp_path)
    write_first_version(database)
    database.close()

    history = await History.open(SETTINGS, tmp_path)
    graphs = [await history.graph(at(second), at(second)) for second in (1005, 1012, 1030)]
    answer = await history.flows(FlowRequest(), at(0), now_ms())
    await history.close()

    assert [[(each.id, each.revision) for each in graph.nodes()] for graph in graphs] == [
        [("A", 1)],
        [("A", 2)],
        [("A", 2)],
    ]
    assert [(each["UUID"], each["Last"]) for each in answer.flows] == [("7", at(1020))]


class Interrupted(Exception):
    """Stands for kill -9 between two statements."""


class Interruptible(Database):
    """A connection that is cut off after the first statement that is not among those `done` before."""

    def __init__(self, database: Database, done: set[str]) -> None:
        super().__init__(database._client, database._connect, in_process=True)
        self._done = done

    def command(self, sql: str, **parameters: object) -> str:
        answer = super().command(sql, **parameters)
        if sql not in self._done:
            self._done.add(sql)
            raise Interrupted
        return answer


async def test_update_interrupted_after_any_statement_is_taken_up_again(tmp_path: Path) -> None:
    database = Database.open(SETTINGS, tmp_path)
    write_first_version(database)
    done: set[str] = set()
    while not finishes(Interruptible(database, done)):
        pass
    database.close()

    history = await History.open(SETTINGS, tmp_path)
    graphs = [await history.graph(at(second), at(second)) for second in (1005, 1012, 1030)]
    answer = await history.flows(FlowRequest(), at(0), now_ms())
    tracked = await history.flows(chosen("tracking_id", TRACKED), at(0), now_ms())
    tables = await history._read(lambda base: base.rows("SELECT name FROM system.tables WHERE database = 'netsonde'"))
    await history.close()

    assert len(done) > 30
    assert [[each.revision for each in graph.nodes()] for graph in graphs] == [[1], [2], [2]]
    assert [(each["UUID"], each["Last"]) for each in answer.flows] == [("7", at(1020))]
    assert tracked.flows == answer.flows
    assert not [
        name for (name,) in tables if name.endswith(("_rebuilt", "_filled", "_before")) or name == "node_revisions"
    ]


async def test_second_start_changes_no_table(tmp_path: Path) -> None:
    database = Database.open(SETTINGS, tmp_path)
    migrate(database, SETTINGS)
    again = Interruptible(database, set())
    said: set[str] = set()
    while not finishes(again):
        said |= again._done
    database.close()

    assert any(sql.startswith("CREATE TABLE IF NOT EXISTS flows ") for sql in said)
    assert not [sql for sql in said if sql.startswith(("ALTER", "INSERT", "EXCHANGE"))]


SCHEMA_3 = Path(__file__).parents[1] / "data/history/flows_of_schema_3.sql"
ENDS = {
    "network_protocol": "IPV4",
    "network_a": "10.0.0.200",
    "network_b": "10.0.0.3",
    "transport_protocol": "TCP",
    "transport_a": 51234,
    "transport_b": 80,
}


def chosen(column: str, *values: int) -> FlowRequest:
    return FlowRequest(where=[[FlowTest(column, "in", list(values))]])


def finishes(database: Database) -> bool:
    try:
        migrate(database, SETTINGS)
    except Interrupted:
        return False
    return True


def write_migrations(database: Database, last: int) -> None:
    """Bring an empty database to a former schema."""
    database.command(
        "CREATE TABLE migrations (number UInt32, name String, at DateTime64(3) DEFAULT now64(3)) "
        "ENGINE = MergeTree ORDER BY number"
    )
    for number, name, steps in migrations()[:last]:
        for step in steps:
            database.command(step)
        database.command(f"INSERT INTO migrations (number, name) VALUES ({number}, '{name}')")


def write_first_version(database: Database) -> None:
    """Make the tables as schema 1 had them, with two revisions, a keyframe between them, and a flow."""
    write_migrations(database, 1)
    columns = "id, at, valid_from, recorded, revision, created, keyframe, host, origin, metadata"
    for second, revision, began, keyframe in ((1000, 1, 1000, 0), (1006, 1, 1000, 1), (1010, 2, 1010, 0)):
        database.command(
            f"INSERT INTO node_revisions ({columns}) VALUES "
            f"('A', {at(second)}, {at(began)}, 1, {revision}, {at(1000)}, {keyframe}, 'h', 'o', '{{}}')"
        )
    database.command(f"INSERT INTO keyframes VALUES ({at(1006)})")
    kinds = ", ".join(f"{each.name} {column_kind(each)}" for each in FLOW_SCHEMA)
    database.command(
        f"CREATE TABLE flows ({kinds}, recorded_at DateTime('UTC') DEFAULT now()) "
        "ENGINE = ReplacingMergeTree(report_number) ORDER BY (node_tid, uuid, capture_id)"
    )
    values = f"(7, {TRACKED}, {at(1000)}000000, {at(1020)}000000)"
    database.command(f"INSERT INTO flows (uuid, tracking_id, start_ns, last_ns) VALUES {values}")


TRACKED = 2**63 + 5


WRITER = """
import asyncio, os, sys
from pathlib import Path
from history_rows import flow, flows, now_ms
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Node
from netsonde.model.topology import NodeChange, TopologyBatch
from netsonde.process import leave_standard_input

async def main():
    leave_standard_input()
    history = await History.open(HistorySettings(memory_mib=512), Path(sys.argv[1]))
    number = int(sys.argv[2])
    while True:
        number += 1
        moment = now_ms()
        await history.write_flows([flows(*(flow(number * 100 + i, moment, moment) for i in range(100)))])
        node = Node(f"n{number}", {}, "h", "agent.h", moment, moment)
        await history.write_changes([TopologyBatch("h", "e", number, 0, [NodeChange("added", node)])], number)
        say("wrote", number)

def say(*words):
    # In one piece, so that neither a kill nor another process can cut the line.
    os.write(2, (" ".join(map(str, words)) + "\\n").encode())

asyncio.run(main())
"""


async def start_writer(directory: Path, script: str = WRITER) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(directory),
        "0",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def test_nothing_written_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    writer = await start_writer(tmp_path)
    assert writer.stderr is not None
    written = 0
    while written < 30:
        _, written = await said(writer.stderr)
    writer.kill()
    rest = await writer.stderr.read()
    await writer.wait()
    written = int(rest.split()[-1]) if rest.split() else written

    history = await History.open(SETTINGS, tmp_path)

    found = await history.flows(FlowRequest(limit=1_000_000), 0, now_ms())
    graph = await history.graph(now_ms(), now_ms())
    position = history.topology_position
    await history.close()
    assert len(found.flows) >= written * 100
    assert graph.node_count() >= written
    assert position >= written


NURSERY = (
    WRITER.replace("asyncio.run(main())", "")
    + """
# The first table that is made imports pandas: once here, not in each writer. The engine cannot be loaded before a
# fork: its threads would be missing in the child, which waits for them.
flows(flow(1, 0, 0))
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv[2] = line
        asyncio.run(main())
    say("pid", child)
    os.waitpid(child, 0)
    say("gone")
"""
)
"""Forks a writer for each line: what a process needs to import is read once."""


@pytest.mark.timeout(300)
async def test_killed_twenty_times_while_writing_it_keeps_all_that_was_written(tmp_path: Path) -> None:
    """Each round a process opens what the one before left, writes from there on, and is killed somewhere in a write."""
    chance = random.Random(11)
    written = 0
    nursery = await start_writer(tmp_path, script=NURSERY)
    for _ in range(20):
        assert nursery.returncode is None, f"the nursery ended with {nursery.returncode}"
        written = await killed_while_writing(nursery, written, chance)
    nursery.kill()
    await nursery.wait()

    history = await History.open(SETTINGS, tmp_path)
    found = await history.flows(FlowRequest(limit=1_000_000), 0, now_ms())
    graph = await history.graph(now_ms(), now_ms())
    broken = await history._read(
        lambda database: database.rows("SELECT name FROM system.detached_parts WHERE reason LIKE 'broken%'")
    )
    await history.close()
    assert {f"{number * 100:x}" for number in range(1, written + 1)} <= {each["UUID"] for each in found.flows}
    assert {f"n{number}" for number in range(1, written + 1)} <= {each.id for each in graph.nodes()}
    assert broken == []


async def killed_while_writing(nursery: asyncio.subprocess.Process, written: int, chance: random.Random) -> int:
    """Let a new process write some batches more, kill it, and return the last that it said it had written."""
    assert nursery.stdin is not None
    assert nursery.stderr is not None
    nursery.stdin.write(f"{written}\n".encode())
    pid, enough = 0, written + chance.randrange(1, 4)
    while written < enough or not pid:
        word, number = await said(nursery.stderr)
        pid, written = (number, written) if word == "pid" else (pid, number)
    await asyncio.sleep(chance.random() * 0.05)
    os.kill(pid, signal.SIGKILL)
    while (words := await said(nursery.stderr))[0] != "gone":
        written = words[1]
    return written


async def said(stderr: asyncio.StreamReader) -> tuple[str, int]:
    """Return what a writer says next: that it wrote a batch, `pid`, or `gone`; anything else is what it died of."""
    line = await stderr.readline()
    found = re.fullmatch(rb"(?:(pid|wrote) (\d+)|gone)\n", line)
    if found is None:
        async with asyncio.timeout(5):
            pytest.fail((line + await stderr.read(1 << 16)).decode(errors="replace"))
    return (found[1] or b"gone").decode(), int(found[2] or 0)


async def test_directory_has_one_owner(tmp_path: Path) -> None:
    writer = await start_writer(tmp_path)
    assert writer.stderr is not None
    await writer.stderr.readline()

    with pytest.raises(UserError, match=f"in use by process {writer.pid}"):
        await History.open(SETTINGS, tmp_path)

    writer.kill()
    await writer.wait()


async def test_what_comes_by_standard_input_becomes_no_row(tmp_path: Path) -> None:
    """The engine would take it for rows of the next insert, and refuse that."""
    writer = await start_writer(tmp_path)
    assert writer.stdin is not None
    assert writer.stderr is not None
    writer.stdin.write(b"no row\n")
    assert await said(writer.stderr) == ("wrote", 1)
    writer.kill()
    await writer.wait()


async def test_server_address_selects_the_server(tmp_path: Path) -> None:
    with pytest.raises(SourceLost, match=r"127\.0\.0\.1"):
        await History.open(HistorySettings(url="http://127.0.0.1:9/x"), tmp_path)
    with pytest.raises(UserError, match="no address"):
        await History.open(HistorySettings(url="clickhouse"), tmp_path)
    assert not os.listdir(tmp_path)


class Logged:
    """What a topology stream yields."""

    def __init__(self, batches: list[TopologyBatch], position: int) -> None:
        self.batches = batches
        self.position = position


class Stream:
    """A topology stream with a fixed content."""

    def __init__(self, *logged: Logged) -> None:
        self._logged = logged
        self.after = -1

    async def batches(self, after: int) -> AsyncIterator[Logged]:
        self.after = after
        for each in self._logged:
            yield each


async def test_recording_asks_a_new_agent_for_its_graph(history: History) -> None:
    await write_sample(history)
    stream = Stream(Logged([batch(1, 1040, epoch="f")], 5))

    async def fetch(host: str) -> TopologySnapshot:
        return TopologySnapshot(host, "f", 1, [node("H", 1040)], [])

    await record_topology(history, stream, fetch)  # type: ignore[arg-type]

    assert stream.after == 4
    assert history.topology_position == 5
    assert [each.id for each in (await history.graph(now_ms(), now_ms())).nodes()] == ["H"]
