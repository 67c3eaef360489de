# SPDX-License-Identifier: Apache-2.0
"""What a flood of frames costs; with real sockets and lldpd in tests/system/test_lldp_probe.py."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.lldp import probe as lldp_probe
from netsonde.probes.lldp.probe import LldpProbe
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from unit.probes.changing import Changing
from unit.probes.lldp.frames import frame, tlv

IDENTITY = Identity("m1")


class Received(socket.socket):
    """A socket that tells where a frame came from as a packet socket does."""

    def recvfrom(self, *args: Any) -> Any:
        data, _ = super().recvfrom(*args)
        return data, ("eth0", 0, 0, 1, b"")


class Cable(Changing):
    def __init__(self, graph: Graph, health: Health, end: socket.socket) -> None:
        super().__init__(graph)
        self.health = health
        self._end = end

    async def send(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        for one in range(number):
            await loop.sock_sendall(self._end, frame(tlv(5, b"leaf-%d" % one)))

    def switches(self) -> dict[object, int]:
        return {node.metadata["Name"]: node.revision for node in self.graph.nodes_with("Type", "switch")}


@asynccontextmanager
async def plugged_in(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cable]:
    """The probe listens on one interface."""
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    batch, interface = Batch(), IDENTITY.interface(None, 2)
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    batch.put_node(interface, "netlink", {"Name": "eth0", "Type": "device", "EncapType": "ether", "IfIndex": 2})
    batch.put_edge(None, IDENTITY.host(), interface, "netlink", {"RelationType": OWNERSHIP})
    graph.apply(batch)
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    received = Received(fileno=near.detach())
    received.setblocking(False)
    far.setblocking(False)
    monkeypatch.setattr(lldp_probe, "open_socket", lambda _: received)
    monkeypatch.setattr(lldp_probe, "lost_frames", lambda _: 7)
    probe = LldpProbe(ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(), lambda _: None, lambda: 1))
    listening = asyncio.Event()
    health = Health("lldp", lambda told: listening.set() if "on 1 interfaces" in told.reason else None)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(probe.run(health))
        await asyncio.wait_for(listening.wait(), 20)
        yield Cable(graph, health, far)
        task.cancel()
    far.close()
    registry.close()


async def test_switch_that_changes_with_every_frame_makes_few_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lldp_probe, "PUBLISH_EVERY", 0.1)
    monkeypatch.setattr(lldp_probe, "FRAMES_A_TURN", 1)
    monkeypatch.setattr(lldp_probe, "BREATH", 0.0)
    async with plugged_in(monkeypatch) as cable:
        await cable.send(200)
        await cable.until(lambda: "leaf-199" in cable.switches())
        assert cable.health.counters["frames"] == 200
        assert cable.switches()["leaf-199"] < 20


async def test_flooded_interface_is_left_alone_for_a_while_and_its_losses_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lldp_probe, "PUBLISH_EVERY", 0.0)
    monkeypatch.setattr(lldp_probe, "FRAMES_A_TURN", 4)
    monkeypatch.setattr(lldp_probe, "BREATH", 0.05)
    async with plugged_in(monkeypatch) as cable:
        began = asyncio.get_running_loop().time()
        await cable.send(16)
        await cable.until(lambda: "leaf-15" in cable.switches())
        assert asyncio.get_running_loop().time() - began > 0.04
        assert cable.health.counters["dropped"] >= 7
