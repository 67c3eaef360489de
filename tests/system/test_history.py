# SPDX-License-Identifier: Apache-2.0
"""Topology in the history of a real chDB: looking back, restarts, changes, what filters leave unread."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from history_rows import now_ms
from netsonde.errors import SourceLost, UserError
from netsonde.history.history import History
from netsonde.history.recording import record_topology
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Node
from netsonde.model.topology import InterfaceMetric, NodeChange, TopologyBatch, TopologySnapshot
from netsonde.query import Kind, Wanted
from system.recorded import BEGIN, Reopen, at, batch, check_sample, edge, node, seen, write_sample

pytestmark = pytest.mark.system


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


async def test_interface_counters_of_an_interval_and_the_latest(history: History) -> None:
    metrics = [InterfaceMetric("n", "t", "h", at(s), at(s + 10), {"RxBytes": s}) for s in (1000, 1010, 1020)]
    await history.write_metrics(metrics)

    assert await history.interface_metrics(["n"], at(1010), at(1030)) == metrics[1:]
    assert await history.interface_metrics(["n"], None, None) == metrics[2:]
    assert await history.interface_metrics([], at(0), at(2000)) == []


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
