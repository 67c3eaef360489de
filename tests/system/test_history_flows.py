# SPDX-License-Identifier: Apache-2.0
"""Flows and packets in the history of a real chDB: how they are found, how long they stay."""

import asyncio
import threading
from collections.abc import Sequence
from itertools import product
from typing import Any

import pyarrow as pa
import pytest

from history_rows import flow, flows, now_ms, packet, packets
from netsonde.flows.schema import PACKET_SCHEMA
from netsonde.history.database import Database
from netsonde.history.derived import FLOWS
from netsonde.history.flow_conditions import flow_sql
from netsonde.history.history import History
from netsonde.history.places import where_they_lie
from netsonde.history.settings import MOST_DAYS, HistorySettings
from netsonde.history.traffic import TrafficReader
from netsonde.model.flows import FlowRequest, FlowTest, PacketRequest
from system.recorded import ENDS, HOUR_MS, Reopen, chosen, write_sample

pytestmark = pytest.mark.system


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
