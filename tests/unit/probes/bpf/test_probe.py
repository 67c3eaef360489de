# SPDX-License-Identifier: Apache-2.0
"""Programs on the nodes of interfaces: as they come and go, and where rights are missing."""

import asyncio
import errno
import struct
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from netsonde.aio import spawn
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json, Metadata
from netsonde.observe import Health
from netsonde.probes import netlink_wire as wire
from netsonde.probes._api import ProbeContext
from netsonde.probes.bpf import probe as module
from netsonde.probes.bpf.kernel import BPF_PROG_TYPE_SCHED_CLS, Attached, Program, Reading, XdpLink
from netsonde.probes.bpf.probe import BpfProbe
from netsonde.probes.bpf.settings import BpfSettings
from netsonde.probes.bpf.xdp import open_socket
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import Namespace, NamespaceRegistry
from netsonde.probes.settings import ProbeSettings
from unit.captures.fakes import until
from unit.probes.netlink.traffic import link_message

IDENTITY = Identity("m1")
TC = Program(42, BPF_PROG_TYPE_SCHED_CLS, "tc", "a04f5eef06a7f555")
XDP = Program(43, 6, "drop", "3b185187f1855c4c")
REFUSED = PermissionError(errno.EPERM, "Operation not permitted")


class Links:
    """A socket of rtnetlink that lists interfaces with their XDP programs."""

    def __init__(self, programs: dict[int, int]) -> None:
        self._answers = [link_message(at, f"eth{at}", extra=xdp(program)) for at, program in programs.items()]
        self._answers.append(dump_end())
        self.closed = False

    def send(self, request: bytes) -> int:
        return len(request)

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        return self._answers.pop(0), (0, 0)

    def close(self) -> None:
        self.closed = True


def xdp(program: int) -> bytes:
    return wire.attribute(0x8000 | 43, wire.attribute(2, b"\1") + wire.attribute(5, struct.pack("=I", program)))


def dump_end() -> bytes:
    return struct.pack("=IHHIIi", 20, wire.NLMSG_DONE, 2, 1, 0, 0)


