# SPDX-License-Identifier: Apache-2.0
"""A live graph fed by real probes, inside a network namespace of the test's own; waits on events, never sleeps."""

import asyncio
import ctypes
import os
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from netsonde.graph.events import Event
from netsonde.graph.graph import Graph
from netsonde.graph.paths import parse_path, values_at
from netsonde.graph.tid import TidLayer
from netsonde.graph.vm import VmLayer
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes._registry import build_probes
from netsonde.probes.blockdev.settings import BlockdevSettings
from netsonde.probes.bpf.settings import BpfSettings
from netsonde.probes.cri.settings import CriSettings
from netsonde.probes.devlink.settings import DevlinkSettings
from netsonde.probes.docker.settings import DockerSettings
from netsonde.probes.identity import Identity
from netsonde.probes.libvirt.settings import LibvirtSettings
from netsonde.probes.lldp.settings import LldpSettings
from netsonde.probes.lxd.settings import LxdSettings
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.netfilter.settings import NetfilterSettings
from netsonde.probes.netlink.settings import NetlinkSettings
from netsonde.probes.netns.settings import NetnsSettings
from netsonde.probes.ovsdb.settings import OvsdbSettings
from netsonde.probes.runc.settings import RuncSettings
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from netsonde.probes.socketinfo.settings import SocketInfoSettings
from netsonde.schema import Problem, unlisted

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds until a test gives up: only one that fails takes them."""
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str) -> str:
    """Run a command in the calling thread's namespace and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


async def sh(*command: str) -> str:
    """Run a command beside the event loop."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, f"{' '.join(command)}: {err.decode().strip()}"
    return out.decode()


def name(prefix: str = "t") -> str:
    """Return a random interface or namespace name."""
    return f"{prefix}{secrets.token_hex(4)}"


@contextmanager
def private_netns() -> Iterator[None]:
    """Move this process into a new network namespace, so that tests on one machine do not see each other."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert _libc.unshare(CLONE_NEWNET) == 0, "needs root"
    try:
        run("ip", "link", "set", "lo", "up")
        yield
    finally:
        assert _libc.setns(before, CLONE_NEWNET) == 0
        os.close(before)


class NamedNetns:
    """A namespace held by a file in a directory that the netns probe watches."""

    def __init__(self, directory: Path, label: str | None = None) -> None:
        self.name = label or name("ns")
        self.path = directory / self.name
        directory.mkdir(exist_ok=True)
        self.path.touch()
        run("unshare", f"--net={self.path}", "true")

    @property
    def inode(self) -> int:
        return self.path.stat().st_ino

    def run(self, *command: str) -> str:
        return run("nsenter", f"--net={self.path}", *command)

    def delete(self) -> None:
        if self.path.exists():
            run("umount", str(self.path))
            self.path.unlink()


class Namespaces:
    """Makes named namespaces in one directory and removes them at the end, whatever happened."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._made: list[NamedNetns] = []

    def __call__(self, label: str | None = None) -> NamedNetns:
        self._made.append(NamedNetns(self.directory, label))
        return self._made[-1]

    def delete_all(self) -> None:
        for namespace in self._made:
            namespace.delete()


@pytest.fixture
def make_netns(tmp_path: Path) -> Iterator[Namespaces]:
    """A factory of namespaces in `tmp_path/netns`, gone after the test."""
    made = Namespaces(tmp_path / "netns")
    yield made
    made.delete_all()


class LiveGraph:
    """The graph, the probes that feed it, and ways to wait for what they write."""

    def __init__(self, context: ProbeContext, graph: Graph, metrics: "asyncio.Queue[InterfaceMetric]") -> None:
        self.context = context
        self.graph = graph
        self.events: list[Event] = []
        self.failures: list[tuple[str, str]] = []
        """Name of each probe that failed, and why."""
        self._changed = asyncio.Event()
        self._metrics = metrics
        self.runner = ProbeRunner(build_probes(context), retry_delay=0.05, on_health=self._on_health)
        graph.subscribe(self._on_events)

    async def until(self, found: Callable[[], T | None], within: float = PATIENCE, what: str = "") -> T:
        """Return what `found` returns as soon as it is true."""
        try:
            async with asyncio.timeout(within):
                while not (result := found()):
                    self._changed.clear()
                    await self._changed.wait()
                return result
        except TimeoutError:
            raise AssertionError(f"not within {within} s: {what or found}\n{self.dump()}") from None

    async def changed(self, within: float) -> None:
        """Wait for any change of the graph, so many seconds at most."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()

    async def node(self, within: float = PATIENCE, **wanted: Json) -> Node:
        """Wait for the node that has these values; `ExtID__vm-id` stands for the path ExtID.vm-id."""
        return await self.until(lambda: self.find(**wanted), within, f"node {wanted}")

    async def gone(self, within: float = PATIENCE, **wanted: Json) -> None:
        await self.until(lambda: self.find(**wanted) is None, within, f"no node {wanted}")

    async def metric(self, node_id: str, within: float = PATIENCE) -> InterfaceMetric:
        """Wait for counters of this node."""
        async with asyncio.timeout(within):
            while (metric := await self._metrics.get()).node_id != node_id:
                pass
            return metric

    async def edge(self, parent: str, child: str, within: float = PATIENCE, **wanted: Json) -> Edge:
        return await self.until(
            lambda: self.find_edge(parent, child, **wanted), within, f"edge {parent}->{child} {wanted}"
        )

    async def link(self, one: str, other: str, within: float = PATIENCE, **wanted: Json) -> Edge:
        """Wait for an edge in either direction."""
        return await self.until(
            lambda: self.find_edge(one, other, **wanted) or self.find_edge(other, one, **wanted),
            within,
            f"edge {one}--{other} {wanted}",
        )

    def find(self, **wanted: Json) -> Node | None:
        return next((node for node in self.graph.nodes() if _fits(node, wanted)), None)

    def count(self, **wanted: Json) -> int:
        return sum(_fits(node, wanted) for node in self.graph.nodes())

    def count_with(self, path: str) -> int:
        """Return how many nodes have a value at this path."""
        return len(self.graph.nodes_having(path))

    def find_edge(self, parent: str, child: str, **wanted: Json) -> Edge | None:
        edges = (edge for edge in self.graph.out_edges(parent) if edge.child == child)
        return next((edge for edge in edges if _fits(edge, wanted)), None)

    def forget(self) -> None:
        """Let go of the events and counters that came so far."""
        self.events.clear()
        while not self._metrics.empty():
            self._metrics.get_nowait()

    def unlisted(self) -> list[tuple[Json, Problem]]:
        """Return what the probes wrote, by name of the node, that the published list of keys does not have."""
        nodes = [(node.metadata.get("Name"), one) for node in self.graph.nodes() for one in unlisted(node.metadata)]
        return nodes + [("edge", one) for edge in self.graph.edges() for one in unlisted(edge.metadata, "edge")]

    def owner(self, node: Node) -> Node | None:
        for edge in self.graph.in_edges(node.id):
            if edge.metadata["RelationType"] == "ownership":
                return self.graph.node(edge.parent)
        return None

    def dump(self) -> str:
        keys = ("Type", "Name", "IfIndex", "UUID", "Inode")
        return "\n".join(
            str({key: node.metadata[key] for key in keys if key in node.metadata}) for node in self.graph.nodes()
        )[:4000]

    def _on_events(self, events: Any) -> None:
        self.events.extend(events)
        self._changed.set()

    def _on_health(self, health: Health) -> None:
        if health.state == "failed":
            self.failures.append((health.name, health.reason))
        self._changed.set()


