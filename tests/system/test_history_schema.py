# SPDX-License-Identifier: Apache-2.0
"""Tables of earlier builds in a real chDB: brought up to date with all that is in them."""

from pathlib import Path

import pyarrow as pa
import pytest

from history_rows import flow, flows, now_ms, packet, packets
from netsonde.flows.schema import FLOW_SCHEMA
from netsonde.history.database import Database
from netsonde.history.derived import column_kind
from netsonde.history.history import History
from netsonde.history.schema import migrate, migrations, statements
from netsonde.history.traffic import TrafficReader
from netsonde.model.flows import FlowRequest, PacketRequest
from system.recorded import ENDS, SETTINGS, Reopen, at, chosen

pytestmark = pytest.mark.system


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
