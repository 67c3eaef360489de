# SPDX-License-Identifier: Apache-2.0
"""Builds what users make and the bus keeps, captures to workflows, over the buckets of a bus."""

from collections.abc import Callable, Mapping

from netsonde._native import RecordedFrames, check_bpf
from netsonde.alerts.scripting import AlertScripts
from netsonde.alerts.service import AlertService
from netsonde.analyzer.calls import LateCalls
from netsonde.analyzer.flows import LiveFlows
from netsonde.analyzer.holder import holder_of
from netsonde.analyzer.hosts import Hosts
from netsonde.analyzer.openflow import LiveOpenFlow
from netsonde.analyzer.packets import LivePackets
from netsonde.analyzer.queries import QueryService
from netsonde.analyzer.reports import AgentReports
from netsonde.api.inside import InsideApi
from netsonde.bus.connection import Bus
from netsonde.bus.lease import Lease
from netsonde.captures.coordinator import CaptureCoordinator
from netsonde.captures.destinations import Destinations
from netsonde.checks.service import CheckService
from netsonde.declared import DeclaredElements, Stores
from netsonde.declared.rules import EdgeRules, NodeRules
from netsonde.graph import Graph
from netsonde.history.history import History
from netsonde.injection.coordinator import InjectionCoordinator
from netsonde.injection.stores import InjectionStores
from netsonde.model.alerts import Alert, Transition
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureTargets
from netsonde.model.checks import Check, CheckResult
from netsonde.model.declared import Annotation, ImportChunk
from netsonde.model.elements import Edge, Node
from netsonde.model.injections import AuditRecord, Injection, InjectionStatus
from netsonde.model.notices import Notice
from netsonde.model.openstack import CloudRecord
from netsonde.model.rules import EdgeRule, NodeRule
from netsonde.model.workflows import Job, Workflow
from netsonde.notify.building import senders
from netsonde.notify.outbox import Outbox
from netsonde.observe import Health
from netsonde.openstack import OpenStack
from netsonde.query import Limits, Sources
from netsonde.query.workers import Workers
from netsonde.scripts.pool import Scripts
from netsonde.scripts.process import Isolate
from netsonde.settings import Settings
from netsonde.workflows.service import WorkflowService

_PYTHON = ("-m", "netsonde.analyzer.python_workflow")
_JOB_BYTES = 256 * 1024 * 1024
"""Bytes of all jobs on the bus; 32 MiB of ended ones are kept, a write may come before the deletion of another."""

_IMPORT_BYTES = 512 * 1024 * 1024
"""Bytes of all imports on the bus, compressed: room for some millions of elements."""

_ALERT_BYTES = 256 * 1024 * 1024
"""Bytes of all transitions of alerts on the bus, each with what its expression gave; 64 MiB are kept."""

_RESULT_BYTES = 256 * 1024 * 1024
"""Bytes of all results of checks on the bus; 192 MiB are kept."""

_CLOUD_BYTES = 512 * 1024 * 1024
"""Bytes of what clouds say, some 1.5 KB a port."""

SILENCE = 3.0
"""Seconds without a sign of life after which an agent that injects is lost; it gives one every second."""


