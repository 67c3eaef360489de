# SPDX-License-Identifier: Apache-2.0
"""Long queries run beside the event loop, on one moment of the graph, within limits, while somebody waits for them."""

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from netsonde.analyzer.queries import QueryService
from netsonde.graph import Batch, Graph
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.flows import FlowAnswer, FlowRequest
from netsonde.query import Busy, LimitReached, Limits, Result, Sources
from netsonde.query.workers import Workers, WorkerSettings

LONG = "G.V()" + ".Both()" * 9 + ".Dedup().Count()"


def a_ring(size: int) -> Graph:
    graph = Graph("h1", "agent.h1", lambda: 1)
    batch = Batch()
    for number in range(size):
        batch.put_node(f"n{number}", "test", {"Name": f"n{number}", "Turn": 0, "TID": f"t{number}"})
        batch.put_edge(None, f"n{number}", f"n{(number + 1) % size}", "test", {"RelationType": "layer2"})
    graph.apply(batch)
    return graph


@asynccontextmanager
async def a_service(
    graph: Graph, limits: Limits | None = None, *, places: int = 2, waiting: int = 4, **sources: Any
) -> AsyncIterator[QueryService]:
    workers = Workers(WorkerSettings(places, waiting))
    try:
        yield QueryService(Sources(graph, **sources), limits or Limits(), workers)
    finally:
        workers.close()


def in_thread(result: Result, look: Any) -> tuple[Any, bool]:
    return result.value, threading.current_thread() is not threading.main_thread()


async def test_a_short_query_is_answered_at_once_and_a_long_one_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is short is judged by the clock, which on a busy machine goes on while nothing is computed.
    async with a_service(a_ring(400)) as service:
        monkeypatch.setattr("netsonde.query.executor._ATTEMPT", 60.0)
        short = await service.answer("G.V().Has('Name', 'n7').Count()", None, in_thread)
        monkeypatch.setattr("netsonde.query.executor._ATTEMPT", -1.0)
        long = await service.answer(LONG, None, in_thread)

    assert short == (1, False)
    assert long == (400, True)


async def test_the_loop_turns_while_a_query_computes() -> None:
    async with a_service(a_ring(400), Limits(seconds=0.2, rows=2**40)) as service:
        query = asyncio.get_running_loop().create_task(service.run("G.V()" + ".Both()" * 30))
        turns = 0
        while not query.done():
            await asyncio.sleep(0.001)
            turns += 1
        with pytest.raises(LimitReached, match=r"more than 0\.2 s"):
            await query

    assert turns > 10


async def test_every_step_sees_the_moment_at_which_the_query_began() -> None:
    graph = a_ring(50)

    class Agents:
        async def flows(self, request: FlowRequest) -> FlowAnswer:
            batch = Batch()
            batch.delete_node("n1")
            batch.put_node("n2", "test", {"Name": "changed", "TID": "t2"})
            batch.put_node("new", "test", {"Name": "new", "TID": "t3"})
            graph.apply(batch)
            return FlowAnswer([{"UUID": tid, "NodeTID": tid} for tid in ("t1", "t2", "t3")])

    async with a_service(graph, flows=Agents()) as service:
        found = await service.answer("G.Flows().CaptureNode().Values('Name')", None, lambda result, _: result.value)

    assert found == ["n1", "n2", "n3"]
    assert graph._frozen == ()


async def test_a_query_ends_when_its_client_is_gone_and_its_place_is_free_then() -> None:
    class HungUp(Exception):
        pass

    async def gone() -> None:
        raise HungUp

    graph = a_ring(400)
    async with a_service(graph, Limits(seconds=60, rows=2**60), places=1) as service:
        with pytest.raises(HungUp):
            await service.answer("G.V()" + ".Both()" * 30, None, in_thread, gone=gone)

        assert await service.answer(LONG, None, in_thread) == (400, True)
    assert graph._frozen == ()


async def test_a_query_that_needs_too_much_memory_is_stopped() -> None:
    async with a_service(a_ring(400), Limits(memory=4 << 20, seconds=60, rows=2**60)) as service:
        with pytest.raises(LimitReached, match="more than 4 MiB of memory"):
            await service.run("G.V()" + ".Both()" * 30)


class Row:
    """Something that a query computes."""