class Lab:
    """A host whose kernel runs what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.programs: list[Program] | OSError = [TC, XDP]
        self.attached: dict[int, list[Attached]] | OSError = {}
        self.links: list[XdpLink] | OSError = []
        self.links_of: dict[int, int] = {}
        """XDP program by ifindex."""
        self.visits = 0
        self.looks = 0
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        registry = NamespaceRegistry()
        monkeypatch.setattr(registry, "enter_each", self.enter_each)
        monkeypatch.setattr(module, "PAUSE", 0.001)
        monkeypatch.setattr(module, "read_programs", self.read_programs)
        monkeypatch.setattr(module, "read_xdp_links", self.read_links)
        settings = ProbeSettings(bpf=BpfSettings(interval=0.001))
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
        self.probe = BpfProbe(context)
        self.health = Health("bpf")
        batch = Batch()
        batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    def read_programs(self, _: dict[int, Program]) -> dict[int, Program]:
        self.looks += 1
        if isinstance(self.programs, OSError):
            raise self.programs
        return {program.id: program for program in self.programs}

    def read_links(self) -> list[XdpLink]:
        if isinstance(self.links, OSError):
            raise self.links
        return self.links

    async def enter_each(self, namespaces: list[Namespace], work: object, *_: object) -> list[Any]:
        self.visits += 1
        found = self.attached
        if isinstance(found, OSError):
            return [found for _ in namespaces]
        return [Links(self.links_of) if work is open_socket else Reading(found) for _ in namespaces]

    def put(self, ifindex: int, **more: Json) -> str:
        node = IDENTITY.interface(None, ifindex)
        metadata: Metadata = {"Name": f"eth{ifindex}", "Type": "device", "IfIndex": ifindex, **more}
        batch = Batch()
        batch.put_node(node, "netlink", metadata)
        batch.put_edge(None, IDENTITY.host(), node, "netlink", {"RelationType": OWNERSHIP})
        self.graph.apply(batch)
        return node

    def drop(self, node: str) -> None:
        batch = Batch()
        batch.drop_layer(node, "netlink")
        self.graph.apply(batch)

    def shown(self, node: str) -> list[tuple[Json, ...]]:
        """Return hook, program, name and link of each."""
        found = self.graph.node(node)
        programs = found.metadata.get("BPFPrograms", []) if found is not None else []
        assert isinstance(programs, list)
        keys = ("Hook", "ProgID", "Name", "LinkID")
        return [tuple(each.get(key) for key in keys) for each in programs if isinstance(each, dict)]

    async def another_look(self) -> None:
        """Wait until one that began after now has ended."""
        after = self.looks + 1
        await until(lambda: self.looks > after)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    found = Lab(monkeypatch)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, found.probe.run(found.health), "bpf")
        yield found
        task.cancel()


async def test_programs_are_on_the_interface_and_follow_the_kernel(lab: Lab) -> None:
    node = lab.put(5)
    lab.attached = {5: [Attached("tcx/ingress", 42, 7)]}
    await until(lambda: lab.shown(node) == [("tcx/ingress", 42, "tc", 7)])
    revision = lab.graph.node(node)
    await lab.another_look()
    assert lab.graph.node(node) == revision, "a look that finds nothing new makes no revision"
    lab.attached = {}
    await until(lambda: lab.shown(node) == [])


async def test_interfaces_that_are_left_for_another_visit_are_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lab.put(5), lab.put(6)
    tcx = [Attached("tcx/ingress", 42, 7)]
    readings = {(): Reading({5: tcx}, [6]), (6,): Reading({6: tcx})}

    async def enter_each(_: object, work: object, *__: object) -> list[Any]:
        if work is open_socket:
            return [Links({})]
        return [readings[tuple(work.args[0]) if isinstance(work, partial) else ()]]

    monkeypatch.setattr(lab.probe._context.namespaces, "enter_each", enter_each)
    await until(lambda: lab.shown(first) == lab.shown(second) == [("tcx/ingress", 42, "tc", 7)])


async def test_xdp_program_gets_its_name_and_link_and_comes_first(lab: Lab) -> None:
    lab.attached = {5: [Attached("tcx/egress", 42)]}
    lab.links, lab.links_of = [XdpLink(9, 43, 5)], {5: 43}
    node = lab.put(5)
    await until(lambda: lab.shown(node) == [("xdp", 43, "drop", 9), ("tcx/egress", 42, "tc", None)])
    lab.links_of = {}
    await until(lambda: lab.shown(node) == [("tcx/egress", 42, "tc", None)])


async def test_change_of_xdp_is_looked_at_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch)
    monkeypatch.setattr(lab.probe, "_settings", BpfSettings(interval=3600.0))
    async with asyncio.TaskGroup() as group:
        task = spawn(group, lab.probe.run(lab.health), "bpf")
        await until(lambda: lab.looks == 1)
        lab.links_of = {5: 43}
        node = lab.put(5, XDP={"Mode": "driver", "ProgID": 43})
        await until(lambda: lab.shown(node) == [("xdp", 43, "drop", None)])
        task.cancel()


async def test_interface_that_comes_back_has_its_programs_again(lab: Lab) -> None:
    lab.attached = {5: [Attached("tcx/ingress", 42, 7)]}
    node = lab.put(5)
    await until(lambda: lab.shown(node) != [])
    lab.drop(node)
    assert lab.graph.node(node) is None
    lab.put(5)
    await until(lambda: lab.shown(node) != [])


async def test_no_namespace_is_entered_while_nothing_is_loaded_that_could_be_there(lab: Lab) -> None:
    node = lab.put(5)
    lab.attached = {5: [Attached("tcx/ingress", 42, 7)]}
    await until(lambda: lab.shown(node) != [])
    lab.programs = []
    await until(lambda: lab.shown(node) == [])
    visits = lab.visits
    await lab.another_look()
    assert lab.visits == visits


async def test_namespace_that_cannot_be_read_is_told_and_what_was_known_stays(lab: Lab) -> None:
    node = lab.put(5)
    lab.attached, lab.links_of = {5: [Attached("tcx/ingress", 42, 7)]}, {5: 43}
    both = [("xdp", 43, "drop", None), ("tcx/ingress", 42, "tc", 7)]
    await until(lambda: lab.shown(node) == both)
    lab.attached = REFUSED
    await until(lambda: "1 namespaces could not be read" in lab.health.reason)
    assert lab.health.state == "running"
    assert lab.shown(node) == both
    lab.attached = {}
    await until(lambda: lab.shown(node) == both[:1])
    assert lab.health.reason == ""


async def test_without_the_right_to_list_programs_their_numbers_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch)
    lab.programs, lab.links = REFUSED, REFUSED
    lab.attached, lab.links_of = {5: [Attached("tcx/ingress", 42, 7)]}, {5: 43}
    node = lab.put(5)
    async with asyncio.TaskGroup() as group:
        task = spawn(group, lab.probe.run(lab.health), "bpf")
        await until(lambda: lab.shown(node) == [("xdp", 43, None, None), ("tcx/ingress", 42, None, 7)])
        await until(lambda: "cannot be listed (Operation not permitted)" in lab.health.reason)
        assert lab.health.state == "running"
        task.cancel()


def test_thousands_of_interfaces_are_looked_at_less_often() -> None:
    assert module.pause_after(11, 10.0) == 10.0
    assert module.pause_after(11_000, 10.0) == 27.5


async def test_look_tells_how_many_interfaces_it_was_at_for_tc_and_xdp(lab: Lab) -> None:
    lab.put(5)
    lab.put(6)
    assert await lab.probe._look() == 4
    lab.programs = [TC]
    assert await lab.probe._look() == 2
    lab.programs = []
    assert await lab.probe._look() == 0
