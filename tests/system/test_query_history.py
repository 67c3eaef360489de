# SPDX-License-Identifier: Apache-2.0
"""The examples of the language's specification in a real history, and random filters that become SQL."""

import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from flow_tests import asking_for_everything, columns_of
from history_rows import flows, packets
from netsonde.graph.reader import GraphReader
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history.history import History
from netsonde.history.settings import HistorySettings
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch
from netsonde.query import Limits, Sources, Wanted, parse, run
from unit.query.cases import LAB, TIMELINE, cases, in_the_past, same
from unit.query.flow_generator import START_MS, random_flows, random_query
from unit.query.lab import T0, T0_MS, as_ids, lab_elements, lab_flows, timeline

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]

SETTINGS = HistorySettings(topology_days=25_000, keyframe_hours=1e6, memory_mib=512)
"""Kept for long enough that neither the year 1970 nor 2023 is forgotten."""
WORDS = {"trk-ping": "a1", "trk-web": "a2", "l3-ping": "b1", "l3-web": "b2"}
"""Ids of the sample, and the hexadecimal numbers that stand for them in stored flows."""
LIMITS = Limits(seconds=60.0)


def _batch(sequence: int, at_ms: int, *changes: Change) -> TopologyBatch:
    return TopologyBatch("h1", "epoch", sequence, at_ms * 1_000_000, list(changes))


async def _write_timeline(history: History) -> int:
    """Write graph TL, and end what is left of it at second 5000."""
    sample = timeline()
    first, down, up, late = (_living(node) for node in sample.nodes)
    gone, stays = (_living(edge) for edge in sample.edges)
    batches = [
        _batch(1, 1_000_000, NodeChange("added", first), NodeChange("added", down), EdgeChange("added", gone)),
        _batch(2, 1_010_000, NodeChange("updated", up)),
        _batch(3, 1_015_000, NodeChange("added", late), EdgeChange("added", stays)),
        _batch(4, 1_020_000, EdgeChange("deleted", gone), NodeChange("deleted", up)),
        _batch(5, 5_000_000, EdgeChange("deleted", stays), NodeChange("deleted", late), NodeChange("deleted", first)),
    ]
    await history.write_changes(batches, 5)
    return len(batches)


def _living(element: Any) -> Any:
    """Return the element as its agent published it while it lived."""
    return type(element)(**{**{f: getattr(element, f) for f in element.__struct_fields__}, "deleted_at": None})


async def _write_lab(history: History, sequence: int) -> None:
    nodes, edges = lab_elements()
    changes: list[tuple[int, Change]] = [(node.created_at, NodeChange("added", node)) for node in nodes]
    changes += [(edge.created_at, EdgeChange("added", edge)) for edge in edges]
    batches = [_batch(sequence + at, at_ms, change) for at, (at_ms, change) in enumerate(changes, 1)]
    await history.write_changes(batches, sequence + len(batches))
    await history.write_flows([flows(*(_row(record) for record in lab_flows()))])
    frame = bytes.fromhex("0200000002020200000001020800")
    first = {"ts_ns": (T0_MS + 30_000) * 1_000_000, "wire_len": 14, "data": frame, "link_type": 1}
    await history.write_packets([packets({**first, "node_tid": "tid-br0", "flow_uuid": 0xF1, "capture_id": "cap-1"})])


def _row(record: dict[str, Json]) -> dict[str, Any]:
    record = {key: WORDS.get(value, value) if isinstance(value, str) else value for key, value in record.items()}
    row = columns_of(record)
    if "LastUpdateMetric" not in record:
        totals = ("ab_packets", "ab_bytes", "ba_packets", "ba_bytes")
        row |= {f"lu_{name}": row[name] for name in totals} | {
            "lu_start_ns": row["start_ns"],
            "lu_last_ns": row["last_ns"],
        }
    return row | {"report_number": 1}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def history(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[History]:
    """Both sample graphs, at their times, in one store."""
    store = await History.open(SETTINGS, Path(tmp_path_factory.mktemp("history")))
    await _write_lab(store, await _write_timeline(store))
    yield store
    await store.close()


class Remembering:
    """History that reads each whole graph from the database once; the tests ask for few, many times."""

    _graphs: ClassVar[dict[tuple[int, int], GraphReader]] = {}

    def __init__(self, history: History) -> None:
        self.flows, self.packets, self.flow_periods = history.flows, history.packets, history.flow_periods
        self.changes, self.difference, self.top_talkers = history.changes, history.difference, history.top_talkers
        self._history = history

    async def graph(self, start_ms: int, last_ms: int, wanted: Wanted | None = None) -> GraphReader:
        if wanted is not None:
            return await self._history.graph(start_ms, last_ms, wanted)
        found = self._graphs.get((start_ms, last_ms))
        if found is None:
            found = self._graphs[start_ms, last_ms] = await self._history.graph(start_ms, last_ms)
        return found


async def _answer(history: History, query: str, now_ms: int) -> object:
    sources = Sources(SnapshotGraph((), ()), history=Remembering(history), metrics=history, now_ms=lambda: now_ms)
    for word, number in WORDS.items():
        query = query.replace(f'"{word}"', f'"{number}"')
    return _with_words(as_ids((await run(parse(query), sources, LIMITS)).value))


def _with_words(value: object) -> object:
    words = {number: word for word, number in WORDS.items()}
    if isinstance(value, dict):
        return {words.get(key, key): _with_words(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_words(member) for member in value]
    return words.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize(("query", "expected"), cases(LAB))
async def test_examples_hold_in_a_real_history(history: History, query: str, expected: object) -> None:
    found = await _answer(history, in_the_past(query, T0 + 60), T0_MS + 60_000)

    assert same(found, expected), found


@pytest.mark.parametrize(("query", "expected"), cases(TIMELINE))
async def test_examples_of_the_timeline_hold_in_a_real_history(history: History, query: str, expected: object) -> None:
    found = await _answer(history, query, 1_030_000)

    assert same(found, expected), found


async def test_the_past_shows_elements_as_they_were(history: History) -> None:
    graph = await history.graph(T0_MS + 60_000, T0_MS + 60_000)
    nodes, edges = lab_elements()

    assert sorted(graph.nodes(), key=_id) == sorted(nodes, key=_id)
    assert sorted(graph.edges(), key=_id) == sorted(edges, key=_id)


def _id(element: Node | Edge) -> str:
    return element.id


def _uuids(value: object) -> Sequence[object]:
    return [flow["UUID"] for flow in value] if isinstance(value, list) else []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def random_history(history: History) -> History:
    """Flows of several reports each, and later ones of the same flows that say otherwise."""
    await history.write_flows([flows(*random_flows(random.Random(1), 200, reports=4))])
    return history


@pytest.mark.parametrize("seed", range(2))
async def test_conditions_in_sql_give_what_testing_every_flow_gives(random_history: History, seed: int) -> None:
    pick = random.Random(seed)
    sources = Sources(SnapshotGraph((), ()), history=random_history)
    found = 0
    for _ in range(20):
        query = random_query(pick).replace("G.", f"G.At({START_MS + 1000}).", 1)
        plan = parse(query)

        narrowed = _uuids((await run(plan, sources, LIMITS)).value)
        whole = _uuids((await run(asking_for_everything(plan), sources, LIMITS)).value)

        assert narrowed == whole, query
        found += len(narrowed)
    assert found > 0
