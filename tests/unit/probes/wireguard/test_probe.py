# SPDX-License-Identifier: Apache-2.0
"""Peers on the nodes of interfaces: as they come, change and go, and while a kernel does not answer."""

import asyncio
import errno
from collections.abc import AsyncIterator

import pytest

from netsonde.aio import spawn
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import Namespace, NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from netsonde.probes.wireguard import probe as module
from netsonde.probes.wireguard.probe import WireGuardProbe
from netsonde.probes.wireguard.settings import WireGuardSettings
from unit.captures.fakes import until
from unit.probes.wireguard.kernel import DONE, Kernel, device, endpoint, error, interrupted, peer

IDENTITY = Identity("m1")
PEER = peer(1, "10.1.0.0/16", at=endpoint("192.0.2.9", 51820))


class Lab:
    """A host whose own namespace has a kernel with WireGuard."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel: Kernel | OSError = Kernel()
        self.kernels: list[Kernel] = []
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        registry = NamespaceRegistry()
        monkeypatch.setattr(registry, "enter_each", self.enter_each)
        monkeypatch.setattr(module, "PAUSE", 0.001)
        settings = ProbeSettings(wireguard=WireGuardSettings(interval=0.001))
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
        self.probe = WireGuardProbe(context)
        self.health = Health("wireguard")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    async def enter_each(self, namespaces: list[Namespace], *_: object) -> list[Kernel | OSError]:
        return [self.kernel for _ in namespaces]

    def put(self, ifindex: int) -> str:
        node = IDENTITY.interface(None, ifindex)
        batch = Batch()
        batch.put_node(node, "netlink", {"Name": f"wg{ifindex}", "Type": "wireguard", "IfIndex": ifindex})
        batch.put_edge(None, IDENTITY.host(), node, "netlink", {"RelationType": OWNERSHIP})
        self.graph.apply(batch)
        return node

    def drop(self, node: str) -> None:
        batch = Batch()
        batch.drop_layer(node, "netlink")
        self.graph.apply(batch)

    def shown(self, node: str) -> Json:
        found = self.graph.node(node)
        return None if found is None else found.metadata.get("WireGuard")


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "wireguard")
        yield found
        task.cancel()


def ports(shown: Json) -> Json:
    return shown["ListenPort"] if isinstance(shown, dict) else None


async def test_peers_are_on_the_interface_and_follow_the_kernel(lab: Lab) -> None:
    kernel = lab.kernel = Kernel({5: [device(5, PEER), DONE]})
    node = lab.put(5)
    await until(lambda: ports(lab.shown(node)) == 51820)
    assert kernel.closed, "an open socket keeps a namespace alive"
    kernel.devices[5] = [device(5, PEER, port=7), DONE]
    await until(lambda: ports(lab.shown(node)) == 7)
    revision = lab.graph.node(node)
    looks = len(kernel.buffers)
    await until(lambda: len(kernel.buffers) > looks + 4)
    assert lab.graph.node(node) == revision, "a look that finds nothing new makes no revision"
    del kernel.devices[5]
    await until(lambda: lab.shown(node) is None)


async def test_list_of_peers_that_changed_while_it_was_told_is_not_believed(lab: Lab) -> None:
    kernel = lab.kernel = Kernel({5: [device(5, PEER), DONE]})
    node = lab.put(5)
    await until(lambda: lab.shown(node) is not None)
    before = lab.shown(node)

    kernel.devices[5] = [interrupted(device(5)), DONE]
    looks = len(kernel.buffers)
    await until(lambda: len(kernel.buffers) > looks + 20)
    assert lab.shown(node) == before
    kernel.devices[5] = [device(5, PEER, port=7), interrupted(DONE)]
    looks = len(kernel.buffers)
    await until(lambda: len(kernel.buffers) > looks + 20)
    assert lab.shown(node) == before
    kernel.devices[5] = [device(5, PEER, port=7), DONE]
    await until(lambda: ports(lab.shown(node)) == 7)


async def test_interface_that_comes_back_has_its_peers_again(lab: Lab) -> None:
    lab.kernel = Kernel({5: [device(5, PEER), DONE]})
    node = lab.put(5)
    await until(lambda: lab.shown(node) is not None)
    lab.drop(node)
    assert lab.graph.node(node) is None
    lab.put(5)
    await until(lambda: lab.shown(node) is not None)


@pytest.mark.parametrize(
    "kernel",
    [
        OSError(errno.EPERM, "not permitted"),
        Kernel({5: [error(errno.EPERM)]}),
        Kernel({5: [device(5)]}),
        Kernel({5: [b"\xff" * 64]}),
    ],
    ids=["cannot be entered", "refuses", "falls silent", "talks rubbish"],
)
async def test_kernel_that_does_not_answer_is_told_and_what_was_known_stays(lab: Lab, kernel: Kernel | OSError) -> None:
    lab.kernel = Kernel({5: [device(5, PEER), DONE]})
    node = lab.put(5)
    await until(lambda: lab.shown(node) is not None)
    lab.kernel = kernel
    await until(lambda: "cannot be read" in lab.health.reason)
    assert lab.health.state == "running"
    assert lab.shown(node) is not None
    lab.kernel = Kernel({5: [device(5, PEER, port=9), DONE]})
    await until(lambda: ports(lab.shown(node)) == 9)
    assert lab.health.reason == ""
