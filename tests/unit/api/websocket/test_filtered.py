# SPDX-License-Identifier: Apache-2.0
"""Filters on a real graph: those that are followed, and those that are asked anew."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings

from netsonde.analyzer.filters import FilterService
from netsonde.analyzer.queries import QueryService
from netsonde.api.services import Queries
from netsonde.api.websocket.filtered import Asked, Followed
from netsonde.api.websocket.handshake import Handshake, Policy
from netsonde.api.websocket.hub import Client, Hub
from netsonde.api.websocket.subscriber import Subscriber
from netsonde.errors import UserError
from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.query import FollowedView, Limits, Sources
from unit.api.fakes import Fakes
from unit.query.generator import Pick, change, picks, some_pairs
from unit.query.naive import Step, text_of
from unit.query.plan_generator import standing_query

VETH = "G.V().Has('Type', 'veth').SubGraph()"
NEWEST = "G.V().Has('Type', 'veth').Sort(DESC, 'Name').Limit(2).SubGraph()"


class Real:
    """The API's services over a real graph and the real query engine, which counts what is asked."""

    def __init__(self) -> None:
        clock = iter(range(1000, 10**9))
        self.graph = Graph("h", "agent.h", lambda: next(clock))
        queries = QueryService(Sources(self.graph), Limits())
        self.queries = Counting(queries)
        self.services = replace(
            Fakes.new().services(),
            graph=self.graph,
            graph_json=queries.graph_json,
            queries=cast("Queries", self.queries),
            filters=FilterService(self.graph),
        )
        self.hub = Hub(self.services)

    def put(self, *nodes: str, edges: Sequence[tuple[str, str]] = (), **metadata: Any) -> None:
        batch = Batch()
        for node in nodes:
            batch.put_node(node, "p", {"Name": node, **metadata})
        for parent, child in edges:
            batch.put_edge(f"{parent}-{child}", parent, child, "p", {"RelationType": "layer2"})
        self.graph.apply(batch)

    def fill(self, fill: Callable[[Batch], None]) -> None:
        batch = Batch()
        fill(batch)
        self.graph.apply(batch)


class Counting:
    def __init__(self, queries: QueryService) -> None:
        self._queries = queries
        self.asked = 0
        self.failure: Exception | None = None

    async def run(self, text: str) -> Any:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return await self._queries.run(text)


class Mirror:
    """A client: what it has after all that was sent; fails where it could not be applied."""

    def __init__(self, client: Client, subscriber: Subscriber) -> None:
        self.client = client
        self.subscriber = subscriber
        self.has: dict[tuple[str, str], Any] = {}

    async def sync(self, **request: object) -> dict[str, Any]:
        self.subscriber.receive(json.dumps({"Namespace": "Graph", "Type": "SyncRequest", "Obj": request}))
        while (message := await self.next())["Type"] != "SyncReply":
            pass
        return message

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            text = await self.client.outbox.take()
        assert text is not None
        message: dict[str, Any] = json.loads(text)
        self.apply(message)
        return message

    async def drain(self) -> None:
        """Apply what was put so far."""
        self.client.outbox.put(json.dumps({"Namespace": "Test", "Type": "End", "Obj": None}))
        while (await self.next())["Type"] != "End":
            pass

    def apply(self, message: dict[str, Any]) -> None:
        kind, body = message["Type"], message["Obj"]
        if kind == "SyncReply" and message["Status"] == 200:
            self.has = {("Node", one["ID"]): one for one in body["Nodes"]}
            self.has |= {("Edge", one["ID"]): one for one in body["Edges"]}
        for noun in ("Node", "Edge"):
            if kind == f"{noun}Deleted":
                del self.has[noun, body["ID"]]
            elif kind in (f"{noun}Added", f"{noun}Updated"):
                assert ((noun, body["ID"]) in self.has) is (kind == f"{noun}Updated")
                self.has[noun, body["ID"]] = body
        ends = {body[end] for (noun, _), body in self.has.items() if noun == "Edge" for end in ("Parent", "Child")}
        assert all(("Node", end) in self.has for end in ends)

    @property
    def ids(self) -> list[str]:
        return sorted(id for _, id in self.has)


@asynccontextmanager
async def connected(real: Real, text: str = "", *, policy: Policy = "full") -> AsyncIterator[Mirror]:
    client = Client(Handshake("me", "test", frozenset(), text, policy), 10_000)
    subscriber = Subscriber(real.services, client, real.hub)
    real.hub.join(client)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(subscriber.work())
        try:
            yield Mirror(client, subscriber)
        finally:
            real.hub.leave(client)
            work.cancel()


async def test_a_filter_is_evaluated_once_and_then_followed() -> None:
    real = Real()
    real.put("a", "b", Type="veth")
    async with connected(real, VETH) as one:
        assert sorted(node["ID"] for node in (await one.sync())["Obj"]["Nodes"]) == ["a", "b"]
        real.put(edges=[("a", "b")])
        real.put("x", Type="bridge")
        real.put("a", Type="bridge")
        seen = [((message := await one.next())["Type"], message["Obj"]["ID"]) for _ in range(3)]
    assert seen == [("EdgeAdded", "a-b"), ("EdgeDeleted", "a-b"), ("NodeDeleted", "a")]
    assert real.queries.asked == 0


