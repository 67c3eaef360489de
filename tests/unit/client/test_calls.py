# SPDX-License-Identifier: Apache-2.0
"""Both clients: what they send, what they make of answers, what they raise."""

import inspect
import warnings
from typing import Any

import msgspec
import pytest

from netsonde.api.capture import Preview as ServerPreview
from netsonde.api.capture import PreviewNode as ServerPreviewNode
from netsonde.api.query import CheckAnswer
from netsonde.api.status import Component as ServerComponent
from netsonde.api.status import Process as ServerProcess
from netsonde.client import (
    AsyncClient,
    Client,
    Conflict,
    G,
    Incomplete,
    NoServer,
    NotFound,
    UserError,
    calls,
    injections,
)
from netsonde.client.alerts import ClientAlerts
from netsonde.client.answers import Checked, Completion, Completions, Component, Preview, PreviewNode, Process
from netsonde.client.async_alerts import AsyncClientAlerts
from netsonde.client.async_captures import AsyncClientCaptures
from netsonde.client.async_injections import AsyncClientInjections
from netsonde.client.async_rules import AsyncClientEdgeRules, AsyncClientNodeRules
from netsonde.client.async_workflows import AsyncClientWorkflows
from netsonde.client.call import Answer, Call
from netsonde.client.capture_fields import CaptureFields
from netsonde.client.captures import ClientCaptures
from netsonde.client.injections import ClientInjections, InjectionFields
from netsonde.client.rules import ClientEdgeRules, ClientNodeRules
from netsonde.client.workflows import ClientWorkflows
from netsonde.errors import Span
from netsonde.model.captures import Capture
from netsonde.model.flows import FlowAnswer
from netsonde.model.injections import Injection
from unit.api.fakes import a_node, an_edge
from unit.api.served import Server
from unit.client.conftest import Ask

QUERY = "G.V().HasKey('ExtID.vm-id')"


def test_a_built_query_gives_structs(ask: Ask, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("tap0", MTU=1500)))
    (node,) = ask(lambda client: client.run(G.V().has("Name", "tap0")))
    assert (node.id, node.metadata["MTU"]) == ("tap0", 1500)
    assert server.fakes.queries.asked == ["G.V().Has('Name', 'tap0')"]


def test_long_values_travel_beside_the_query(ask: Ask, server: Server) -> None:
    ask(lambda client: client.run(G.V().has("Name", "x" * 2000)))
    assert server.fakes.queries.asked == ["G.V().Has('Name', $v1)"]
    assert server.fakes.queries.bindings == {"v1": "x" * 2000}


def test_a_text_is_run_with_the_values_of_its_names(ask: Ask, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("tap0")))
    result = ask(lambda client: client.query("G.V().Has('Name', $n)", {"n": "tap0"}))
    assert [node.id for node in result.nodes()] == ["tap0"]
    assert server.fakes.queries.bindings == {"n": "tap0"}


def test_a_graph_comes_whole(ask: Ask, server: Server) -> None:
    server.do(lambda: server.fakes.graph.put(a_node("a"), a_node("b"), an_edge("e", "a", "b")))
    graph = ask(lambda client: client.topology())
    assert ([node.id for node in graph.nodes], [edge.child for edge in graph.edges]) == (["a", "b"], ["b"])
    assert ask(lambda client: client.query("G")).topology() == graph


def test_a_mistake_is_raised_as_it_was_on_the_server(ask: Ask) -> None:
    with pytest.raises(UserError) as raised:
        ask(lambda client: client.query("G.V("))
    assert raised.value.message == "( is never closed"
    assert (raised.value.span, raised.value.text) == (Span(3, 4), "G.V(")


def test_an_incomplete_answer_warns(ask: Ask, server: Server) -> None:
    server.fakes.queries.missing_hosts = ("h2",)
    with pytest.warns(Incomplete, match="no answer in time from h2"):
        ask(lambda client: client.run(G.V()))
    result = ask(lambda client: client.query("G.V()"))
    assert (result.missing_hosts, result.truncated, result.reasons) == (("h2",), True, ())


def test_why_an_answer_is_incomplete_is_known(ask: Ask, server: Server) -> None:
    server.fakes.queries.notes = ("h1: brücke: no such bridge",)
    with pytest.warns(Incomplete, match="h1: brücke: no such bridge"):
        ask(lambda client: client.run(G.V()))
    assert ask(lambda client: client.query("G.V()")).reasons == ("h1: brücke: no such bridge",)


def test_an_absent_server_is_named_with_what_to_do(unused_tcp_port: int) -> None:
    with pytest.raises(NoServer, match=f"no server answers at http://127.0.0.1:{unused_tcp_port}") as raised:
        Client(f"http://127.0.0.1:{unused_tcp_port}").status()
    assert "netsonde allinone" in raised.value.hint


