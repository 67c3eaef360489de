# SPDX-License-Identifier: Apache-2.0
"""/ws/publisher and /ws/pubsub: scripts of the reference add, change and take away nodes and edges."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio

from compat.raw import BINARY, Raw, Socket
from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.protobuf import from_protobuf, to_protobuf
from netsonde.model.elements import Node
from unit.api.fakes import Fakes
from unit.captures.fakes import FakeStore, until
from unit.declared.memory import AllStores, Analyzer, memory_stores, node, running

SCRIPT = ("X-Host-ID: Test", "X-Client-Type: script", "X-Persistence-Policy: Persistent")
PASSING = ("X-Host-ID: Test", "X-Client-Type: script", "X-Persistence-Policy: DeleteOnDisconnect")


@pytest.fixture
def stores() -> AllStores:
    return memory_stores()


@pytest_asyncio.fixture
async def analyzer(stores: AllStores) -> AsyncIterator[Analyzer]:
    async with running(Analyzer(stores)) as one:
        yield one


@pytest.fixture
def fakes(analyzer: Analyzer) -> Fakes:
    fakes = Fakes.new()
    fakes.stated, fakes.declared, fakes.merged = analyzer, analyzer.declared, analyzer.graph
    return fakes


def say(socket: Socket, kind: str, obj: object, *, uuid: str = "") -> None:
    socket.send(write("Graph", kind, obj, uuid=uuid).encode())


def tor(**facts: Any) -> dict[str, Any]:
    # The Python client sends no Revision and no Origin.
    return {"ID": "tor", "Host": "h9", "Metadata": {"Name": "tor", "Type": "fabric", **facts}}


def cable(**facts: Any) -> dict[str, Any]:
    metadata = {"RelationType": "layer2", **facts}
    return {"ID": "cable", "Host": "h9", "Parent": "tor", "Child": "eth0", "Metadata": metadata}


def shows(analyzer: Analyzer, **facts: Any) -> Callable[[], bool]:
    return lambda: facts.items() <= analyzer.shown("tor").items()


async def test_a_client_that_hangs_up_at_once_has_published_everything(raw: Raw, analyzer: Analyzer) -> None:
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        for number in range(300):
            say(socket, "NodeAdded", {**tor(), "ID": f"n{number}"})
        # The third has no answer that anybody hears, and keeps the others from nothing.
        say(socket, "NodeAdded", {"ID": "bad", "Host": "h9", "Metadata": {}})
        say(socket, "NodeAdded", tor())
    await until(shows(analyzer, Name="tor"))
    assert analyzer.graph.node_count() == 301
    stored = analyzer.graph.node("tor")
    assert stored is not None
    assert (stored.origin, stored.host, stored.revision) == ("script.Test", "h9", 1)


async def test_elements_live_and_go(raw: Raw, analyzer: Analyzer) -> None:
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        say(socket, "NodeAdded", tor())
        say(socket, "EdgeAdded", cable())
        say(socket, "NodeUpdated", tor(State="UP", Label={"a": 1, "b": 2}))
        say(socket, "EdgeUpdated", cable(Speed=10))
        await until(shows(analyzer, State="UP"))
        ops = [{"Type": 1, "Key": "Label.a", "Value": 5}, {"Type": 2, "Key": "Label.b"}, {"Type": 2, "Key": "None.x"}]
        say(socket, "NodePartiallyUpdated", {"ID": "tor", "UpdatedAt": 1, "Revision": 0, "Ops": ops})
        await until(shows(analyzer, Label={"a": 5}))
        edge = analyzer.graph.edge("cable")
        assert edge is not None
        assert edge.metadata["Speed"] == 10
        say(socket, "EdgeDeleted", cable())
        say(socket, "NodeDeleted", tor())
        await until(lambda: analyzer.graph.node("tor") is None)
        assert analyzer.graph.edge_count() == 0


async def test_metadata_may_be_added_to_what_a_probe_shows(raw: Raw, analyzer: Analyzer) -> None:
    seen = node("host1", origin="agent.h1", Type="host")
    analyzer.agent_says(seen)
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        say(socket, "NodeUpdated", {"ID": "host1", "Metadata": {**seen.metadata, "Collectd": {"load": 1}}})
        await until(lambda: analyzer.shown("host1").get("Collectd") == {"load": 1})
    assert analyzer.declared.annotation("host1") == {"Collectd": {"load": 1}}


@pytest.mark.parametrize(
    ("kind", "obj", "status", "words"),
    [
        ("NodeAdded", {"ID": "x", "Metadata": {"Name": "x"}}, 400, "Type"),
        ("NodeAdded", {"Metadata": {"Name": "x", "Type": "y"}}, 400, "ID is missing"),
        ("NodeAdded", [], 400, "Obj: "),
        ("NodeAdded", {"ID": "eth0", "Metadata": {"Name": "other", "Type": "device"}}, 409, "NodeUpdated"),
        ("NodeUpdated", {"ID": "none", "Metadata": {}}, 404, "Node 'none' not found"),
        ("NodeUpdated", {"ID": "eth0", "Metadata": {}, "Revision": 1}, 409, "not newer"),
        ("NodePartiallyUpdated", {"ID": "eth0", "Ops": [{"Type": 3, "Key": "a"}]}, 400, "Type 3"),
        ("EdgeDeleted", {"ID": "none"}, 404, "Edge 'none' not found"),
        ("NodeDeleted", {"ID": "eth0"}, 409, "publishers delete what they published"),
        ("EdgeAdded", {"ID": "e", "Parent": "a", "Child": "b", "Metadata": {}}, 400, "RelationType"),
        ("NodeMoved", {"ID": "eth0"}, 400, "not understood"),
        ("Sync", {"Nodes": [{"ID": "x", "Metadata": {}}], "Edges": None}, 400, "1 elements of a Sync"),
    ],
)
async def test_what_is_refused_is_answered(
    raw: Raw, analyzer: Analyzer, kind: str, obj: object, status: int, words: str
) -> None:
    analyzer.agent_says(node("eth0", origin="agent.h1"))
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        say(socket, kind, obj, uuid="u7")
        answer = await socket.message()
    assert (answer["Type"], answer["UUID"], answer["Status"]) == ("Error", "u7", status)
    assert words in answer["Obj"]


async def test_what_is_no_message_is_answered_too(raw: Raw) -> None:
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        socket.send(b"{nonsense")
        assert (await socket.message())["Status"] == 400
        socket.send(b'{"Namespace":"Flow","Type":"store","Obj":[]}')
        assert "publish in Graph" in (await socket.message())["Obj"]
        socket.send(b'{"Namespace":"Graph","Type":"SyncRequest","UUID":"u1","Obj":{}}')
        reply = await socket.message()
        assert (reply["Type"], reply["UUID"], reply["Status"]) == ("SyncReply", "u1", 200)


async def test_a_bus_that_is_away_is_told(raw: Raw, stores: AllStores, analyzer: Analyzer) -> None:
    nodes = cast("FakeStore[Node]", stores.nodes)
    async with raw.websocket("/ws/publisher", *PASSING) as socket:
        say(socket, "NodeAdded", tor())
        await until(shows(analyzer, Name="tor"))
        nodes.away = True
        say(socket, "NodeAdded", {**tor(), "ID": "late"})
        assert (await socket.message())["Status"] == 503
    # It cannot be deleted now either, and is when the publisher is back.
    async with raw.websocket("/ws/subscriber", "X-Client-Type: cli") as other:
        assert other.answer.status == 101
    nodes.away = False
    async with raw.websocket("/ws/publisher", *PASSING):
        await until(lambda: analyzer.graph.node("tor") is None)


async def test_repeating_what_is_there_is_no_mistake(raw: Raw, analyzer: Analyzer) -> None:
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        say(socket, "NodeAdded", tor())
        say(socket, "NodeAdded", tor())
        say(socket, "NodeAdded", tor(State="UP"), uuid="differs")
        assert (await socket.message())["UUID"] == "differs"


async def test_a_sync_makes_what_was_published_equal_to_it(raw: Raw, analyzer: Analyzer) -> None:
    await analyzer.declared.create(node("other"))
    async with raw.websocket("/ws/publisher", *SCRIPT) as socket:
        say(socket, "NodeAdded", tor())
        say(socket, "NodeAdded", {**tor(), "ID": "old"})
        say(socket, "Sync", {"Nodes": [tor(State="UP"), {**tor(), "ID": "new"}], "Edges": [cable()]})
        await until(lambda: analyzer.graph.node("new") is not None and analyzer.graph.node("old") is None)
    assert {one.id for one in analyzer.graph.nodes()} == {"tor", "new", "other"}
    assert shows(analyzer, State="UP")()
    assert [edge.id for edge in analyzer.declared.waiting_edges()] == ["cable"]


async def test_some_publishers_leave_nothing_behind(raw: Raw, analyzer: Analyzer) -> None:
    async with raw.websocket("/ws/publisher", *PASSING) as one, raw.websocket("/ws/publisher", *PASSING) as two:
        say(one, "NodeAdded", tor())
        await until(shows(analyzer, Name="tor"))
        status = json.loads((await raw.http("GET /api/status HTTP/1.1")).body)
        assert (sorted(status["Publishers"]), status["Subscribers"]) == (["Test", "Test#2"], {})
        say(two, "NodeAdded", {**tor(), "ID": "second"})
        await until(lambda: analyzer.graph.node_count() == 2)
    await until(lambda: analyzer.graph.node_count() == 0)


async def test_what_a_crash_left_behind_goes_when_its_publisher_is_back(raw: Raw, analyzer: Analyzer) -> None:
    await analyzer.declared.create(node("left", origin="script.Test"))
    async with raw.websocket("/ws/publisher", *PASSING) as socket:
        assert socket.answer.status == 101
        await until(lambda: analyzer.graph.node("left") is None)


async def test_both_on_one_connection_without_an_echo(raw: Raw, analyzer: Analyzer) -> None:
    async with raw.websocket("/ws/pubsub", *SCRIPT) as socket:
        say(socket, "SyncRequest", {})
        assert (await socket.message())["Type"] == "SyncReply"
        say(socket, "NodeAdded", tor())
        await until(shows(analyzer, Name="tor"))
        await analyzer.declared.create(node("other"))
        heard = await socket.message()
        assert (heard["Type"], heard["Obj"]["ID"]) == ("NodeAdded", "other")
        socket.send(b"{nonsense")
        assert (await socket.message())["Type"] == "Error"


async def test_protobuf_both_ways(raw: Raw, analyzer: Analyzer) -> None:
    async with raw.websocket("/ws/pubsub", *SCRIPT, "X-Client-Protocol: protobuf") as socket:
        socket.send(to_protobuf(write("Graph", "SyncRequest", {}, uuid="u1")), BINARY)
        reply = json.loads(from_protobuf(await socket.binary()))
        assert (reply["Type"], reply["UUID"], reply["Obj"]) == ("SyncReply", "u1", {"Nodes": [], "Edges": []})
        socket.send(to_protobuf(write("Graph", "NodeAdded", tor())), BINARY)
        await until(shows(analyzer, Name="tor"))
        socket.send(b"\x0a\xff", BINARY)
        assert b"not understood" in await socket.binary()


async def test_flows_come_as_protobuf_to_who_asks_for_it(raw: Raw, fakes: Fakes) -> None:
    headers = ("X-Client-Type: exporter", "X-Client-Protocol: protobuf", "X-Websocket-Namespace: flow")
    async with raw.websocket("/ws/subscriber/flow", *headers) as socket:
        await until(lambda: bool(fakes.flows.listeners))
        fakes.flows.report({"UUID": "f1", "CaptureID": "c1"})
        message = json.loads(from_protobuf(await socket.binary()))
    assert (message["Namespace"], message["Type"], message["Obj"][0]["UUID"]) == ("flow", "store", "f1")
