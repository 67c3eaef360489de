# SPDX-License-Identifier: Apache-2.0
"""WebSockets as clients of the reference open, use and leave them."""

import asyncio
import json

import pytest

from compat.raw import BINARY, PING, PONG, Raw
from netsonde.model.captures import Capture
from unit.api.fakes import Fakes, a_node

PYTHON_CLIENT = (
    "X-Host-ID: Test",
    "X-Client-Type: skydive-python-client",
    "X-Client-Protocol: json",
    "X-Persistence-Policy: Persistent",
)
SYNC = {"UUID": "0123456789abcdef0123456789abcdef", "Namespace": "Graph", "Type": "SyncRequest", "Status": 200}


async def test_the_python_client_synchronises_and_listens(raw: Raw, fakes: Fakes) -> None:
    fakes.graph.put(a_node("n1"))
    async with raw.websocket("/ws/subscriber", *PYTHON_CLIENT) as socket:
        assert socket.answer.status == 101
        assert socket.answer.headers["x-host-id"] == "a1"
        assert socket.answer.headers["x-service-type"] == "analyzer"
        assert "sec-websocket-extensions" not in socket.answer.headers
        socket.send(json.dumps({**SYNC, "Obj": {"GremlinFilter": ""}}).encode())
        reply = await socket.message()
        assert (reply["UUID"], reply["Status"], len(reply["Obj"]["Nodes"])) == (SYNC["UUID"], 200, 1)
        fakes.graph.put(a_node("n2"))
        assert (await socket.message())["Type"] == "NodeAdded"


async def test_the_old_page_connects_by_its_address_and_sends_no_uuid(raw: Raw, fakes: Fakes) -> None:
    fakes.graph.put(a_node("n1"))
    own = f"Origin: http://{raw.address}"
    async with raw.websocket("/ws/subscriber?x-client-type=webui&x-update-policy=partial", own) as socket:
        socket.send(b'{"Namespace":"Graph","Type":"SyncRequest","Obj":{}}')
        assert (await socket.message())["Status"] == 200
        fakes.graph.put(a_node("n1", revision=2, State="UP"))
        assert (await socket.message())["Type"] == "NodePartiallyUpdated"
        await fakes.captures.create(Capture(gremlin_query="G.V()"))
        assert (await socket.message())["Namespace"] == "Capture"
        assert (await socket.message())["Namespace"] == "OnDemandCaptureNotification"


async def test_go_clients_put_json_into_binary_frames(raw: Raw) -> None:
    async with raw.websocket("/ws/subscriber", "X-Client-Type: cli") as socket:
        socket.send(json.dumps({**SYNC, "Obj": {}}).encode(), BINARY)
        assert (await socket.message())["Type"] == "SyncReply"


async def test_the_server_pings_and_drops_who_does_not_answer(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket("/ws/subscriber", "X-Client-Type: cli") as socket:
        opcode, payload = await socket.frame()
        assert opcode == PING
        socket.send(payload, PONG)
        assert (await socket.frame()).opcode == PING


async def test_two_clients_may_have_the_same_name(raw: Raw) -> None:
    async with (
        raw.websocket("/ws/subscriber", *PYTHON_CLIENT) as one,
        raw.websocket("/ws/subscriber", *PYTHON_CLIENT) as two,
    ):
        assert (one.answer.status, two.answer.status) == (101, 101)
        status = json.loads((await raw.http("GET /api/status HTTP/1.1")).body)
    assert sorted(status["Subscribers"]) == ["Test", "Test#2"]
    assert status["Subscribers"]["Test"]["ServiceType"] == "skydive-python-client"


async def test_leaving_without_a_closing_frame_is_normal(raw: Raw, fakes: Fakes) -> None:
    async with raw.websocket("/ws/subscriber", *PYTHON_CLIENT) as socket:
        socket.send(json.dumps({**SYNC, "Obj": {}}).encode())
        await socket.message()
    async with asyncio.timeout(20):
        await fakes.graph.abandoned.wait()
    status = json.loads((await raw.http("GET /api/status HTTP/1.1")).body)
    assert status["Subscribers"] == {}


@pytest.mark.parametrize(
    ("target", "headers", "status", "reason"),
    [
        ("/ws/subscriber", (), 400, "X-Client-Type is missing"),
        ("/ws/subscriber?x-client-type=x&x-client-protocol=xml", (), 400, "not spoken here"),
        ("/ws/subscriber?x-client-type=x&x-client-protocol=protobuf&x-sequence=1", (), 400, "sequence numbers"),
        ("/ws/publisher?x-client-type=x", ("X-Persistence-Policy: Sometimes",), 400, "DeleteOnDisconnect"),
        ("/ws/subscriber?x-client-type=x&x-gremlin-filter=V(", (), 400, "^ column 1"),
        ("/ws/subscriber?x-client-type=x&x-gremlin-filter=G.V()", (), 400, "did not return a graph"),
        ("/ws/subscriber?x-client-type=x", ("Origin: http://evil.example",), 403, "evil.example"),
        ("/ws/subscriber/flow", (), 400, "X-Client-Type is missing"),
        ("/ws/publisher", (), 400, "X-Client-Type is missing"),
        ("/ws/agent/topology?x-client-type=agent", (), 404, "nothing is at /ws/agent/topology"),
    ],
)
async def test_a_refused_client_gets_an_answer_instead_of_an_upgrade(
    raw: Raw, target: str, headers: tuple[str, ...], status: int, reason: str
) -> None:
    async with raw.websocket(target, *headers) as socket:
        assert socket.answer.status == status
        assert reason in socket.answer.body.decode()


async def test_a_request_without_an_upgrade_is_told_what_to_do(raw: Raw) -> None:
    answer = await raw.http("GET /ws/subscriber HTTP/1.1")
    assert (answer.status, b"WebSocket only" in answer.body) == (426, True)


async def test_flow_exporters_name_their_namespaces_by_header(raw: Raw, fakes: Fakes) -> None:
    headers = ("X-Client-Type: exporter", "X-Websocket-Namespace: flow/c1", "X-Websocket-Namespace: stats")
    async with raw.websocket("/ws/subscriber/flow", *headers) as socket:
        fakes.flows.report({"UUID": "f1", "CaptureID": "c1"}, {"UUID": "f2", "CaptureID": "c2"})
        message = await socket.message()
    assert (message["Namespace"], [flow["UUID"] for flow in message["Obj"]]) == ("flow/c1", ["f1"])
