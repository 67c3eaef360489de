# SPDX-License-Identifier: Apache-2.0
"""Builds the analyzer from its settings and runs it: settings, components, task group, top to bottom."""

import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import netsonde.api
from netsonde import __version__
from netsonde.access.gate import Gate
from netsonde.access.lending import Lending
from netsonde.access.policy import policy_of
from netsonde.aio import Supervisor, keep_tidy, spawn
from netsonde.aio.tasks import HealthSink
from netsonde.alerts.service import AlertService
from netsonde.analyzer.access import open_gate, open_sessions
from netsonde.analyzer.calls import LateCalls
from netsonde.analyzer.departures import Departures
from netsonde.analyzer.filters import FilterService
from netsonde.analyzer.flows import FlowService, LiveFlows
from netsonde.analyzer.hosts import Hosts
from netsonde.analyzer.imports import PcapImporter
from netsonde.analyzer.intake import Intake
from netsonde.analyzer.packets import LivePackets, PacketService
from netsonde.analyzer.queries import QueryService
from netsonde.analyzer.reports import AgentReports
from netsonde.analyzer.resources import Resources
from netsonde.analyzer.status import StatusService
from netsonde.analyzer.underlay import Underlay
from netsonde.analyzer.verdicts import VerdictNotices
from netsonde.analyzer.without_pandas import leave_pandas_out
from netsonde.api.inside import InsideApi
from netsonde.api.server import serve
from netsonde.api.services import Services
from netsonde.api.settings import check_exposure
from netsonde.bus.connection import Bus
from netsonde.bus.follower import TopologyFollower
from netsonde.bus.lease import Lease
from netsonde.bus.presence import PresenceKeeper, presence_key
from netsonde.bus.session import bus_until
from netsonde.captures.coordinator import CaptureCoordinator
from netsonde.checks.service import CheckService
from netsonde.declared import DeclaredElements
from netsonde.declared.rules import EdgeRules, NodeRules
from netsonde.errors import SourceLost
from netsonde.graph import Graph
from netsonde.history.history import History
from netsonde.injection.coordinator import InjectionCoordinator
from netsonde.model.presence import Presence
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health, logger
from netsonde.openstack import HEALTH as OPENSTACK
from netsonde.openstack import health_of
from netsonde.process import component, run_process
from netsonde.query.workers import Workers
from netsonde.scripts.pool import Scripts
from netsonde.settings import Settings
from netsonde.workflows.calling import NamedCalls
from netsonde.workflows.service import WorkflowService

log = logger("analyzer")

PAGE = Path(netsonde.api.__file__).with_name("page")


def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
    """Run an analyzer until SIGTERM or SIGINT; returns the exit code."""

    async def main(settings: Settings, stop: asyncio.Event) -> None:
        leave_pandas_out()
        await Analyzer(settings).run(stop)

    return run_process("analyzer", main, config_file, overrides, check=check, verify=verify)


