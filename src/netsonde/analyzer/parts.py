# SPDX-License-Identifier: Apache-2.0
"""Builds the analyzer from its settings and runs it: settings, components, task group, top to bottom."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import netsonde.api
from netsonde import __version__
from netsonde._native import RecordedFrames, check_bpf
from netsonde.access.policy import policy_of
from netsonde.access.sessions import Sessions
from netsonde.aio import Supervisor, keep_tidy, spawn
from netsonde.aio.tasks import HealthSink
from netsonde.alerts.scripting import AlertScripts
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
from netsonde.analyzer.status import StatusService
from netsonde.analyzer.verdicts import VerdictNotices
from netsonde.api.inside import InsideApi
from netsonde.api.server import serve
from netsonde.api.services import Services
from netsonde.api.settings import check_exposure
from netsonde.bus.connection import Bus
from netsonde.bus.follower import TopologyFollower
from netsonde.bus.lease import Lease
from netsonde.bus.presence import PresenceKeeper
from netsonde.bus.session import bus_until
from netsonde.captures.coordinator import CaptureCoordinator
from netsonde.checks.service import CheckService
from netsonde.declared import DeclaredElements, Stores
from netsonde.declared.rules import EdgeRules, NodeRules
from netsonde.errors import SourceLost
from netsonde.graph import Graph
from netsonde.history.history import History
from netsonde.injection.coordinator import InjectionCoordinator, InjectionStores
from netsonde.model.alerts import Alert, Transition
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureTargets
from netsonde.model.checks import Check, CheckResult
from netsonde.model.declared import Annotation, ImportChunk
from netsonde.model.elements import Edge, Node
from netsonde.model.injections import AuditRecord, Injection, InjectionStatus
from netsonde.model.notices import Notice
from netsonde.model.presence import Presence
from netsonde.model.rules import EdgeRule, NodeRule
from netsonde.model.topology import InterfaceMetric
from netsonde.model.workflows import Job, Workflow
from netsonde.notify.building import senders
from netsonde.notify.outbox import Outbox
from netsonde.observe import Health, logger
from netsonde.process import component, run_process
from netsonde.query import Limits, Sources
from netsonde.query.workers import Workers
from netsonde.scripts.pool import Scripts
from netsonde.scripts.process import Isolate
from netsonde.settings import Settings
from netsonde.workflows.calling import NamedCalls
from netsonde.workflows.service import WorkflowService

log = logger("analyzer")

_PYTHON = ("-m", "netsonde.analyzer.python_workflow")
_JOB_BYTES = 256 * 1024 * 1024
"""Bytes of all jobs on the bus; 32 MiB of ended ones are kept, a write may come before the deletion of another."""

_IMPORT_BYTES = 512 * 1024 * 1024
"""Bytes of all imports on the bus, compressed: room for some millions of elements."""

_ALERT_BYTES = 256 * 1024 * 1024
"""Bytes of all transitions of alerts on the bus, each with what its expression gave."""

SILENCE = 3.0
"""Seconds without a sign of life after which an agent that injects is lost; it gives one every second."""

PAGE = Path(netsonde.api.__file__).with_name("page")


def run(config_file: Path | None, overrides: dict[str, str], *, check: bool = False) -> int:
    """Run an analyzer until SIGTERM or SIGINT; returns the exit code."""

    async def main(settings: Settings, stop: asyncio.Event) -> None:
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
                "captures",
                "checks",
                "alerts",
                "notices",
                "verdicts",
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
        hosts = Hosts(bus)
        departures = Departures(lambda host: host in hosts.agents(), lambda host: self._withdraw(host, history))
        hosts.on_agent_gone = departures.note
        follower = TopologyFollower(bus, self.graph.replace_origin, self.graph.apply_remote)
        declared = await self._declared(bus)
        rules = await self._rules(bus, declared)
        lease = Lease(bus, "captures", self.host)
        captures = await self._captures(bus, lease, hosts)
        hosts.on_change = captures.refresh
        flows = FlowService(LiveFlows(bus, hosts, self.graph), history)
        queries = self._queries(bus, hosts, history)
        injections = await self._injections(bus, queries)
        calls = LateCalls()
        outbox = await self._outbox(bus, calls)
        checks = await self._checks(bus, captures, AgentReports(bus, flows, history), injections, outbox)
        verdicts = VerdictNotices(outbox, self.health["verdicts"])
        checks.follow_verdicts(verdicts.follow)
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
        alerts = await self._alerts(bus, queries, outbox, lambda: not status.topology_missing())
        sessions = await open_sessions(bus, self.settings.access)
        inside = InsideApi()
        workflows = await self._workflows(bus, inside, checks, captures)
        calls.bind(NamedCalls(workflows, "notice"))
        services = self._services(
            *(bus, hosts, history, captures, checks, alerts, declared, rules, flows, status, queries, injections),
            *(sessions, workflows, inside),
        )
        intake = Intake(bus, self.graph, declared, history, flows)
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
                spawn(group, self._supervise("captures", captures.run), "captures"),
                spawn(group, self._supervise("checks", checks.run), "checks"),
                spawn(group, self._supervise("scripts", _running(self.scripts.tend)), "scripts"),
                spawn(group, self._supervise("notices", outbox.run), "notices"),
                spawn(group, self._supervise("verdicts", verdicts.run), "verdicts"),
                spawn(group, self._supervise("alerts", alerts.run), "alerts"),
                spawn(group, self._supervise("injection", injections.run), "injection"),
                spawn(group, self._supervise("workflows", workflows.run), "workflows"),
                spawn(group, self._supervise("intake", intake.run), "intake"),
                spawn(group, presence.run(), "presence"),
                spawn(group, keep_tidy(lambda: self.workers.is_busy), "garbage"),
                spawn(group, serve(services, self._serving), "api"),
            ]
            await stop.wait()
            self.workers.close()
            for task in reversed(tasks):
                task.cancel()

    async def _open_history(self) -> History | None:
        if not self.settings.history.enabled:
            self.health["history"].stopped()
            return None
        return await History.open(self.settings.history, self.settings.state_dir / "history", self.health["history"])

    async def _captures(self, bus: Bus, lease: Lease, hosts: Hosts) -> CaptureCoordinator:
        return CaptureCoordinator(
            self.graph,
            await bus.bucket("captures", codec=Capture),
            await bus.bucket("capture-targets", codec=CaptureTargets),
            await bus.bucket("capture-status", codec=AgentCaptureStatus),
            lease,
            check_filter=check_bpf,
            agents=lambda: hosts.agents() if hosts.known else None,
        )

    async def _checks(
        self,
        bus: Bus,
        captures: CaptureCoordinator,
        reports: AgentReports,
        injections: InjectionCoordinator,
        outbox: Outbox,
    ) -> CheckService:
        return CheckService(
            self.graph,
            await bus.bucket("checks", codec=Check),
            await bus.bucket("check-results", codec=CheckResult),
            captures=captures,
            reports=reports,
            injector=injections,
            lease=Lease(bus, "checks", self.host),
            settings=self.settings.check,
            counters=self.health["checks"],
            check_action=outbox.check,
        )

    async def _outbox(self, bus: Bus, calls: LateCalls) -> Outbox:
        return Outbox(
            await bus.bucket("notices", codec=Notice),
            senders(self.settings.notify, workflows=calls),
            lease=Lease(bus, "notices", self.host),
            settings=self.settings.notify,
            counters=self.health["notices"],
        )

    async def _alerts(
        self, bus: Bus, queries: QueryService, outbox: Outbox, is_ready: Callable[[], bool]
    ) -> AlertService:
        return AlertService(
            self.graph,
            await bus.bucket("alerts", codec=Alert),
            await bus.bucket("alert-history", codec=Transition, max_bytes=_ALERT_BYTES),
            queries=queries,
            notifier=outbox,
            lease=Lease(bus, "alerts", self.host),
            settings=self.settings.alert,
            counters=self.health["alerts"],
            is_ready=is_ready,
            scripts=AlertScripts(self.scripts, queries),
            resend=self.settings.notify.resend,
        )

    async def _declared(self, bus: Bus) -> DeclaredElements:
        stores = Stores(
            await bus.bucket("nodes", codec=Node),
            await bus.bucket("edges", codec=Edge),
            await bus.bucket("annotations", codec=Annotation),
            await bus.bucket("imports", codec=ImportChunk, max_bytes=_IMPORT_BYTES),
        )
        return DeclaredElements(self.graph, stores, self.settings.declared, now_ms)

    async def _rules(self, bus: Bus, declared: DeclaredElements) -> tuple[NodeRules, EdgeRules]:
        limits = self.settings.declared
        node_rules = NodeRules(self.graph, await bus.bucket("noderules", codec=NodeRule), declared, limits)
        edge_rules = EdgeRules(self.graph, await bus.bucket("edgerules", codec=EdgeRule), declared, limits)
        declared.after = (node_rules.ready, edge_rules.ready)
        return node_rules, edge_rules

    def _queries(self, bus: Bus, hosts: Hosts, history: History | None) -> QueryService:
        live, packets = LiveFlows(bus, hosts, self.graph), LivePackets(bus, hosts)
        sources = Sources(self.graph, flows=live, history=history, packets=packets, metrics=history)
        return QueryService(sources, Limits(seconds=self.settings.analyzer.query_timeout), self.workers)

    async def _injections(self, bus: Bus, queries: QueryService) -> InjectionCoordinator:
        settings = self.settings.inject
        stores = InjectionStores(
            await bus.bucket("injections", codec=Injection),
            await bus.bucket("injection-status", codec=InjectionStatus),
            await bus.bucket("injection-audit", codec=AuditRecord, ttl_s=settings.audit_days * 86400),
        )
        return InjectionCoordinator(
            self.graph,
            stores,
            queries.nodes,
            lambda host, request: bus.call(host, "inject", request, timeout=SILENCE),
            settings,
            host=self.host,
            check_pcap=RecordedFrames,
        )

    async def _workflows(
        self, bus: Bus, inside: InsideApi, checks: CheckService, captures: CaptureCoordinator
    ) -> WorkflowService:
        settings, health = self.settings.workflow, self.health["workflows"]
        return WorkflowService(
            await bus.bucket("workflows", codec=Workflow),
            await bus.bucket("workflow-jobs", codec=Job, max_bytes=_JOB_BYTES),
            host=self.host,
            api=inside,
            # One place more than jobs: sources are read while all jobs run.
            scripts=Scripts(health, places=settings.max_running + 1),
            python=Scripts(health, places=settings.max_running, runs=1, make=lambda: Isolate(_PYTHON)),
            checks=checks,
            captures=captures,
            lease=Lease(bus, "workflows", self.host),
            settings=settings,
            counters=health,
        )

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
        sessions: Sessions,
        workflows: WorkflowService,
        inside: InsideApi,
    ) -> Services:
        packets = LivePackets(bus, hosts)
        return Services(
            host=self.host,
            settings=self.settings.analyzer,
            gate=open_gate(self.settings, sessions, self.health["access"]),
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
