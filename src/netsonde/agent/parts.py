# SPDX-License-Identifier: Apache-2.0
"""Builds the agent from its settings and runs it: settings, components, task group, top to bottom."""

import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from netsonde import __version__
from netsonde.agent.reports import ReportPump, metrics_sink
from netsonde.agent.rules import OpenFlowReader
from netsonde.agent.switch import KernelDevices, OvsDatabase
from netsonde.agent.topics import flow_messages, topic_connector
from netsonde.agent.verbs import flow_handler, packet_handler
from netsonde.aio import Supervisor, spawn
from netsonde.aio.tasks import HealthSink
from netsonde.bus.connection import Bus
from netsonde.bus.presence import PresenceKeeper
from netsonde.bus.reports import ReportPublisher
from netsonde.bus.session import bus_until
from netsonde.bus.subjects import ReportKind
from netsonde.bus.topology import TopologyPublisher
from netsonde.captures.agent import CaptureAgent
from netsonde.captures.engines._api import Engine
from netsonde.captures.engines.ebpf import EbpfEngine
from netsonde.captures.engines.listen import LISTENING, ListenEngine
from netsonde.captures.engines.ovs.engine import NAMES as OVS_NAMES
from netsonde.captures.engines.ovs.engine import Host as SwitchHost
from netsonde.captures.engines.ovs.engine import OvsEngine
from netsonde.captures.engines.own_traffic import OwnTraffic, own_servers
from netsonde.captures.engines.packet import PacketEngine, open_packet_engine
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.topics import Topics
from netsonde.graph import Graph
from netsonde.graph.events import to_changes
from netsonde.graph.tid import TidLayer
from netsonde.graph.vm import VmLayer
from netsonde.injection.agent import InjectionAgent
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureTargets
from netsonde.model.presence import HostAbility, Presence
from netsonde.observe import Health, abilities, logger
from netsonde.probes._api import ProbeContext
from netsonde.probes._registry import build_probes
from netsonde.probes.identity import Identity, read_machine_id
from netsonde.probes.namespaces import Namespace, NamespaceRegistry
from netsonde.probes.ovsdb.probe import names as ovsdb_probes
from netsonde.probes.runner import ProbeRunner
from netsonde.process import component, run_process
from netsonde.settings import Settings

if TYPE_CHECKING:
    from netsonde._native import CaptureCore

log = logger("agent")

REPORTS: tuple[ReportKind, ...] = ("flows", "metrics", "packets")

LEAVE_WITHIN = 1.0
"""Seconds at the end for Open vSwitch to give up what captures had made."""
DRAIN_WITHIN = 0.8
"""Seconds at the end for the bus to take what was reported last; the rest waits in the spool."""


