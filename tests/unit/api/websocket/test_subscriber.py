# SPDX-License-Identifier: Apache-2.0
"""What a subscriber of the live graph gets, message by message."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from netsonde.api.websocket.handshake import Handshake, Policy
from netsonde.api.websocket.hub import Client, Hub
from netsonde.api.websocket.outbox import Outbox
from netsonde.api.websocket.publisher import Publisher
from netsonde.api.websocket.subscriber import Subscriber, at
from netsonde.errors import UserError
from netsonde.model.alerts import Alert, Transition
from netsonde.model.captures import Capture
from netsonde.model.injections import Injection
from netsonde.model.workflows import Caller, Parameter, Workflow
from netsonde.observe import Health
from unit.api.fakes import Fakes, a_node, an_edge

NETNS = "G.V().Has('Type','netns').SubGraph()"


class Connected:
    """A client as the endpoint runs it, without a socket."""

    def __init__(self, client: Client, subscriber: Subscriber, work: asyncio.Task[None]) -> None:
        self.client = client
        self.subscriber = subscriber
        self.work = work

    def send(self, obj: object = None, *, kind: str = "SyncRequest", uuid: str = "u1") -> None:
        message = {"Namespace": "Graph", "Type": kind, "UUID": uuid, "Obj": {} if obj is None else obj}
        self.subscriber.receive(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            message = await self.client.outbox.take()
        assert message is not None
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    async def types(self, count: int) -> list[str]:
        return [(await self.next())["Type"] for _ in range(count)]


@asynccontextmanager
async def connected(
    fakes: Fakes,
    text: str = "",
    *,
    policy: Policy = "full",
    namespaces: tuple[str, ...] = (),
    hub: Hub | None = None,
    allowed: frozenset[str] | None = None,
) -> AsyncIterator[Connected]:
    services = fakes.services()
    handshake = Handshake("me", "test", frozenset(namespaces), text, policy, user="noc", allowed=allowed)
    client = Client(handshake, services.settings.subscriber_queue)
    hub = hub or Hub(services)
    subscriber = Subscriber(services, client, hub)
    hub.join(client)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(subscriber.work())
        try:
            yield Connected(client, subscriber, work)
        finally:
            hub.leave(client)
            work.cancel()


@pytest.fixture
def fakes() -> Fakes:
    return Fakes.new()


async def test_who_doubts_that_anybody_is_there_is_answered(fakes: Fakes) -> None:
    async with connected(fakes) as one:
        one.send(None, kind="Ping", uuid="u7")
        answer = await one.next()
    assert (answer["Namespace"], answer["Type"], answer["UUID"], answer["Status"]) == ("Graph", "Pong", "u7", 200)


@pytest.mark.parametrize("asked", [{}, {"GremlinFilter": NETNS}, {"Time": 5}])
async def test_the_graph_is_not_for_who_may_only_see_captures(fakes: Fakes, asked: dict[str, Any]) -> None:
    fakes.graph.put(a_node())
    async with connected(fakes, allowed=frozenset({"Capture"})) as one:
        one.send(asked)
        reply = await one.next()
        assert one.client.view is None
        state = [json.loads(message)["Type"] for message in await one.subscriber.state()]
    assert "noc may not ask for this: it needs the right topology read" in reply["Obj"]
    assert "SyncReply" not in state


async def test_a_publisher_that_may_not_see_the_graph_is_not_sent_it(fakes: Fakes) -> None:
    fakes.graph.put(a_node())
    handshake = Handshake("me", "test", frozenset(), "", "full", user="noc", allowed=frozenset())
    outbox = Outbox(10)
    await Publisher(fakes.services(), handshake, outbox).receive('{"Namespace": "Graph", "Type": "SyncRequest"}')
    told = json.loads(await outbox.take() or "")
    assert (told["Type"], told["Status"]) == ("Error", 403)


async def test_nothing_is_sent_before_the_client_asks(fakes: Fakes) -> None:
    fakes.graph.put(a_node())
    async with connected(fakes) as one:
        one.send()
        reply = await one.next()
    assert (reply["Namespace"], reply["Type"], reply["UUID"], reply["Status"]) == ("Graph", "SyncReply", "u1", 200)
    assert [node["ID"] for node in reply["Obj"]["Nodes"]] == ["n1"]
    assert reply["Obj"]["Edges"] == []


async def test_request_that_is_cut_off_is_answered_to_whoever_comes_back(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> bytes:
        asked.set()
        await answer.wait()
        return b'{"Nodes":[],"Edges":[]}'

    monkeypatch.setattr(fakes.graph, "json", slow)
    async with asyncio.TaskGroup() as group, connected(fakes, NETNS) as one:
        one.send({"GremlinFilter": ""})
        await asked.wait()
        one.work.cancel()
        await asyncio.wait([one.work])
        answer.set()
        again = group.create_task(one.subscriber.work())
        reply = await one.next()
        again.cancel()
    assert (reply["Type"], reply["UUID"], reply["Status"]) == ("SyncReply", "u1", 200)


async def test_changes_follow_in_order_with_whole_elements(fakes: Fakes) -> None:
    async with connected(fakes) as one:
        fakes.graph.put(a_node("a"), a_node("b"), an_edge("e", "a", "b"))
        fakes.graph.put(a_node("a", revision=2, State="UP"))
        fakes.graph.drop("e")
        assert await one.types(3) == ["NodeAdded", "NodeAdded", "EdgeAdded"]
        update = await one.next()
        assert (update["Type"], update["Obj"]["Metadata"]["State"]) == ("NodeUpdated", "UP")
        assert await one.types(1) == ["EdgeDeleted"]


async def test_the_partial_policy_sends_operations(fakes: Fakes) -> None:
    async with connected(fakes, policy="partial") as one:
        fakes.graph.put(a_node())
        fakes.graph.put(a_node(revision=2, State="UP"))
        assert await one.types(2) == ["NodeAdded", "NodePartiallyUpdated"]


async def test_clients_of_both_policies_get_their_own_form(fakes: Fakes) -> None:
    hub = Hub(fakes.services())
    fakes.graph.put(a_node())
    async with connected(fakes, hub=hub) as full, connected(fakes, policy="partial", hub=hub) as partial:
        fakes.graph.put(a_node(revision=2, State="UP"))
        assert await full.types(1) == ["NodeUpdated"]
        assert await partial.types(1) == ["NodePartiallyUpdated"]


async def test_a_filter_lets_through_what_enters_changes_and_leaves_it(fakes: Fakes) -> None:
    async with connected(fakes, NETNS) as one:
        one.send()
        assert (await one.next())["Obj"] == {"Nodes": [], "Edges": []}
        fakes.graph.put(a_node("veth"), a_node("ns", Type="netns"))
        assert (await one.next())["Obj"]["ID"] == "ns"
        fakes.graph.put(a_node("ns", revision=2, Type="netns", Path="/x"))
        assert (await one.next())["Type"] == "NodeUpdated"
        fakes.graph.put(a_node("ns", revision=3, Type="other"))
        assert (await one.next())["Type"] == "NodeDeleted"


async def test_a_filtered_partial_update_carries_the_delta_over_all_revisions_between(fakes: Fakes) -> None:
    fakes.graph.put(a_node("ns", Type="netns"))
    async with connected(fakes, NETNS, policy="partial") as one:
        one.send()
        await one.next()
        fakes.graph.put(a_node("ns", revision=2, Type="netns", A=1))
        fakes.graph.put(a_node("ns", revision=3, Type="netns", A=1, B=2))
        ops = (await one.next())["Obj"]["Ops"]
    assert [op["Key"] for op in ops] == ["A", "B"]


async def test_a_request_sets_another_filter_and_an_empty_one_removes_it(fakes: Fakes) -> None:
    fakes.graph.put(a_node("veth"), a_node("ns", Type="netns"))
    async with connected(fakes) as one:
        one.send({"GremlinFilter": NETNS})
        assert [node["ID"] for node in (await one.next())["Obj"]["Nodes"]] == ["ns"]
        one.send({"GremlinFilter": ""})
        assert len((await one.next())["Obj"]["Nodes"]) == 2
        one.send({})
        assert len((await one.next())["Obj"]["Nodes"]) == 2
        fakes.graph.put(a_node("veth2"))
        assert (await one.next())["Obj"]["ID"] == "veth2"


async def test_a_request_without_a_filter_gives_the_subscription_as_it_is(fakes: Fakes) -> None:
    fakes.graph.put(a_node("veth"), a_node("ns", Type="netns"))
    async with connected(fakes, NETNS) as one:
        one.send()
        assert len((await one.next())["Obj"]["Nodes"]) == 1


async def test_a_time_shows_the_past_with_and_without_a_filter(fakes: Fakes) -> None:
    fakes.queries.history.put(a_node("old"), a_node("oldns", Type="netns"))
    async with connected(fakes) as one:
        one.send({"Time": 1234})
        assert len((await one.next())["Obj"]["Nodes"]) == 2
        one.send({"Time": 1234, "GremlinFilter": NETNS})
        assert [node["ID"] for node in (await one.next())["Obj"]["Nodes"]] == ["oldns"]
    assert fakes.queries.asked[0] == "G.At(1234)"


async def test_a_bad_filter_keeps_the_subscription_and_tells_why(fakes: Fakes) -> None:
    fakes.graph.put(a_node())
    async with connected(fakes) as one:
        one.send({"GremlinFilter": "V("})
        reply = await one.next()
        assert (reply["Status"], reply["Obj"].splitlines()[0]) == (400, "error: a query starts with G")
        one.send({"GremlinFilter": "G.V()"})
        assert "did not return a graph" in (await one.next())["Obj"]
        one.send()
        assert (await one.next())["Status"] == 200


@pytest.mark.parametrize("frame", ["{", "[]", "\x00", "1" * 1000, '{"Namespace":"Graph","Type":"NodeAdded","Obj":{}}'])
async def test_what_is_not_understood_is_answered_and_the_client_stays(fakes: Fakes, frame: str) -> None:
    async with connected(fakes) as one:
        one.subscriber.receive(frame)
        assert (await one.next())["Status"] == 400
        one.send()
        assert (await one.next())["Status"] == 200


async def test_frames_may_be_binary_and_lack_everything_optional(fakes: Fakes) -> None:
    async with connected(fakes) as one:
        one.subscriber.receive(b'{"Namespace":"Graph","Type":"SyncRequest"}')
        reply = await one.next()
    assert "UUID" not in reply
    assert reply["Status"] == 200


async def test_a_client_that_asks_faster_than_it_is_answered_is_told_to_wait(fakes: Fakes) -> None:
    async with connected(fakes) as one:
        for _ in range(101):
            one.send()
        assert "100 requests are waiting already" in (await one.next())["Obj"]


async def test_captures_are_told_in_our_form_and_in_that_of_the_reference(fakes: Fakes) -> None:
    async with connected(fakes) as one:
        await fakes.captures.create(Capture(gremlin_query="G.V()"))
        fakes.captures.activate("c1", packets=1)
        fakes.captures.activate("c1", packets=2)
        await fakes.captures.delete("c1")
        seen = [(message["Namespace"], message["Type"]) for message in [await one.next() for _ in range(7)]]
    legacy = "OnDemandCaptureNotification"
    assert seen == [
        ("Capture", "Added"),
        (legacy, "Added"),
        ("Capture", "Updated"),
        (legacy, "NodeUpdated"),
        ("Capture", "Updated"),
        ("Capture", "Deleted"),
        (legacy, "Deleted"),
    ]


async def test_only_wanted_namespaces_are_sent(fakes: Fakes) -> None:
    async with connected(fakes, namespaces=("OnDemandCaptureNotification",)) as one:
        fakes.graph.put(a_node())
        await fakes.captures.create(Capture(gremlin_query="G.V()"))
        assert (await one.next())["Namespace"] == "OnDemandCaptureNotification"


async def test_a_slow_client_is_put_right_with_the_whole_state(fakes: Fakes) -> None:
    fakes.with_settings(subscriber_queue=5)
    await fakes.captures.create(Capture(gremlin_query="G.V()"))
    async with connected(fakes) as one:
        for number in range(10):
            fakes.graph.put(a_node(f"n{number}"))
        assert await one.client.outbox.take() is None
        state = [json.loads(message) for message in await one.subscriber.state()]
    assert [message["Type"] for message in state] == ["SyncReply", "Updated"]
    assert len(state[0]["Obj"]["Nodes"]) == 10


async def test_nobody_listens_to_the_graph_for_nobody(fakes: Fakes) -> None:
    async with connected(fakes):
        assert len(fakes.graph.listeners) == 1
    assert fakes.graph.listeners == []
    assert fakes.captures.listeners == []


def test_a_time_is_put_into_a_filter() -> None:
    assert at("", 5) == "G.At(5)"
    assert at(" g.V().SubGraph()", 5) == "G.At(5).V().SubGraph()"
    with pytest.raises(UserError, match="time of its own"):
        at("G.At('-1m').V().SubGraph()", 5)


async def test_injections_are_told_as_old_pages_expect(fakes: Fakes) -> None:
    async with connected(fakes, namespaces=("OnDemandPacketInjectionNotification",)) as one:
        view = await fakes.injections.create(Injection(src="G.V()", pcap=b"a file"), "me")
        await fakes.injections.delete(view.uuid, "me")
        told = [await one.next() for _ in range(2)]
    assert [(each["Type"], each["Obj"]["UUID"]) for each in told] == [("Added", view.uuid), ("Deleted", view.uuid)]
    assert [each["Obj"]["Pcap"] for each in told] == [None, None]


async def test_workflows_and_their_calls_are_told_without_what_they_were_given_and_found(fakes: Fakes) -> None:
    service = fakes.workflows.service
    async with connected(fakes, namespaces=("Workflow",)) as one, fakes.workflows.running():
        made = await service.create(Workflow(name="w", source="back", parameters=[Parameter("secret")]), "alice")
        job = service.call("w", ["hush"], Caller("alice"))
        await service.finished(job.uuid)
        await service.delete(made.uuid)
        told = [await one.next()]
        while told[-1]["Type"] != "Job" or told[-1]["Obj"]["State"] != "done":
            told.append(await one.next())
    definitions = [each for each in told if each["Type"] != "Job"]
    assert [(each["Type"], each["Obj"]["UUID"]) for each in definitions] == [
        ("Added", made.uuid),
        ("Deleted", made.uuid),
    ]
    last = told[-1]["Obj"]
    assert (last["UUID"], last["Workflow"], last["ActsFor"]) == (job.uuid, made.uuid, "alice")
    assert (last["Params"], last["Result"], last["Withheld"].split()[0]) == ([], None, "GET")
    assert "hush" not in json.dumps(told)


async def test_who_was_too_slow_gets_injections_and_workflows_anew(fakes: Fakes) -> None:
    view = await fakes.injections.create(Injection(src="G.V()", pcap=b"a file"), "me")
    names = ("OnDemandPacketInjectionNotification", "Workflow")
    async with connected(fakes, namespaces=names) as one, fakes.workflows.running():
        made = await fakes.workflows.service.create(Workflow(name="w", source="back"), "me")
        job = fakes.workflows.service.call("w", [], Caller("me"))
        told = [json.loads(message) for message in (await one.subscriber.state())[1:]]
    injection = next(each for each in told if each["Namespace"] == names[0])
    assert (injection["Type"], injection["Obj"]["UUID"], injection["Obj"]["Pcap"]) == ("NodeUpdated", view.uuid, None)
    workflows = {each["Obj"]["UUID"]: each["Type"] for each in told if each["Namespace"] == "Workflow"}
    assert workflows == {made.uuid: "Updated", job.uuid: "Job"}


async def test_an_alert_that_fires_is_told_as_the_reference_tells_it(fakes: Fakes) -> None:
    uuid = (await fakes.alerts.create(Alert(name="down", expression="G.V()"))).uuid
    fired = Transition(uuid, "down", 1, 1_700_000_000_123, "firing", "inactive", notified=True, reason_data=[1])
    silent = msgspec.structs.replace(fired, number=2, notified=False)
    resolved = msgspec.structs.replace(fired, number=3, state="resolved", previous="firing")
    async with connected(fakes, namespaces=("Alert",)) as client, connected(fakes, namespaces=("AlertStatus",)) as page:
        fakes.alerts._reading.read("history", Health("alerts"))
        again = msgspec.structs.replace(fired, number=4, reason_data=[2])
        for transition in (fired, silent, resolved, again):
            fakes.alerts._keep(transition)
        message = await client.next()
        assert (message["Namespace"], message["Type"]) == ("Alert", "Alert")
        assert message["Obj"] == {"UUID": uuid, "Timestamp": "2023-11-14T22:13:20.123Z", "ReasonData": [1]}
        assert (await client.next())["Obj"]["ReasonData"] == [2]
        assert await page.types(8) == ["Updated", "Transition"] * 4
