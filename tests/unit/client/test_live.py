# SPDX-License-Identifier: Apache-2.0
"""Feeds over real WebSockets: what arrives, after what, and what happens when the server goes away."""

import threading
from typing import Any

import pytest

from netsonde.client import (
    AsyncClient,
    CaptureStats,
    Client,
    FlowReports,
    G,
    NoServer,
    NotFound,
    Snapshot,
    UserError,
    apply,
)
from netsonde.client.feeds import GraphFeed, graph_filter
from netsonde.model.captures import Capture, CaptureStatus
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import EdgeChange, NodeChange
from unit.api.fakes import NOW_MS, Fakes, a_node, an_edge
from unit.api.served import Server
from unit.client.conftest import Ask


def test_a_snapshot_comes_first_then_each_change(server: Server) -> None:
    graph = server.fakes.graph
    server.do(lambda: graph.put(a_node("a")))
    with Client(server.url) as client, client.subscribe() as events:
        arriving = iter(events)
        assert next(arriving) == Snapshot([a_node("a")], [])
        server.do(lambda: graph.put(a_node("b"), an_edge("e", "a", "b")))
        assert next(arriving) == NodeChange("added", a_node("b"))
        assert next(arriving) == EdgeChange("added", an_edge("e", "a", "b"))
        server.do(lambda: graph.put(a_node("b", revision=2)))
        assert next(arriving) == NodeChange("updated", a_node("b", revision=2))
        server.do(lambda: graph.drop("b"))
        assert next(arriving) == NodeChange("deleted", a_node("b", revision=2))


def test_a_filter_chooses_and_may_hold_any_character(server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("a", Type="Tür"), a_node("b")))
    with Client(server.url) as client, client.subscribe(G.V().has("Type", "Tür")) as events:
        assert next(iter(events)) == Snapshot([a_node("a", Type="Tür")], [])


async def test_asyncio_follows_too_and_stops_when_asked(server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("a")))
    seen: list[Any] = []
    async with AsyncClient(server.url) as client, client.subscribe() as events:
        async for event in events:
            seen.append(event)
            if len(seen) == 2:
                break
            server.do(lambda: server.fakes.graph.put(a_node("b")))
    assert seen == [Snapshot([a_node("a")], []), NodeChange("added", a_node("b"))]


def test_a_feed_goes_on_after_the_server_was_away(unused_tcp_port: int) -> None:
    fakes = Fakes.new().with_settings(listen=f"127.0.0.1:{unused_tcp_port}")
    first = Server(fakes)
    with Client(first.url) as client, client.subscribe() as events:
        arriving = iter(events)
        assert next(arriving) == Snapshot([], [])
        first.stop()
        fakes.graph.put(a_node("a"))
        second = Server(fakes)
        assert next(arriving) == Snapshot([a_node("a")], [])
        second.stop()


def test_without_reconnecting_the_end_is_an_error(unused_tcp_port: int) -> None:
    server = Server(Fakes.new().with_settings(listen=f"127.0.0.1:{unused_tcp_port}"))
    with Client(server.url) as client, client.subscribe(reconnect=False) as events:
        arriving = iter(events)
        next(arriving)
        server.stop()
        with pytest.raises(NoServer, match="ended the subscription"):
            next(arriving)


def test_a_filter_that_is_none_is_refused_with_its_reason(server: Server) -> None:
    with Client(server.url) as client, pytest.raises(UserError, match="did not return a graph") as raised:
        client.subscribe("G.V()").__enter__()
    assert raised.value.hint == "end the filter with .SubGraph()"


def test_closing_ends_a_reader_in_another_thread(server: Server) -> None:
    with Client(server.url) as client, client.subscribe() as events:
        threading.Timer(0.05, events.close).start()
        assert list(events) == [Snapshot([], [])]


def test_flow_reports_and_counters_are_structs(server: Server) -> None:
    capture = server.wait(server.fakes.captures.create(Capture(gremlin_query="G.V()")))
    with Client(server.url) as client, client.flow_reports(capture.uuid) as events:
        arriving = iter(events)
        server.do(lambda: server.fakes.flows.report({"UUID": "f", "CaptureID": capture.uuid}, {"CaptureID": "other"}))
        reported = next(arriving)
        assert isinstance(reported, FlowReports)
        assert [flow.uuid for flow in reported.flows] == ["f"]
        server.do(lambda: server.fakes.captures.activate(capture.uuid, packets=3))
        assert next(arriving) == CaptureStats(capture.uuid, 3, 2, 1)


def test_waiting_for_a_capture_ends_when_it_is_active(ask: Ask, server: Server) -> None:
    capture = ask(lambda client: client.captures.create("G.V()", name="vms"))
    timer = threading.Timer(0.1, lambda: server.do(lambda: server.fakes.captures.activate(capture.uuid)))
    timer.start()
    assert ask(lambda client: client.captures.wait("vms")).count == 1
    assert ask(lambda client: client.captures.wait("vms", "active", "partial")).count == 1


def test_waiting_ends_with_the_reason_when_it_will_not_be(ask: Ask, server: Server) -> None:
    capture = ask(lambda client: client.captures.create("G.V()", name="vms"))
    with pytest.raises(TimeoutError):
        ask(lambda client: client.captures.wait("vms", timeout=0.05))
    threading.Timer(0.1, lambda: server.wait(server.fakes.captures.delete(capture.uuid))).start()
    with pytest.raises(NotFound, match="the capture vms was deleted"):
        ask(lambda client: client.captures.wait("vms"))
    failed = CaptureStatus("failed", NOW_MS, "no permission")
    server.do(lambda: server.fakes.captures.put(Capture(uuid="c9", name="bad"), failed))
    with pytest.raises(UserError, match="the capture bad is failed: no permission"):
        ask(lambda client: client.captures.wait("bad"))


def test_events_applied_in_order_make_the_servers_graph() -> None:
    nodes: dict[str, Node] = {}
    edges: dict[str, Edge] = {}
    apply(nodes, edges, Snapshot([a_node("a"), a_node("b")], [an_edge("e", "a", "b")]))
    apply(nodes, edges, NodeChange("updated", a_node("a", revision=3)))
    apply(nodes, edges, EdgeChange("deleted", an_edge("e", "a", "b")))
    apply(nodes, edges, NodeChange("deleted", a_node("b")))
    assert (nodes, edges) == ({"a": a_node("a", revision=3)}, {})


def test_a_subscription_is_to_a_graph() -> None:
    assert graph_filter(G.V().has("Type", "veth")) == "G.V().Has('Type', 'veth').SubGraph()"
    assert graph_filter(None) == ""
    with pytest.raises(UserError, match="this query gives value"):
        graph_filter(G.V().count())
    with pytest.raises(UserError, match="too long"):
        graph_filter(G.V().has("Name", "x" * 5000))


@pytest.mark.parametrize("message", ["", "{", "[]", '"x"', b"\xff", '{"Namespace":"Graph","Type":"NodeAdded"}'])
def test_rubbish_is_refused_in_words(message: str | bytes) -> None:
    with pytest.raises(UserError, match="no message"):
        list(GraphFeed().events(message))


def test_what_is_not_understood_is_passed_over() -> None:
    assert list(GraphFeed().events('{"Namespace":"Graph","Type":"NodeMoved","Obj":{}}')) == []
    assert list(GraphFeed().events('{"Namespace":"Capture","Type":"Added","Obj":{}}')) == []
