# SPDX-License-Identifier: Apache-2.0
"""Devices on the host's node and ports on interfaces: as they change, and while a kernel does not answer."""

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from netsonde.aio import spawn
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.devlink import probe as module
from netsonde.probes.devlink.probe import DevlinkProbe
from netsonde.probes.devlink.settings import DevlinkSettings
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import Namespace, NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from unit.captures.fakes import until
from unit.probes.devlink.kernel import CARD, GET, INFO_GET, Kernel, card

IDENTITY = Identity("m1")


class Lab:
    """A host whose own namespace has a card."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, interval: float = 0.001) -> None:
        self.kernel: Kernel | OSError = card()
        self.looks = 0
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        registry = NamespaceRegistry()
        monkeypatch.setattr(registry, "enter_each", self.enter_each)
        monkeypatch.setattr(module, "PAUSE", 0.001)
        settings = ProbeSettings(devlink=DevlinkSettings(interval=interval))
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
        self.probe = DevlinkProbe(context)
        self.health = Health("devlink")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    async def enter_each(self, namespaces: list[Namespace], *_: object) -> list[Any]:
        self.looks += 1
        return [cast("Any", self.kernel) for _ in namespaces]

    def put(self, ifindex: int, port: int) -> str:
        node = IDENTITY.interface(None, ifindex)
        batch = Batch()
        name = f"eth{ifindex}"
        batch.put_node(node, "netlink", {"Name": name, "Type": "device", "DevlinkPort": f"{CARD}/{port}"})
        batch.put_edge(None, IDENTITY.host(), node, "netlink", {"RelationType": OWNERSHIP})
        self.graph.apply(batch)
        return node

    def drop(self, node: str) -> None:
        batch = Batch()
        batch.drop_layer(node, "netlink")
        self.graph.apply(batch)

    def port(self, node: str, key: str = "Flavour") -> Json:
        found = self.graph.node(node)
        shown = None if found is None else found.metadata.get("Devlink")
        return shown.get(key) if isinstance(shown, dict) else None

    def state(self) -> Json:
        """Return the state of the card's first reporter, None without a card."""
        found = self.graph.node(IDENTITY.host())
        devices = [] if found is None else found.metadata.get("DevlinkDevices", [])
        assert isinstance(devices, list)
        return devices[0]["Reporters"][0]["State"] if devices else None  # type: ignore[index, call-overload]


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "devlink")
        yield found
        task.cancel()


async def test_devices_and_ports_follow_the_kernel(lab: Lab) -> None:
    uplink, representor = lab.put(5, 65535), lab.put(6, 65540)
    await until(lambda: lab.port(uplink) == "physical" and lab.port(representor) == "pcivf")
    await until(lambda: lab.state() == "healthy")
    revision, looks = lab.graph.node(uplink), lab.looks
    await until(lambda: lab.looks > looks + 2)
    assert lab.graph.node(uplink) == revision, "a look that finds nothing new makes no revision"
    lab.kernel = card(mode=0, errors=1)
    await until(lambda: lab.state() == "error")
    assert lab.port(uplink, "EswitchMode") == "legacy"
    gone = lab.kernel = Kernel()
    await until(lambda: lab.state() is None)
    assert lab.port(uplink) is None
    assert gone.closed, "an open socket keeps a namespace alive"


async def test_port_that_comes_is_looked_at_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch, interval=3600.0)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, lab.probe.run(lab.health), "devlink")
        await until(lambda: lab.state() is not None)
        node = lab.put(5, 65535)
        await until(lambda: lab.port(node) == "physical")
        task.cancel()


async def test_interface_that_comes_back_has_its_port_again(lab: Lab) -> None:
    node = lab.put(5, 65535)
    await until(lambda: lab.port(node) is not None)
    lab.drop(node)
    assert lab.graph.node(node) is None
    lab.put(5, 65535)
    await until(lambda: lab.port(node) is not None)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (OSError(errno.EPERM, "not permitted"), "cannot be entered: run as root"),
        (Kernel({GET: errno.EBUSY}), "does not list devlink devices"),
        (Kernel(rubbish=b"\xff" * 64), "netlink message"),
        (Kernel({**card().told, INFO_GET: errno.EIO}), "firmware cannot be read: EIO"),
    ],
    ids=["cannot be entered", "refuses", "talks rubbish", "fails one question"],
)
async def test_kernel_that_does_not_answer_is_told_and_what_was_known_stays(
    lab: Lab, broken: Kernel | OSError, reason: str
) -> None:
    node = lab.put(5, 65535)
    await until(lambda: lab.port(node) is not None)
    lab.kernel = broken
    await until(lambda: reason in lab.health.reason)
    assert lab.health.state == "running"
    assert (lab.port(node), lab.state()) == ("physical", "healthy")
    lab.kernel = card(errors=1)
    await until(lambda: lab.state() == "error")
    await until(lambda: lab.health.reason == "")


async def test_kernel_without_devlink_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch)
    lab.kernel = Kernel(known=False)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, lab.probe.run(lab.health), "devlink")
        await until(lambda: lab.health.state == "running")
        lab.put(5, 65535)
        task.cancel()
    assert lab.looks == 1
    assert lab.health.reason == ""