def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
    """Run an agent until SIGTERM or SIGINT; returns the exit code."""

    async def main(settings: Settings, stop: asyncio.Event) -> None:
        await Agent(settings).run(stop)

    return run_process("agent", main, config_file, overrides, check=check)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Agent:
    """The parts of an agent; `run` starts them in the order in which they need each other."""

    def __init__(self, settings: Settings) -> None:
        settings.make_state_dir()
        self.settings = settings
        self.host = settings.host_id
        self.started_ms = now_ms()
        self.health = {
            name: Health(name) for name in ("bus", "captures", "link watcher", "open vswitch", "reports", "sinks")
        }
        self.graph = Graph(self.host, f"agent.{self.host}", now_ms)
        self.graph.add_computed(TidLayer())
        self.graph.add_computed(VmLayer())
        self.namespaces = NamespaceRegistry()
        # What a process may do does not change while it runs.
        self._abilities = abilities.look()
        self._hindrance = abilities.hindrance(self._abilities)
        self.spool = settings.state_dir / "spool"
        self.spool.mkdir(mode=0o700, exist_ok=True)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then end in order: captures, reports, bus."""
        async with bus_until(stop, self.settings.bus, f"agent {self.host}", self.health["bus"]) as bus:
            if bus is not None:
                await self._run_on(bus, stop)

    async def _run_on(self, bus: Bus, stop: asyncio.Event) -> None:
        publishers = {kind: ReportPublisher(bus, kind, self.host, self.spool) for kind in REPORTS}
        topics = Topics(flow_messages)
        engine = self._open_engine(topics)
        switch = None if engine is None else self._switch(engine)
        presence = PresenceKeeper(bus, lambda: self._describe(probes, engine))
        probes = ProbeRunner(build_probes(self._probe_context(publishers["metrics"])), lambda _: presence.touch())
        for part in self.health.values():
            part.on_change = lambda _: presence.touch()
        captures = await self._captures(bus, _engines(engine, switch, self.settings.capture))
        await self._inject(bus)
        await self._tell_rules(bus)
        tasks: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            for kind, publisher in publishers.items():
                tasks.append(spawn(group, publisher.run(), f"publish.{kind}"))
            if engine is not None:
                await self._answer(bus, engine, captures)
                pump = ReportPump(
                    _core(engine), flows=publishers["flows"], packets=publishers["packets"], topics=topics.offer
                )
                connect = topic_connector(self.settings.capture, f"agent {self.host}")
                tasks.append(spawn(group, self._supervise("sinks", partial(topics.run, connect)), "sinks"))
                tasks.append(spawn(group, self._supervise("reports", pump.run), "reports"))
            tasks.append(spawn(group, probes.run(), "probes"))
            tasks.append(spawn(group, self._publish_topology(bus, probes), "topology"))
            if switch is not None:
                tasks.append(spawn(group, self._supervise("open vswitch", switch.run), "captures.ovs"))
            capturing = spawn(group, self._supervise("captures", captures.run), "captures")
            tasks.append(spawn(group, presence.run(), "presence"))
            await stop.wait()
            # First nobody starts a capture any more, then the running ones end, then their last reports go out.
            capturing.cancel()
            await asyncio.wait({capturing})
            await captures.close()
            if switch is not None:
                await _leave(switch)
            if engine is not None:
                pump.flush()
                await asyncio.to_thread(engine.close)
            await _drain(publishers.values(), topics)
            for task in reversed(tasks):
                task.cancel()
        self.namespaces.close()

    def _probe_context(self, metrics: ReportPublisher) -> ProbeContext:
        return ProbeContext(
            graph=self.graph,
            host=self.host,
            identity=Identity(read_machine_id()),
            namespaces=self.namespaces,
            settings=self.settings.probes,
            metrics=metrics_sink(metrics),
            now_ms=now_ms,
        )

    def _open_engine(self, topics: Topics) -> PacketEngine | None:
        """Start the native core; without the rights for it the topology is shown all the same."""
        health = self.health["link watcher"]
        try:
            engine = open_packet_engine(self.host, self._capture_settings(), self._own_traffic(), topics)
        except OSError as refused:
            self._hindrance = self._hindrance or f"this agent cannot capture: {refused}"
            health.failed(f"no captures: {refused}; run as root, or with CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN")
            log.warning("captures cannot work", reason=str(refused))
            return None
        health.running()
        return engine

    def _capture_settings(self) -> CaptureSettings:
        """Return the settings with what depends on others filled in."""
        files = self.settings.capture.files or str(self.settings.state_dir / "captures")
        return replace(self.settings.capture, files=files)

    def _own_traffic(self) -> list[OwnTraffic]:
        """Return the bus and the API, which in an all-in-one are on this machine's loopback."""
        return own_servers([*self.settings.bus.servers, self.settings.analyzer.listen])

    def _switch(self, engine: PacketEngine) -> OvsEngine:
        ovsdb = self.settings.probes.ovsdb
        databases = {address: OvsDatabase(address, ovsdb) for address in ovsdb.addresses}
        update = self.settings.capture.flow_update
        return OvsEngine(engine, SwitchHost(self.host, databases, KernelDevices(), now_ms, update))

    async def _captures(self, bus: Bus, engines: Mapping[str, Engine]) -> CaptureAgent:
        return CaptureAgent(
            self.graph,
            await bus.bucket("captures", codec=Capture),
            await bus.bucket("capture-targets", codec=CaptureTargets),
            await bus.bucket("capture-status", codec=AgentCaptureStatus, shared=True),
            engines,
            self.settings.capture,
            hindrance=self._hindrance,
        )

    async def _inject(self, bus: Bus) -> None:
        """Let analyzers ask for packets to be sent."""
        injection = InjectionAgent(self.graph, self.namespaces, self.settings.inject)
        self.namespaces.subscribe(injection)
        await bus.serve(self.host, "inject", injection.handle)

    async def _tell_rules(self, bus: Bus) -> None:
        """Let analyzers ask for the OpenFlow rules of this host's bridges."""
        reader = OpenFlowReader(self.graph, ovsdb_probes(self.settings.probes.ovsdb.addresses))
        await bus.serve(self.host, "openflow", reader.handle)

    async def _answer(self, bus: Bus, engine: PacketEngine, captures: CaptureAgent) -> None:
        """Let the core see the namespaces there are, and analyzers ask for flows and packets."""
        self.namespaces.subscribe(_CoreNamespaces(engine, captures))
        await bus.serve(self.host, "flows", flow_handler(_core(engine)))
        await bus.serve(self.host, "packets", packet_handler(_core(engine), captures.reconciler.definitions))

    async def _publish_topology(self, bus: Bus, probes: ProbeRunner) -> None:
        """Publish from the moment on in which every probe has seen all once: until then others keep what they knew."""
        await probes.ready()
        publisher = TopologyPublisher(
            bus, self.host, self.spool, lambda: (list(self.graph.nodes()), list(self.graph.edges()))
        )
        unsubscribe = self.graph.subscribe(lambda events: publisher.publish(to_changes(events)))
        try:
            await publisher.run()
        finally:
            unsubscribe()

    async def _supervise(self, name: str, work: Callable[[HealthSink], Awaitable[None]]) -> None:
        await Supervisor(name, work, self.health[name], on_crash=_log_crash).run()

    def _describe(self, probes: ProbeRunner, engine: PacketEngine | None) -> Presence:
        if engine is not None:
            _gauge_watcher(self.health["link watcher"], engine)
        parts = [*self.health.values(), *probes.healths.values()]
        return Presence(
            service="agent",
            host=self.host,
            version=__version__,
            pid=os.getpid(),
            started_ms=self.started_ms,
            address="",
            components=[component(part) for part in parts],
            at_ms=now_ms(),
            kernel=platform.release(),
            abilities=[HostAbility(*one) for one in self._abilities],
        )