def verify(settings: Settings) -> None:
    """Refuse, with UserError, what an analyzer would not start with."""
    check_exposure(settings.analyzer, login_required=settings.access.login_required)
    policy_of(settings.access)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Analyzer:
    """The parts of an analyzer; `run` starts them in the order in which they need each other."""

    def __init__(self, settings: Settings) -> None:
        settings.make_state_dir()
        self.settings = settings
        self.host = settings.host_id
        self.started_ms = now_ms()
        self.health = {
            name: Health(name)
            for name in (
                "bus",
                "access",
                "topology",
                "declared",
                "noderules",
                "edgerules",
                "underlay",
                OPENSTACK,
                *map(health_of, settings.openstack.clouds),
                "captures",
                "checks",
                "alerts",
                "notices",
                "scripts",
                "injection",
                "workflows",
                "history",
                "intake",
                "api",
            )
        }
        self.workers = Workers()
        self.scripts = Scripts(self.health["scripts"])
        self.graph = Graph(self.host, f"analyzer.{self.host}", now_ms)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then end in order: API, consumers, history, bus."""
        async with bus_until(stop, self.settings.bus, f"analyzer {self.host}", self.health["bus"]) as bus:
            if bus is None:
                return
            history = await self._open_history()
            try:
                await self._run_on(bus, history, stop)
            finally:
                if history is not None:
                    await history.close()

    async def _run_on(self, bus: Bus, history: History | None, stop: asyncio.Event) -> None:
        make = Resources(bus, self.settings, self.health, self.graph, now_ms)
        hosts = Hosts(bus, presence_key(self._describe()))
        departures = Departures(lambda host: host in hosts.agents(), lambda host: self._withdraw(host, history))
        hosts.on_agent_gone = departures.note
        follower = TopologyFollower(bus, self.graph.replace_origin, self.graph.apply_remote)
        declared = await make.declared()
        rules = await make.rules(declared)
        underlay = Underlay(self.graph, declared, self.health["underlay"])
        openstack = await make.openstack(declared)
        lease = Lease(bus, "captures", make.holder)
        captures = await make.captures(lease, hosts, lambda: self._topology_is_in(status, declared))
        hosts.on_change = captures.refresh
        flows = FlowService(LiveFlows(bus, hosts, self.graph), history)
        queries = make.queries(hosts, history, self.workers)
        injections = await make.injections(queries)
        calls = LateCalls()
        outbox = await make.outbox(calls)
        checks = await make.checks(captures, AgentReports(bus, flows, history), injections, outbox)
        checks.follow_verdicts(VerdictNotices(outbox).follow)
        status = StatusService(
            self.settings,
            hosts,
            self.health.values(),
            hosts_in=lambda: follower.hosts,
            captures_known=lambda: self.health["captures"].state == "running",
            declared_known=lambda: declared.is_known,
            is_master=lambda: lease.held,
            verdicts=checks.verdicts,
            alerts=lambda: alerts.states(),
        )
        alerts = await make.alerts(queries, outbox, self.scripts, lambda: not status.topology_missing())
        sessions = await open_sessions(bus, self.settings.access)
        inside = InsideApi()
        workflows = await make.workflows(inside, checks, captures)
        gate = open_gate(self.settings, sessions, self.health["access"])
        calls.bind(NamedCalls(workflows, "notice", Lending(gate).between_now))
        services = self._services(
            *(bus, hosts, history, captures, checks, alerts, declared, rules, flows, status, queries, injections),
            *(gate, workflows, inside),
        )
        intake = Intake(bus, self.graph, declared, history, flows, holder=make.holder)
        presence = PresenceKeeper(bus, self._describe)
        for part in self.health.values():
            part.on_change = lambda _: presence.touch()
        async with asyncio.TaskGroup() as group:
            tasks = [
                spawn(group, hosts.run(), "hosts"),
                spawn(group, self._supervise("access", _running(sessions.run)), "access"),
                spawn(group, departures.run(), "departures"),
                spawn(group, self._supervise("topology", _running(follower.run)), "topology"),
                spawn(group, self._supervise("declared", declared.run), "declared"),
                spawn(group, self._supervise("noderules", rules[0].run), "noderules"),
                spawn(group, self._supervise("edgerules", rules[1].run), "edgerules"),
                spawn(group, self._supervise("underlay", underlay.run), "underlay"),
                spawn(group, self._supervise(OPENSTACK, openstack.run), OPENSTACK),
                spawn(group, self._supervise("captures", captures.run), "captures"),
                spawn(group, self._supervise("checks", checks.run), "checks"),
                spawn(group, self._supervise("scripts", _running(self.scripts.tend)), "scripts"),
                spawn(group, self._supervise("notices", outbox.run), "notices"),
                spawn(group, self._supervise("alerts", alerts.run), "alerts"),
                spawn(group, self._supervise("injection", injections.run), "injection"),
                spawn(group, self._supervise("workflows", workflows.run), "workflows"),
                spawn(group, self._supervise("intake", intake.run), "intake"),
                spawn(group, presence.run(), "presence"),
                spawn(group, keep_tidy(lambda: self.workers.hold_much), "garbage"),
                spawn(group, serve(services, self._serving), "api"),
            ]
            await stop.wait()
            self.workers.close()
            for task in reversed(tasks):
                task.cancel()

    def _topology_is_in(self, status: StatusService, declared: DeclaredElements) -> bool:
        read = (self.health[name].state == "running" for name in ("noderules", "edgerules", OPENSTACK))
        return declared.is_known and all(read) and not status.topology_missing()

    async def _open_history(self) -> History | None:
        if not self.settings.history.enabled:
            self.health["history"].stopped()
            return None
        return await History.open(self.settings.history, self.settings.state_dir / "history", self.health["history"])

    def _services(
        self,
        bus: Bus,
        hosts: Hosts,
        history: History | None,
        captures: CaptureCoordinator,
        checks: CheckService,
        alerts: AlertService,
        declared: DeclaredElements,
        rules: tuple[NodeRules, EdgeRules],
        flows: FlowService,
        status: StatusService,
        queries: QueryService,
        injections: InjectionCoordinator,
        gate: Gate,
        workflows: WorkflowService,
        inside: InsideApi,
    ) -> Services:
        packets = LivePackets(bus, hosts)
        return Services(
            host=self.host,
            settings=self.settings.analyzer,
            gate=gate,
            graph=self.graph,
            graph_json=queries.graph_json,
            queries=queries,
            filters=FilterService(self.graph),
            captures=captures,
            checks=checks,
            alerts=alerts,
            injections=injections,
            workflows=workflows,
            inside=inside,
            declared=declared,
            node_rules=rules[0],
            edge_rules=rules[1],
            packets=PacketService(packets, history),
            flows=flows,
            interface_metrics=_NodeMetrics(history),
            pcap=PcapImporter(self.host, None if history is None else history.write_flows),
            status=status,
            page=PAGE,
            now_ms=now_ms,
        )

    async def _withdraw(self, host: str, history: History | None) -> None:
        self.graph.drop_origin(f"agent.{host}")
        if history is not None:
            with suppress(SourceLost):  # shown by the history's health; the host's next snapshot says what is left
                await history.write_gone(host)

    def _serving(self, address: str) -> None:
        scheme = "http" if self.settings.analyzer.tls_certificate is None else "https"
        self.health["api"].running(f"{scheme}://{address}/")

    async def _supervise(self, name: str, work: Callable[[HealthSink], Awaitable[None]]) -> None:
        await Supervisor(name, work, self.health[name], on_crash=_log_crash).run()

    def _describe(self) -> Presence:
        return Presence(
            service="analyzer",
            host=self.host,
            version=__version__,
            pid=os.getpid(),
            started_ms=self.started_ms,
            address=self.settings.analyzer.listen,
            components=[component(part) for part in self.health.values()],
            at_ms=now_ms(),
            kernel=platform.release(),
        )


class _NodeMetrics:
    """Implements `InterfaceMetrics` of the API."""

    def __init__(self, history: History | None) -> None:
        self._history = history

    async def node_metrics(self, node_id: str, *, since_ms: int) -> Sequence[InterfaceMetric]:
        if self._history is None:
            return []
        return await self._history.interface_metrics([node_id], since_ms, now_ms())


def _running(work: Callable[[], Awaitable[None]]) -> Callable[[HealthSink], Awaitable[None]]:
    async def run_and_say_so(health: HealthSink) -> None:
        health.running()
        await work()

    return run_and_say_so


def _log_crash(name: str, crash: BaseException) -> None:
    log.error("a part crashed and is started again", part=name, exc_info=crash)