async def test_what_a_failed_query_had_is_given_back_before_anybody_looks_for_garbage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    had: list[weakref.ref[Row]] = []
    given_back = threading.Event()

    def too_much(_: Result, __: Any) -> None:
        row = Row()
        had.append(weakref.ref(row, lambda _: given_back.set()))
        raise LimitReached("it is enough")

    async def stays() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("netsonde.query.executor._ATTEMPT", -1.0)
    async with a_service(a_ring(10), places=1) as service:
        gc.disable()
        try:
            with suppress(LimitReached):
                await service.answer(LONG, None, too_much, gone=stays)
            # The thread that computed it may still be on its way out of the query.
            assert await asyncio.to_thread(given_back.wait, 5)
            assert len(had) == 1
        finally:
            gc.enable()


async def test_more_long_queries_than_places_and_queue_are_refused() -> None:
    async with a_service(a_ring(400), Limits(seconds=60, rows=2**60), places=1, waiting=2) as service:
        loop = asyncio.get_running_loop()
        running = [loop.create_task(service.run("G.V()" + ".Both()" * 30)) for _ in range(2)]
        await asyncio.sleep(0.02)

        with pytest.raises(Busy, match="long queries are waiting already"):
            await service.run(LONG)

        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def test_a_long_text_is_read_in_a_thread() -> None:
    names = ", ".join(f"'n{number}'" for number in range(300))
    async with a_service(a_ring(20)) as service:
        found = await service.answer(f"G.V().Has('Name', Within({names})).Count()", None, in_thread)

    assert found == (20, True)


async def test_the_whole_graph_is_given_in_order_of_creation() -> None:
    ticks = iter([50, 10])
    graph = Graph("h1", "agent.h1", lambda: next(ticks))
    for name in ("late", "early"):
        batch = Batch()
        batch.put_node(name, "test", {})
        graph.apply(batch)
    async with a_service(graph) as service:
        found = json.loads(await service.graph_json())

    assert [node["ID"] for node in found["Nodes"]] == ["early", "late"]
    assert found["Edges"] == []


@pytest.mark.parametrize(
    ("text", "calls"), [("G.workflow('Rack', 'r1').V()", True), ("G.V().Has('Name', 'Workflow(')", False)]
)
async def test_a_check_says_whether_a_query_calls_a_workflow(text: str, calls: bool) -> None:
    async with a_service(a_ring(1)) as service:
        assert service.check(text).calls_workflow is calls


async def test_explain_tells_rows_and_time_of_each_step() -> None:
    async with a_service(a_ring(30)) as service:
        told: Any = await service.explain("G.V().Has('Name', 'n7').Both().Limit(1)", profile=True)
        plain: Any = await service.explain("G.V().Has('Name', 'n7').Both().Limit(1)")

    assert [(step["Step"], step["Index"], step["Rows"]) for step in told["Steps"]] == [
        ("V.Has", "Name", 1),
        ("Both", None, 2),
        ("Limit", None, 1),
    ]
    assert all(step["Milliseconds"] >= 0 for step in told["Steps"])
    assert (told["Gives"], told["Rows"], told["Reason"]) == ("nodes", 1, "")
    assert "Rows" not in plain
    assert plain["Reads"] == {"nodes": ["Name"]}


async def test_explain_says_why_nothing_is_found_also_in_the_past() -> None:
    class History:
        async def graph(self, start_ms: int, last_ms: int) -> SnapshotGraph:
            return SnapshotGraph(list(a_ring(3).nodes()), [])

        async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer:
            return FlowAnswer([])

        async def packets(self, request: object, start_ms: int, last_ms: int) -> Sequence[bytes]:
            return []

    async with a_service(a_ring(3), history=History()) as service:
        live: Any = await service.explain("G.V().Has('Nam', 'n1')")
        past: Any = await service.explain("G.At('-5m').V().Has('Name', 'n1').Out().Out()", profile=True)
        flows: Any = await service.explain("G.At('-5m').Flows()", profile=True)

    assert (live["Reason"], live["Hint"]) == ("no node has the key 'Nam'", "did you mean 'Name'?")
    assert past["Reason"] == "Out leaves none of the nodes before it"
    assert [step["Rows"] for step in past["Steps"]] == [0, 1, 0, 0]
    assert (flows["Reason"], flows["Rows"]) == ("", 0)