class _CoreNamespaces:
    """Tells the native core of every namespace that the agent can enter."""

    def __init__(self, engine: PacketEngine, captures: CaptureAgent) -> None:
        self._core = engine.core
        self._captures = captures

    def namespace_added(self, namespace: Namespace) -> None:
        try:
            self._core.add_namespace(namespace.inode, namespace.fd, existing=namespace.own)
        except OSError as refused:
            log.warning("namespace cannot be watched", inode=namespace.inode, reason=str(refused))
            return
        self._captures.namespace_added(namespace.inode)

    def namespace_removed(self, namespace: Namespace) -> None:
        self._core.remove_namespace(namespace.inode)


def _core(engine: PacketEngine) -> "CaptureCore":
    """Return the native core as what it is: captures need only a part of it, reports and answers another."""
    return cast("CaptureCore", engine.core)


def _engines(engine: PacketEngine | None, switch: OvsEngine | None, settings: CaptureSettings) -> dict[str, Engine]:
    """Return the engines by the names that captures know them by; without the native core there are none."""
    if engine is None or switch is None:
        return {}
    listening = {name: ListenEngine(name, engine, settings, now_ms) for name in LISTENING}
    counting = EbpfEngine(engine)
    return {engine.name: engine, counting.name: counting, **listening, **dict.fromkeys(OVS_NAMES, switch)}


async def _leave(switch: OvsEngine) -> None:
    """Remove from Open vSwitch what captures had made there; what it does not take now is removed at the next start."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_WITHIN):
            await switch.settle()


async def _drain(publishers: Iterable[ReportPublisher], topics: Topics) -> None:
    """Give the bus a moment to take the last reports; what it does not take is in the spool. Likewise the sinks, whose
    rest is lost."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_WITHIN):
            for publisher in publishers:
                await publisher.drained()
            await topics.drain()


def _gauge_watcher(health: Health, engine: PacketEngine) -> None:
    status = _core(engine).watcher_status()
    for name, value in status.items():
        if isinstance(value, int):
            health.gauge(name, int(value))
    scheduling = status.get("scheduling")
    if isinstance(scheduling, dict):
        health.running(", ".join(f"{thread}: {kind}" for thread, kind in sorted(scheduling.items())))


def _log_crash(name: str, crash: BaseException) -> None:
    log.error("a part crashed and is started again", part=name, exc_info=crash)
