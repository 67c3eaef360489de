# SPDX-License-Identifier: Apache-2.0
"""The whole probe with monitors that come, change, hang, talk rubbish and lie."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.lxc.probe import LxcProbe
from netsonde.probes.lxc.settings import LxcSettings
from netsonde.probes.lxc.sockets import CommandSocket, command_sockets
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from netsonde.schema import unlisted
from unit.probes.changing import Changing
from unit.probes.lxc.monitors import HEADER, OURS, Monitor

IDENTITY = Identity("m1")


class Lab(Changing):
    """The graph, and signs of new namespaces."""

    def __init__(self, graph: Graph, health: Health, registry: NamespaceRegistry) -> None:
        super().__init__(graph, health)
        self.health = health
        self.hint = registry.hint

    def find(self, monitor: Monitor) -> dict[str, Json]:
        """Return the metadata of one monitor's container: others on the machine are none of ours."""
        nodes = self.graph.nodes_with("Type", "container")
        return next((one.metadata for one in nodes if one.metadata["LXC"] == lxc(monitor)), {})

    def status(self, monitor: Monitor) -> Any:
        container = self.find(monitor).get("Container")
        return container["Status"] if isinstance(container, dict) else None


def lxc(monitor: Monitor) -> Json:
    return {"Path": monitor.path}


@pytest.fixture(autouse=True)
def ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def ours() -> set[CommandSocket]:
        return {one for one in command_sockets() if one.address in OURS}

    monkeypatch.setattr("netsonde.probes.lxc.probe.command_sockets", ours)


@asynccontextmanager
async def running(answer_timeout: float = 1.0) -> AsyncIterator[Lab]:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    settings = ProbeSettings(lxc=LxcSettings(scan_interval=60, answer_timeout=answer_timeout))
    context = ProbeContext(graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
    probe = LxcProbe(context)
    probe.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([probe], retry_delay=0.01)
    lab = Lab(graph, runner.healths["lxc"], registry)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until(lambda: lab.health.state == "running")
        yield lab
        task.cancel()
    registry.close()


async def test_container_is_followed_from_state_to_state() -> None:
    async with running() as lab, AsyncExitStack() as stack:
        monitor = await stack.enter_async_context(Monitor(state="STARTING"))
        lab.hint()
        await lab.until(lambda: lab.status(monitor) == "starting")
        for state, status in (("RUNNING", "running"), ("FROZEN", "frozen"), ("THAWED", "running")):
            monitor.change(state)
            await lab.until(lambda status=status: lab.status(monitor) == status)  # type: ignore[misc]
        monitor.change("STOPPED")
        await lab.until(lambda: not lab.find(monitor))
        monitor.change("RUNNING")
        await lab.until(lambda: lab.status(monitor) == "running")
        await stack.aclose()
        await lab.until(lambda: not lab.find(monitor))


async def test_configuration_is_shown_as_the_monitor_tells_it() -> None:
    config = {"lxc.uts.name": "inside", "lxc.rootfs.path": "/r", "lxc.net": "veth\nphys\n", "lxc.net.0.type": "veth"}
    config |= {"lxc.net.0.veth.pair": "vethX", "lxc.net.0.hwaddr": "00:16:3E:00:00:01", "lxc.net.5.type": "phys"}
    config |= {"lxc.net.0.link": "(null)"}
    async with Monitor(config=config) as monitor, running() as lab:
        node = next(one for one in lab.graph.nodes_with("LXC.Path", monitor.path))
        assert node.metadata["Container"] == {
            "ID": f"{monitor.path}/web",
            "Runtime": "lxc",
            "Status": "running",
            "InitProcessPID": os.getpid(),
            "Hostname": "inside",
        }
        veth = {"Index": 0, "Type": "veth", "MAC": "00:16:3e:00:00:01", "Peer": "vethX"}
        shown = {"Path": monitor.path, "Rootfs": "/r", "Interfaces": [veth, {"Index": 5, "Type": "phys"}]}
        assert node.metadata["LXC"] == shown
        assert unlisted(node.metadata) == []


async def test_containers_of_lxd_say_so() -> None:
    async with Monitor(path=f"/var/snap/lxd/{secrets.token_hex(6)}") as monitor, running() as lab:
        assert lab.find(monitor)["Manager"] == "lxd"


@pytest.mark.parametrize("rubbish", [HEADER.pack(0, 0, 99), HEADER.pack(0, 1 << 30, 2), HEADER.pack(0, -5, 2)])
async def test_rubbish_is_counted_and_hides_nobody_else(rubbish: bytes) -> None:
    async with Monitor(answer=rubbish) as bad, Monitor() as good, running() as lab:
        await lab.until(lambda: lab.status(good) == "running")
        await lab.until(lambda: lab.health.counters.get("unreadable", 0) > 0)
        assert not lab.find(bad)
        assert "no answer that could be read" in lab.health.reason


async def test_monitor_that_hangs_is_asked_again_and_shown_when_it_answers() -> None:
    async with Monitor(silent=True) as slow, Monitor() as good, running(answer_timeout=1.0) as lab:
        await lab.until(lambda: lab.status(good) == "running")
        await lab.until(lambda: "no answer" in lab.health.reason)
        slow.silent = False
        lab.hint()
        await lab.until(lambda: lab.status(slow) == "running")
        await lab.until(lambda: lab.health.reason == "")


async def test_two_sockets_of_one_container_do_not_hide_it_when_the_old_one_ends() -> None:
    async with running() as lab, AsyncExitStack() as stack:
        old = await stack.enter_async_context(Monitor())
        lab.hint()
        await lab.until(lambda: lab.status(old) == "running")
        new = Monitor(path=f"{old.path}/again")
        async with new:
            new.path = old.path  # what it answers; the socket's name is another one
            lab.hint()
            await new.asked.wait()
            new.config["lxc.uts.name"] = "new"
            new.change("FROZEN")
            await lab.until(lambda: lab.status(old) == "frozen")
            await stack.aclose()
            new.change("RUNNING")
            await lab.until(lambda: lab.status(new) == "running")