class Resources:
    """Makes each service from bus, settings and health; it starts none of them and keeps none."""

    def __init__(
        self,
        bus: Bus,
        settings: Settings,
        health: Mapping[str, Health],
        graph: Graph,
        now_ms: Callable[[], int],
    ) -> None:
        self.bus = bus
        self.settings = settings
        self.health = health
        self.graph = graph
        self.now_ms = now_ms
        self.host = settings.host_id
        self.holder = holder_of(self.host, settings.state_dir)

    async def captures(self, lease: Lease, hosts: Hosts, is_ready: Callable[[], bool]) -> CaptureCoordinator:
        capture = self.settings.capture
        return CaptureCoordinator(
            self.graph,
            await self.bus.bucket("captures", codec=Capture),
            await self.bus.bucket("capture-targets", codec=CaptureTargets),
            await self.bus.bucket("capture-status", codec=AgentCaptureStatus, shared=True),
            lease,
            check_filter=check_bpf,
            destinations=Destinations(capture.export_allow, capture.export_refuse),
            agents=lambda: hosts.agents() if hosts.known else None,
            is_ready=is_ready,
        )

    async def checks(
        self,
        captures: CaptureCoordinator,
        reports: AgentReports,
        injections: InjectionCoordinator,
        outbox: Outbox,
    ) -> CheckService:
        return CheckService(
            self.graph,
            await self.bus.bucket("checks", codec=Check),
            await self.bus.bucket("check-results", codec=CheckResult, max_bytes=_RESULT_BYTES),
            captures=captures,
            reports=reports,
            injector=injections,
            lease=Lease(self.bus, "checks", self.holder),
            settings=self.settings.check,
            counters=self.health["checks"],
            check_action=outbox.check,
        )

    async def outbox(self, calls: LateCalls) -> Outbox:
        return Outbox(
            await self.bus.bucket("notices", codec=Notice),
            senders(self.settings.notify, workflows=calls),
            lease=Lease(self.bus, "notices", self.holder),
            settings=self.settings.notify,
            counters=self.health["notices"],
        )

    async def alerts(
        self, queries: QueryService, outbox: Outbox, scripts: Scripts, is_ready: Callable[[], bool]
    ) -> AlertService:
        return AlertService(
            self.graph,
            await self.bus.bucket("alerts", codec=Alert),
            await self.bus.bucket("alert-history", codec=Transition, max_bytes=_ALERT_BYTES),
            queries=queries,
            notifier=outbox,
            lease=Lease(self.bus, "alerts", self.holder),
            settings=self.settings.alert,
            counters=self.health["alerts"],
            is_ready=is_ready,
            scripts=AlertScripts(scripts, queries),
            resend=self.settings.notify.resend,
        )

    async def declared(self) -> DeclaredElements:
        stores = Stores(
            await self.bus.bucket("nodes", codec=Node),
            await self.bus.bucket("edges", codec=Edge),
            await self.bus.bucket("annotations", codec=Annotation),
            await self.bus.bucket("imports", codec=ImportChunk, max_bytes=_IMPORT_BYTES),
        )
        return DeclaredElements(self.graph, stores, self.settings.declared, self.now_ms)

    async def rules(self, declared: DeclaredElements) -> tuple[NodeRules, EdgeRules]:
        limits = self.settings.declared
        node_rules = NodeRules(self.graph, await self.bus.bucket("noderules", codec=NodeRule), declared, limits)
        edge_rules = EdgeRules(self.graph, await self.bus.bucket("edgerules", codec=EdgeRule), declared, limits)
        declared.after = (node_rules.ready, edge_rules.ready)
        return node_rules, edge_rules

    async def openstack(self, declared: DeclaredElements) -> OpenStack:
        return OpenStack(
            self.settings.openstack,
            graph=self.graph,
            ground=declared,
            store=await self.bus.bucket("openstack", codec=CloudRecord, max_bytes=_CLOUD_BYTES),
            lease=lambda name: Lease(self.bus, name, self.holder),
            health=self.health,
        )

    def queries(self, hosts: Hosts, history: History | None, workers: Workers) -> QueryService:
        live, packets = LiveFlows(self.bus, hosts, self.graph), LivePackets(self.bus, hosts)
        sources = Sources(
            self.graph,
            flows=live,
            history=history,
            packets=packets,
            metrics=history,
            openflow=LiveOpenFlow(self.bus, hosts),
        )
        return QueryService(sources, Limits(seconds=self.settings.analyzer.query_timeout), workers)

    async def injections(self, queries: QueryService) -> InjectionCoordinator:
        settings = self.settings.inject
        stores = InjectionStores(
            await self.bus.bucket("injections", codec=Injection),
            await self.bus.bucket("injection-status", codec=InjectionStatus),
            # Full, it must not keep everybody from injecting: each record is in the log of the process as well.
            await self.bus.bucket("injection-audit", codec=AuditRecord, ttl_s=settings.audit_days * 86400, rolls=True),
        )
        return InjectionCoordinator(
            self.graph,
            stores,
            queries.nodes,
            lambda host, request: self.bus.call(host, "inject", request, timeout=SILENCE),
            settings,
            host=self.host,
            check_pcap=RecordedFrames,
        )

    async def workflows(self, inside: InsideApi, checks: CheckService, captures: CaptureCoordinator) -> WorkflowService:
        settings, health = self.settings.workflow, self.health["workflows"]
        return WorkflowService(
            await self.bus.bucket("workflows", codec=Workflow),
            await self.bus.bucket("workflow-jobs", codec=Job, max_bytes=_JOB_BYTES),
            host=self.host,
            api=inside,
            # One place more than jobs: sources are read while all jobs run.
            scripts=Scripts(health, places=settings.max_running + 1),
            python=Scripts(health, places=settings.max_running, runs=1, make=lambda: Isolate(_PYTHON)),
            checks=checks,
            captures=captures,
            lease=Lease(self.bus, "workflows", self.holder),
            settings=settings,
            counters=health,
        )
