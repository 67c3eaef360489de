# SPDX-License-Identifier: Apache-2.0
"""What exporters of flows get."""

import json
from typing import Any

import pytest

from netsonde.api.websocket.flow_stream import FlowClient, FlowHub
from netsonde.api.websocket.handshake import Handshake
from netsonde.model.captures import Capture
from unit.api.fakes import Fakes


def client(*namespaces: str) -> FlowClient:
    return FlowClient(Handshake("me", "exporter", frozenset(namespaces), "", "full"), 100)


async def taken(one: FlowClient) -> dict[str, Any]:
    message = await one.outbox.take()
    assert message is not None
    decoded: dict[str, Any] = json.loads(message)
    return decoded


@pytest.fixture
def fakes() -> Fakes:
    fakes = Fakes.new()
    fakes.captures.put(Capture(uuid="c1", gremlin_query="G.V()"))
    return fakes


async def test_flows_of_every_capture_come_by_default(fakes: Fakes) -> None:
    hub, one = FlowHub(fakes.services()), client()
    hub.join(one)
    fakes.flows.report({"UUID": "f1", "CaptureID": "c1"}, {"UUID": "f2"})
    message = await taken(one)
    assert (message["Namespace"], message["Type"]) == ("flow", "store")
    assert [flow["UUID"] for flow in message["Obj"]] == ["f1", "f2"]


async def test_a_client_may_want_one_capture_only(fakes: Fakes) -> None:
    hub, one = FlowHub(fakes.services()), client("flow/c1")
    hub.join(one)
    fakes.flows.report({"UUID": "f1", "CaptureID": "c1"}, {"UUID": "f2", "CaptureID": "c2"})
    message = await taken(one)
    assert message["Namespace"] == "flow/c1"
    assert [flow["UUID"] for flow in message["Obj"]] == ["f1"]


async def test_statistics_of_a_capture_are_sums_over_its_interfaces(fakes: Fakes) -> None:
    hub, one = FlowHub(fakes.services()), client("stats")
    hub.join(one)
    fakes.flows.report({"UUID": "f1", "CaptureID": "c1"})
    fakes.captures.activate("c1", packets=9)
    message = await taken(one)
    assert (message["Namespace"], message["Type"]) == ("stats", "stats")
    assert message["Obj"] == {
        "CaptureID": "c1",
        "PacketsReceived": 9,
        "PacketsDropped": 2,
        "FlowCount": 1,
        "FlowDropped": 3,
        "KernelFlowDropped": 0,
    }


async def test_what_was_counted_of_a_capture_goes_with_it(fakes: Fakes) -> None:
    hub, one = FlowHub(fakes.services()), client("stats")
    hub.join(one)
    fakes.flows.report({"UUID": "f1", "CaptureID": "c1"})
    fakes.captures.activate("c1")
    assert (await taken(one))["Obj"]["FlowCount"] == 1
    await fakes.captures.delete("c1")
    fakes.captures.put(Capture(uuid="c1", gremlin_query="G.V()"))
    assert (await taken(one))["Obj"]["FlowCount"] == 0


async def test_large_reports_are_cut_into_batches_of_a_hundred(fakes: Fakes) -> None:
    hub, one = FlowHub(fakes.services()), client("flow")
    hub.join(one)
    fakes.flows.report(*({"UUID": str(number)} for number in range(250)))
    assert [len((await taken(one))["Obj"]) for _ in range(3)] == [100, 100, 50]


async def test_one_exporter_that_leaves_does_not_silence_the_others(fakes: Fakes) -> None:
    hub, stays, leaves = FlowHub(fakes.services()), client("flow"), client("flow")
    hub.join(stays)
    hub.join(leaves)
    hub.leave(leaves)
    fakes.flows.report({"UUID": "f1"})
    assert (await taken(stays))["Obj"] == [{"UUID": "f1"}]
    hub.leave(stays)
    assert fakes.flows.listeners == []


@pytest.mark.parametrize("named", [(), ("*",)])
def test_a_star_means_what_no_namespace_means(named: tuple[str, ...]) -> None:
    assert client(*named).namespaces == {"flow", "stats"}