async def test_clients_with_the_same_filter_share_its_evaluation() -> None:
    real = Real()
    async with connected(real, VETH) as one, connected(real, VETH, policy="partial") as other:
        assert isinstance(one.client.view, Followed)
        assert one.client.view is other.client.view
        await one.sync()
        await other.sync()
        real.put("a", Type="veth")
        real.put("a", Type="veth", MTU=9000)
        assert [(await one.next())["Type"] for _ in range(2)] == ["NodeAdded", "NodeUpdated"]
        assert [(await other.next())["Type"] for _ in range(2)] == ["NodeAdded", "NodePartiallyUpdated"]


async def test_another_filter_begins_with_its_own_state() -> None:
    real = Real()
    real.put("a", Type="veth")
    real.put("b", Type="bridge")
    async with connected(real, VETH) as one:
        await one.sync()
        await one.sync(GremlinFilter="G.V().Has('Type', 'bridge').SubGraph()")
        assert one.ids == ["b"]
        real.put("c", Type="bridge")
        real.put("d", Type="veth")
        await one.drain()
        assert one.ids == ["b", "c"]
        await one.sync(GremlinFilter="")
        assert one.ids == ["a", "b", "c", "d"]


async def test_a_filter_that_cannot_be_followed_is_asked_only_after_what_it_reads_changed() -> None:
    real = Real()
    real.put("a", "b", Type="veth", MTU=1)
    async with connected(real, NEWEST) as one:
        await one.sync()
        assert isinstance(one.client.view, Asked)
        asked = real.queries.asked
        real.put("b", Type="veth", MTU=2)
        assert (await one.next())["Obj"]["Metadata"]["MTU"] == 2
        assert real.queries.asked == asked
        real.put("c", Type="veth")
        assert [((await one.next())["Type"]) for _ in range(2)] == ["NodeAdded", "NodeDeleted"]
        assert (one.ids, real.queries.asked) == (["b", "c"], asked + 1)


async def test_many_changes_are_one_question() -> None:
    real = Real()
    async with connected(real, NEWEST) as one:
        await one.sync()
        asked = real.queries.asked
        for number in range(50):
            real.put(f"n{number:02}", Type="veth")
        await one.next()
        await one.next()
        assert one.ids == ["n48", "n49"]
        assert real.queries.asked == asked + 1


async def test_a_filter_that_fails_is_told_once_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.api.websocket.subscriber._AFTER_FAILURE", 0.01)
    real = Real()
    async with connected(real, NEWEST) as one:
        await one.sync()
        real.queries.failure = UserError("too many of them")
        real.put("a", Type="veth")
        told = await one.next()
        assert (told["Type"], told["Status"]) == ("Error", 503)
        assert "too many of them" in told["Obj"]
        real.queries.failure = None
        assert (await one.next())["Type"] == "NodeAdded"


async def test_a_filter_that_costs_too_much_is_refused_and_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FollowedView, "fill", _too_much)
    real = Real()
    real.put("a", "b", Type="veth")
    async with connected(real, VETH) as one:
        assert "costs too much" in (await one.next())["Obj"]
        assert (await one.sync())["Status"] == 400
        monkeypatch.undo()
        assert (await one.sync(GremlinFilter="G.V('a').SubGraph()"))["Status"] == 200
        assert one.ids == ["a"]


def _too_much(view: FollowedView) -> Iterator[None]:
    yield
    raise UserError("the filter costs too much")


async def test_a_filter_that_lets_everything_through_is_none() -> None:
    real = Real()
    async with connected(real, "G.V().SubGraph()") as one:
        assert one.client.view is None


async def test_changes_while_a_filter_is_filled_are_in_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.query.graph_view._CHUNK", 1)
    real = Real()
    real.put("a", "b", "c", Type="veth")
    async with connected(real, VETH) as one:
        async with asyncio.TaskGroup() as group:
            group.create_task(one.sync())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            real.put("d", Type="veth")
            real.put("a", Type="bridge")
        assert one.ids == ["b", "c", "d"]


async def test_a_slow_client_gets_what_its_filter_shows_now() -> None:
    real = Real()
    async with connected(real, VETH) as one:
        await one.sync()
        one.client.outbox._limit = 2
        for number in range(5):
            real.put(f"n{number}", Type="veth")
        assert await one.client.outbox.take() is None
        one.apply(json.loads((await one.subscriber.state())[0]))
        assert one.ids == ["n0", "n1", "n2", "n3", "n4"]
        real.put("n5", Type="veth")
        await one.drain()
        assert len(one.ids) == 6


@given(pick=picks())
@settings(max_examples=40, deadline=None)
async def test_a_client_has_at_any_time_what_its_filter_gives(pick: Pick) -> None:
    real = Real()
    text = text_of([*standing_query(pick), Step("SubGraph", some_pairs(pick))])
    real.fill(change(pick))
    async with connected(real, text) as one:
        await one.sync()
        for _ in range(4):
            real.fill(change(pick))
            await _settled(real, one)
            graph = (await real.queries._queries.run(text)).graph
            assert graph is not None
            wanted = {("Node", node.id): node.revision for node in graph.nodes()}
            wanted |= {("Edge", edge.id): edge.revision for edge in graph.edges()}
            assert {key: body["Revision"] for key, body in one.has.items()} == wanted, text


async def _settled(real: Real, one: Mirror) -> None:
    """Wait until a filter that is asked anew was asked; apply what was put."""
    view = one.client.view
    while isinstance(view, Asked) and (view.stale or view.asking):
        one.subscriber._rest_until = 0
        one.client.changed.set()
        await asyncio.sleep(0)
    await one.drain()