def _fits(element: Node | Edge, wanted: dict[str, Json]) -> bool:
    return all(
        any(value == found for found in values_at(element, parse_path(key.replace("__", "."))))
        for key, value in wanted.items()
    )


def settings(
    run_path: Path,
    *,
    probes: tuple[str, ...] = ("netns", "netlink"),
    ovsdb: str = "",
    docker: DockerSettings | None = None,
    libvirt: Path | None = None,
    lldp: tuple[str, ...] = (),
    runc: tuple[str, ...] = (),
    cri: CriSettings | None = None,
    lxd: tuple[str, ...] = (),
    anonymous: bool = False,
    blockdev: float = 0.1,
    **netlink: Any,
) -> ProbeSettings:
    """Return settings for a test: one directory of namespaces, quick tables.

    Without `anonymous` it sees nothing of the machine but what the test itself makes.
    """
    return ProbeSettings(
        enabled=probes,
        netns=NetnsSettings(run_paths=(str(run_path),), scan_interval=0.1, anonymous=anonymous),
        netlink=NetlinkSettings(**{"table_delay": 0.1, **netlink}),
        ovsdb=OvsdbSettings(
            addresses=(ovsdb,) if ovsdb else (), retry_delay=0.05, absent_port_delay=0.3, thread_interval=1.0
        ),
        runc=RuncSettings(run_paths=runc),
        libvirt=LibvirtSettings(sockets=() if libvirt is None else (str(libvirt),)),
        lldp=LldpSettings(interfaces=lldp),
        docker=docker or DockerSettings(sockets=()),
        lxd=LxdSettings(sockets=lxd),
        cri=cri or CriSettings(sockets=()),
        socketinfo=SocketInfoSettings(interval=0.1, cpu_share=1.0),
        bpf=BpfSettings(interval=0.1),
        netfilter=NetfilterSettings(interval=0.1),
        devlink=DevlinkSettings(interval=0.1),
        blockdev=BlockdevSettings(interval=blockdev),
    )


@asynccontextmanager
async def live_graph(probe_settings: ProbeSettings) -> AsyncIterator[LiveGraph]:
    """Run real probes for the time of a test; every one has run or failed once when this begins."""
    graph = Graph("h1", "agent.h1", now_ms)
    graph.add_computed(TidLayer())
    graph.add_computed(VmLayer())
    metrics: asyncio.Queue[InterfaceMetric] = asyncio.Queue()
    registry = NamespaceRegistry()

    def keep_metrics(found: list[InterfaceMetric]) -> None:
        for metric in found:
            metrics.put_nowait(metric)

    context = ProbeContext(
        graph=graph,
        host="h1",
        identity=Identity("0123456789abcdef0123456789abcdef"),
        namespaces=registry,
        settings=probe_settings,
        metrics=keep_metrics,
        now_ms=now_ms,
    )
    live = LiveGraph(context, graph, metrics)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(live.runner.run(), name="probes")
        try:
            await live.runner.ready()
            yield live
            assert live.unlisted() == [], "keys that the probes have not listed, or values of another type"
        finally:
            task.cancel()
    registry.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
