# SPDX-License-Identifier: Apache-2.0
"""Tracked connections and rules on the host's node: as they change, and while a kernel does not answer."""

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Any

import pytest

from netsonde.aio import spawn
from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import Namespace, NamespaceRegistry
from netsonde.probes.netfilter import probe as module
from netsonde.probes.netfilter.conntrack import Conntrack
from netsonde.probes.netfilter.door import Door
from netsonde.probes.netfilter.probe import NetfilterProbe
from netsonde.probes.netfilter.settings import NetfilterSettings
from netsonde.probes.settings import ProbeSettings
from unit.captures.fakes import until
from unit.probes.netfilter.kernel import INET, Kernel

IDENTITY = Identity("m1")


class Lab:
    """A host with one namespace, its own, whose kernel says what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel: Kernel | OSError | None = Kernel()
        self.conntrack: Conntrack | None = None
        self.kernels: list[Kernel] = []
        self.metrics: list[InterfaceMetric] = []
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        registry = NamespaceRegistry()
        monkeypatch.setattr(registry, "enter_each", self.enter_each)
        monkeypatch.setattr(module, "CPU_SHARE", 1e9)
        monkeypatch.setattr(module, "SHORTEST_PAUSE", 0.001)
        settings = ProbeSettings(netfilter=NetfilterSettings(interval=0.001))
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, self.metrics.extend, lambda: 1)
        self.probe = NetfilterProbe(context)
        self.health = Health("netfilter")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    async def enter_each(self, namespaces: list[Namespace], *_: object) -> list[Door | OSError]:
        found = self.kernel
        if isinstance(found, OSError):
            return [found for _ in namespaces]
        if found is not None:
            self.kernels.append(found)
        source: Any = found
        return [Door(self.conntrack, source) for _ in namespaces]

    def shown(self, key: str) -> Json:
        found = self.graph.node(IDENTITY.host())
        return None if found is None else found.metadata.get(key)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "netfilter")
        yield found
        task.cancel()


def rules(lab: Lab) -> Json:
    shown = lab.shown("NFTables")
    return shown["Rules"] if isinstance(shown, dict) else None


def kernel(rules: int, generation: int) -> Kernel:
    return Kernel({1: [(INET, "t")], 7: [(INET, "t")] * rules}, generation)


async def test_rules_are_read_when_their_generation_is_another(lab: Lab) -> None:
    first = lab.kernel = kernel(3, 2)
    await until(lambda: rules(lab) == 3)
    await until(lambda: first.questions[-3:] == [16, 16, 16])
    assert first.questions.count(7) == 1, "rules that did not change are not read again"
    assert first.closed, "an open socket keeps a namespace alive"
    lab.kernel = kernel(5, 3)
    await until(lambda: rules(lab) == 5)
    lab.kernel = Kernel(generation=4)
    await until(lambda: lab.shown("NFTables") is None)


async def test_rules_that_change_while_they_are_read_stay_as_they_were_known(lab: Lab) -> None:
    lab.kernel = kernel(3, 2)
    await until(lambda: rules(lab) == 3)
    restless = lab.kernel = kernel(5, 3)
    restless.interruptions = 10
    await until(lambda: restless.interruptions < 7)
    assert rules(lab) in (3, 5)
    await until(lambda: rules(lab) == 5)


async def test_connections_are_on_the_node_and_every_value_is_a_metric(lab: Lab) -> None:
    lab.conntrack = Conntrack(100, 1000, "drop\n00000001\n")
    await until(lambda: lab.shown("Conntrack") == {"Count": 100, "Max": 1000})
    lab.conntrack = Conntrack(101, 1000, "drop\n00000003\n")
    await until(lambda: len(lab.metrics) == 1)
    assert lab.metrics[0].node_id == IDENTITY.host()
    assert lab.metrics[0].counters == {"ConntrackDrop": 2, "ConntrackEntries": 101}
    assert lab.shown("Conntrack") == {"Count": 100, "Max": 1000}, "one more is no revision of the node"
    lab.conntrack = None
    await until(lambda: lab.shown("Conntrack") is None)


async def test_kernel_without_nftables_tells_connections_all_the_same(lab: Lab) -> None:
    lab.kernel, lab.conntrack = None, Conntrack(100, 1000)
    await until(lambda: lab.shown("Conntrack") is not None)
    assert lab.health.reason == ""


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (OSError(errno.EPERM, "not permitted"), "1 namespaces cannot be entered: run as root"),
        (Kernel(refusal=errno.EPERM), "in 1 namespaces the kernel does not tell the rules"),
        (Kernel(rubbish=b"\xff" * 64), "in 1 namespaces netlink message"),
    ],
    ids=["cannot be entered", "refuses", "talks rubbish"],
)
async def test_kernel_that_does_not_answer_is_told_and_what_was_known_stays(
    lab: Lab, broken: Kernel | OSError, reason: str
) -> None:
    lab.kernel = kernel(3, 2)
    await until(lambda: rules(lab) == 3)
    lab.kernel = broken
    await until(lambda: reason in lab.health.reason)
    assert lab.health.state == "running"
    assert rules(lab) == 3
    lab.kernel = kernel(4, 3)
    await until(lambda: rules(lab) == 4)
    await until(lambda: lab.health.reason == "")
