# SPDX-License-Identifier: Apache-2.0
"""Block devices in the graph, as files come, change and go."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netsonde.aio import spawn
from netsonde.errors import SourceLost
from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Node
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.blockdev import probe as module
from netsonde.probes.blockdev.probe import BlockdevProbe
from netsonde.probes.blockdev.settings import BlockdevSettings
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from unit.captures.fakes import until
from unit.probes.blockdev.machine import Machine

IDENTITY = Identity("m1")
COUNTS = "8 0 sda {reads} 0 0 0 0 0 0 0 0 0 0\n"


class Lab:
    """A host with block devices, made of files."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PAUSE", 0.001)
        monkeypatch.setattr(module, "CPU_SHARE", 1.0)
        self.machine = Machine(root)
        self.metrics: list[InterfaceMetric] = []
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        settings = ProbeSettings(blockdev=BlockdevSettings(interval=0.001))
        registry = NamespaceRegistry()
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, self.metrics.extend, lambda: 1)
        self.probe = BlockdevProbe(context, root)
        self.health = Health("blockdev")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    def find(self, path: str) -> Node | None:
        return next(iter(self.graph.nodes_with("Path", path)), None)


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(tmp_path, monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "blockdev")
        yield found
        task.cancel()


async def test_devices_come_change_and_go(lab: Lab) -> None:
    lab.machine.device("sda", "8:0")
    lab.machine.device("sda1", "8:1", on="sda")
    await until(lambda: lab.find("/dev/sda1") is not None)
    disk = lab.find("/dev/sda")
    assert disk is not None
    assert disk.metadata["Type"] == "blockdev"
    lab.machine.mount("8:1", "/srv")
    await until(lambda: bool(lab.graph.nodes_with("Name", "/srv")))
    assert lab.find("/dev/sda") == disk, "what did not change has no new revision"
    lab.machine.gone("sda1")
    await until(lambda: lab.find("/dev/sda1") is None)
    await until(lambda: bool(lab.graph.nodes_with("Type", "blockdevleaf")))


async def test_counters_are_metrics_and_no_revisions(lab: Lab) -> None:
    lab.machine.device("sda", "8:0")
    lab.machine.counts(COUNTS.format(reads=10))
    await until(lambda: lab.find("/dev/sda") is not None)
    disk = lab.find("/dev/sda")
    assert disk is not None
    looks = lab.health.counters["looks"]
    await until(lambda: lab.health.counters["looks"] > looks + 1)
    lab.machine.counts(COUNTS.format(reads=13))
    await until(lambda: lab.metrics != [])
    assert (lab.metrics[0].node_id, lab.metrics[0].counters) == (disk.id, {"Reads": 3})
    assert lab.find("/dev/sda") == disk


async def test_second_run_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)
    lab.machine.device("sda", "8:0")
    lab.machine.device("sdb", "8:16")
    async with asyncio.TaskGroup() as group:
        first = spawn(group, lab.probe.run(lab.health), "first")
        await until(lambda: lab.find("/dev/sdb") is not None)
        first.cancel()
    disk = lab.find("/dev/sda")
    lab.machine.gone("sdb")
    async with asyncio.TaskGroup() as group:
        second = spawn(group, lab.probe.run(lab.health), "second")
        await until(lambda: lab.find("/dev/sdb") is None)
        second.cancel()
    assert lab.find("/dev/sda") == disk


async def test_system_that_does_not_tell_of_changes_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(tmp_path, monkeypatch)

    def refuse(_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "Changes", refuse)
    with pytest.raises(SourceLost, match="cannot be followed: Operation not permitted"):
        await lab.probe.run(lab.health)