async def test_an_absent_server_is_named_under_asyncio_too(unused_tcp_port: int) -> None:
    async with AsyncClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(NoServer, match="no server answers at"):
            await client.status()


def test_the_life_of_a_capture(ask: Ask, server: Server) -> None:
    created = ask(lambda client: client.captures.create(QUERY, name="vms", bpf_filter="tcp", ttl="90s"))
    assert (created.name, created.bpf_filter, created.gremlin_query) == ("vms", "tcp", QUERY)
    assert created.expires_at > 0
    assert [one.uuid for one in ask(lambda client: client.captures.all())] == [created.uuid]
    assert ask(lambda client: client.captures.get("vms")).uuid == created.uuid
    assert ask(lambda client: client.captures.pause("vms")).paused
    assert not ask(lambda client: client.captures.resume("vms")).paused
    assert ask(lambda client: client.captures.update("vms", first_packets=5)).first_packets == 5
    assert ask(lambda client: client.captures.preview(G.V())).matching == 1
    ask(lambda client: client.captures.delete("vms"))
    assert server.fakes.captures.by_id == {}


def test_refusals_have_their_own_classes(ask: Ask) -> None:
    ask(lambda client: client.captures.create(QUERY))
    with pytest.raises(Conflict):
        ask(lambda client: client.captures.create(QUERY))
    with pytest.raises(NotFound, match="no capture is called 'x'"):
        ask(lambda client: client.captures.get("x"))
    with pytest.raises(TypeError, match="no field 'nmae'"):
        ask(lambda client: client.captures.create("G.E()", nmae="x"))


def test_packets_come_decoded_as_a_file_and_as_a_stream(ask: Ask, server: Server) -> None:
    ask(lambda client: client.captures.create(QUERY, name="vms"))
    server.fakes.packets.arriving, server.fakes.packets.ends = [[b"batch"]], True
    packets = ask(lambda client: client.captures.packets("vms", nodes=["t1"], limit=2))
    assert [(packet.number, packet.data) for packet in packets] == [(0, b"\0\1"), (1, b"\0\1")]
    assert server.fakes.packets.requests[-1].node_tids == ["t1"]
    assert ask(lambda client: client.captures.pcapng("vms"))[:4] == b"\x0a\x0d\x0d\x0a"
    followed = b"".join(ask(lambda client: client.captures.follow("vms")))
    assert len(followed) > len(b"\x0a\x0d\x0d\x0a")


def test_flows_are_structs(ask: Ask, server: Server) -> None:
    server.fakes.flows.answer = FlowAnswer(
        [{"UUID": "f1", "Network": {"A": "192.0.2.1", "B": "192.0.2.2"}, "Transport": {"A": 4000, "B": 53}, "Last": 7}]
    )
    (flow,) = ask(lambda client: client.flows(captures=["c1"], nodes=["t1", "t2"], limit=5))
    assert flow.network is not None
    assert flow.transport is not None
    assert (flow.uuid, flow.network.a, flow.transport.b, flow.metric.ab_bytes) == ("f1", "192.0.2.1", 53, 0)
    asked = server.fakes.flows.requests[-1]
    assert (asked.capture_ids, asked.node_tids, asked.limit) == (["c1"], ["t1", "t2"], 5)


def test_the_rest_of_the_api_is_there(ask: Ask, server: Server) -> None:
    assert [one.service for one in ask(lambda client: client.status()).processes] == ["agent", "analyzer"]
    assert ask(lambda client: client.check("G.V()")).kind == "nodes"
    assert ask(lambda client: client.explain("G.V()")).reason == "no node has the key 'Nam'"
    assert ask(lambda client: client.node_metrics("n1", "60s")).points[0]["RxBytes"] == 7
    assert ask(lambda client: client.dot("G")).startswith("digraph")
    assert ask(lambda client: client.pcapng("G.Flows().RawPackets()"))[:4] == b"\x0a\x0d\x0d\x0a"


def test_a_kept_connection_that_the_server_closed_is_not_used(server: Server) -> None:
    with Client(server.url) as client:
        client.status()
        (kept,) = client._http._kept
        kept.sock.shutdown(2)
        assert client.status().host == "a1"


def test_connections_are_kept(server: Server) -> None:
    with Client(server.url) as client:
        client.status()
        (first,) = client._http._kept
        client.status()
        assert client._http._kept == [first]


