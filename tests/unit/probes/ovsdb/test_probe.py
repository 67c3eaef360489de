# SPDX-License-Identifier: Apache-2.0
"""The whole probe against a server that replays the recording, talks rubbish, goes away and comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.ovsdb.jsonrpc import JsonRpc
from netsonde.probes.ovsdb.probe import OvsdbProbe
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from unit.probes.ovsdb.lab import recording

IDENTITY = Identity("m1")


class Server:
    """Answers get_schema and monitor_cond_since from the recording, has no counters; a test sends the notes itself."""

    def __init__(self) -> None:
        self.data = recording()
        self.connections = 0
        self.refuses: set[str] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._ended: list[asyncio.Event] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        self._ended.append(asyncio.Event())
        ended = self._ended[-1]
        with suppress(OSError):
            while data := await reader.read(65536):
                self._answer(json.loads(data), writer)
            writer.close()
        ended.set()

    def _answer(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        results = {"get_schema": self.data["schema"], "monitor_cond_since": self.data["first"], "monitor_cond": {}}
        refused = {"error": "not allowed"} if request["method"] in self.refuses else None
        reply = {"id": request["id"], "result": results.get(request["method"]), "error": refused}
        writer.write(json.dumps(reply).encode())

    def send(self, data: bytes) -> None:
        self._writers[-1].write(data)

    def drop(self) -> None:
        self._writers[-1].close()

    async def end(self) -> None:
        for ended in self._ended:
            await ended.wait()


class Lab:
    def __init__(self, graph: Graph, server: Server, health: Health) -> None:
        self.graph = graph
        self.server = server
        self.health = health
        self.changed = asyncio.Event()

    def names(self) -> set[object]:
        return {node.metadata["Name"] for node in self.graph.nodes()}

    async def until(self, name: str, *, there: bool) -> None:
        async with asyncio.timeout(20):
            while (name in self.names()) is not there:
                self.changed.clear()
                await self.changed.wait()

    async def until_noted(self, node: str) -> None:
        async with asyncio.timeout(20):
            while not self.graph.is_noted(node):
                self.changed.clear()
                await self.changed.wait()

    async def until_state(self, state: str, *, because: str) -> None:
        """Wait until the probe is in a state, for a reason that has these words."""
        self.health.on_change = lambda _: self.changed.set()
        async with asyncio.timeout(20):
            while self.health.state != state or because not in self.health.reason:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Lab]:
    graph, server, registry = Graph("h1", "agent.h1", lambda: 1), Server(), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    settings = ProbeSettings(ovsdb=OvsdbSettings(addresses=(f"unix:{tmp_path}/s",), absent_port_delay=0.0))
    context = ProbeContext(graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
    (probe,) = OvsdbProbe.all(context)
    probe.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([probe], retry_delay=0.01)
    lab = Lab(graph, server, runner.healths["ovsdb"])
    graph.subscribe(lambda _: lab.changed.set())
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "s")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until("br-int", there=True)
        yield lab
        task.cancel()
    listening.close()
    await server.end()
    registry.close()


def update(rows: dict[str, Any]) -> bytes:
    return json.dumps({"method": "update3", "params": ["netsonde", "0", rows], "id": None}).encode()


def note(number: int) -> bytes:
    return json.dumps(recording()["notes"][number]).encode()


async def test_recorded_bridges_and_ports_are_in_the_graph(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        assert {"br-int", "br-tun", "patch-int", "patch-tun", "vxlan-1", "qr-1"} <= lab.names()
        assert lab.health.state == "running"


async def test_rubbish_is_the_reason_of_a_new_start_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        before = {node.id: node.revision for node in lab.graph.nodes()}
        reasons: list[str] = []

        def note_reason(health: Health) -> None:
            reasons.append(health.reason)
            lab.changed.set()

        lab.health.on_change = note_reason
        lab.server.send(b'{"method":"update3","params":["netsonde","0",{"Port":[]}]}')
        async with asyncio.timeout(20):
            while lab.health.state != "running" or lab.server.connections < 2:
                lab.changed.clear()
                await lab.changed.wait()
        assert "cannot be used" in reasons[0]
        assert {node.id: node.revision for node in lab.graph.nodes()} == before


async def test_server_that_refuses_counters_is_followed_without_them(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.server.refuses.add("monitor_cond")
        lab.server.drop()
        await lab.until_state("running", because="without counters: monitor_cond: ")
        lab.server.send(note(0))
        await lab.until("tap1", there=True)


async def test_row_that_vanished_while_the_server_was_away_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.server.send(note(0))
        await lab.until("tap1", there=True)
        lab.server.drop()  # the recording that it answers with the next time has no tap1
        await lab.until("tap1", there=False)
        assert "br-int" in lab.names()


async def test_row_deleted_by_an_update_that_is_half_rubbish_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.server.send(update({"Bridge": {"u": {"insert": {"name": "br-new"}}}}))
        await lab.until("br-new", there=True)
        lab.server.send(update({"Bridge": {"u": {"delete": None}}, "Port": []}))
        await lab.until("br-new", there=False)
        assert "br-int" in lab.names()


async def test_all_rows_that_are_half_rubbish_take_nothing_away(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        first = lab.server.data["first"]
        lab.server.data["first"] = [False, "0", {"Bridge": {}, "Port": []}]
        before = lab.names()
        lab.server.drop()
        await lab.until_state("failed", because="cannot be used")
        assert lab.names() == before
        lab.server.data["first"] = first
        await lab.until_state("running", because="Open vSwitch at")
        assert lab.names() == before


async def test_device_made_anew_while_the_server_was_away_is_noted_again(tmp_path: Path) -> None:
    device = IDENTITY.interface(None, 7)
    put, delete = Batch(), Batch()
    put.put_node(device, "netlink", {"Name": "br-int", "IfIndex": 7, "Driver": "openvswitch"})
    delete.delete_node(device)
    async with running(tmp_path) as lab:
        lab.graph.apply(put)
        await lab.until_noted(device)
        first = lab.server.data["first"]
        lab.server.data["first"] = []
        lab.server.drop()
        await lab.until_state("failed", because="answered monitor_cond_since with []")
        lab.graph.apply(delete)
        lab.graph.apply(put)
        lab.server.data["first"] = first
        await lab.until_state("running", because="Open vSwitch at")
        await lab.until_noted(device)


async def test_each_address_has_a_probe_of_its_own(tmp_path: Path) -> None:
    settings = OvsdbSettings(addresses=("unix:/run/a", "ssl:192.0.2.1:6640"), tls_ca=tmp_path / "ca.pem")
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(ovsdb=settings), lambda _: None, lambda: 1)
    assert [(probe.name, probe.daemon) for probe in OvsdbProbe.all(context)] == [
        ("ovsdb", "unix:/run/a"),
        ("ovsdb-2", "ssl:192.0.2.1:6640"),
    ]
    registry.close()


async def test_switch_that_turns_out_to_be_another_hosts_is_moved_from_the_host_with_all_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as lab:
        before = bridges(lab)
        monkeypatch.setattr(JsonRpc, "is_here", lambda *_: False)
        lab.server.drop()
        await lab.until_state("running", because="another host's")
        nodes, after = {node.id: node for node in lab.graph.nodes()}, bridges(lab)
        assert before.keys() == after.keys() == {"br-int", "br-tun"}
        assert nodes.keys().isdisjoint(before.values())
        (system,) = (node for node in nodes.values() if node.metadata["Type"] == "ovsswitch")
        assert {edge.child for edge in lab.graph.out_edges(system.id)} == set(after.values())
        assert {node.host for node in nodes.values()} == {"h1", ""}
        host = nodes[IDENTITY.host()]
        assert [node for node in nodes.values() if node.host] == [host]
        assert "Ovs" not in host.metadata
        assert not list(lab.graph.out_edges(host.id))


def bridges(lab: Lab) -> dict[object, str]:
    """Return the ids of the bridges by name."""
    return {node.metadata["Name"]: node.id for node in lab.graph.nodes() if node.metadata["Type"] == "ovsbridge"}