@pytest.mark.parametrize(
    ("blocking", "awaited"),
    [
        (Client, AsyncClient),
        (ClientCaptures, AsyncClientCaptures),
        (ClientInjections, AsyncClientInjections),
        (ClientAlerts, AsyncClientAlerts),
        (ClientWorkflows, AsyncClientWorkflows),
        (ClientNodeRules, AsyncClientNodeRules),
        (ClientEdgeRules, AsyncClientEdgeRules),
    ],
    ids=["client", "captures", "injections", "alerts", "workflows", "node-rules", "edge-rules"],
)
def test_both_clients_have_the_same_methods(blocking: type, awaited: type) -> None:
    def surface(kind: type) -> dict[str, str]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {name: str(inspect.signature(method)) for name, method in methods if not name.startswith("_")}

    expected = {name: text.replace("AsyncIterator", "Iterator") for name, text in surface(awaited).items()}
    assert {
        name: text.replace("Async", "").replace("async_live", "live") for name, text in expected.items()
    } == surface(blocking)


@pytest.mark.parametrize(
    ("ours", "servers"),
    [
        (Checked, CheckAnswer),
        (Preview, ServerPreview),
        (PreviewNode, ServerPreviewNode),
        (Process, ServerProcess),
        (Component, ServerComponent),
    ],
)
def test_answers_have_the_members_that_the_server_sends(
    ours: type[msgspec.Struct], servers: type[msgspec.Struct]
) -> None:
    names = {field.encode_name for field in msgspec.structs.fields(ours)}
    assert names <= {field.encode_name for field in msgspec.structs.fields(servers)}


def test_fields_of_a_capture_can_be_given_but_for_those_that_the_server_sets() -> None:
    every = {field.name for field in msgspec.structs.fields(Capture)}
    assert every - CaptureFields.__annotations__.keys() == {
        *("uuid", "gremlin_query", "created_at", "expires_at", "owner")
    }
    assert CaptureFields.__annotations__.keys() <= every


def test_nothing_warns_of_a_client_that_was_not_closed(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Client(server.url).status()


def test_completion_speaks_as_the_server_does() -> None:
    call = calls.complete("G.V().Ha", 8)
    assert (call.path, msgspec.json.decode(sent(call))) == (
        "/api/query/complete",
        {"GremlinQuery": "G.V().Ha", "Cursor": 8},
    )
    items = [{"Text": "HasKey(", "Kind": "step", "Info": "Keep what has the key"}]
    answer = call.decode(answered({"From": 6, "To": 8, "Items": items}))
    assert answer == Completions(6, 8, [Completion("HasKey(", "step", "Keep what has the key")])


def test_the_schema_is_read_as_the_server_sends_it() -> None:
    step = {"Name": "Has", "Aliases": [], "Takes": {"nodes": "nodes"}, "Doc": "Keep", "Example": "G.V()"}
    key = {"Key": "MTU", "Type": "integer", "Unit": "octets", "On": "node", "Types": ["veth"], "Example": 1500}
    found = calls.schema().decode(answered({"Version": "1", "Steps": [step], "Keys": [key], "FlowFields": [key]}))
    assert (found.steps[0].takes, found.keys[0].example, found.flow_fields[0].unit) == (
        {"nodes": "nodes"},
        1500,
        "octets",
    )


def test_a_profile_is_read_as_the_server_sends_it() -> None:
    call = calls.explain(G.V().has("Name", "a"), {"n": 1}, profile=True)
    assert msgspec.json.decode(sent(call)) == {
        "GremlinQuery": "G.V().Has('Name', 'a')",
        "Bindings": {"n": 1},
        "Profile": True,
    }
    step = {"Step": "V.Has", "Takes": "graph", "Gives": "nodes", "Index": "Name", "Rows": 2, "Milliseconds": 0.5}
    answer = {"Gives": "nodes", "Reads": {"nodes": ["Name"]}, "Steps": [step], "Rows": 2, "Milliseconds": 0.7}
    found = call.decode(answered({**answer, "Reason": "", "Hint": "", "Span": None}))
    assert (found.steps[0].rows, found.steps[0].index, found.milliseconds) == (2, "Name", 0.7)


def answered(data: object) -> Answer:
    return Answer(200, {}, msgspec.json.encode(data))


def sent(call: Call[Any]) -> bytes:
    assert isinstance(call.body, bytes)
    return call.body


def test_every_field_of_an_injection_can_be_set() -> None:
    every = {field.name for field in msgspec.structs.fields(Injection)}
    by_the_server = {"uuid", "src", "start_time", "created_at", "created_by", "expires_at"}
    assert every - InjectionFields.__annotations__.keys() == by_the_server
    assert InjectionFields.__annotations__.keys() <= every


def test_an_injection_is_a_ping_unless_it_says_otherwise() -> None:
    ping = injections.create("G.V()", {"dst_ip": "10.0.0.2"}, "5s")
    replay = injections.create("G.V()", {"pcap": b"x"}, "")
    assert ping.body == b'{"Src":"G.V()","Type":"icmp4","DstIP":"10.0.0.2"}'
    assert replay.body == b'{"Src":"G.V()","Pcap":"eA=="}'
    assert ping.headers["X-Resource-TTL"] == "5s"
