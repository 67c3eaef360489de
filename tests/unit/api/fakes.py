# SPDX-License-Identifier: Apache-2.0
"""A second, small implementation of what the API needs: everything in memory, nothing waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from netsonde.access.gate import Gate
from netsonde.aio.clock import Clock
from netsonde.api.resources import Unsubscribe
from netsonde.api.services import CalledWorkflows, Filters, LiveGraph, PcapSummary, QueryCheck, Services
from netsonde.api.settings import ApiSettings
from netsonde.errors import Conflict, NotFound, Span, UserError
from netsonde.graph import Graph
from netsonde.graph.events import Event, touched_keys
from netsonde.injection.listing import view_of
from netsonde.model.captures import Capture, CaptureChange, CapturePreview, CaptureStatus, CaptureView, NodeStatus
from netsonde.model.elements import Edge, Element, Json, Metadata, Node
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketAnswer, PacketRequest
from netsonde.model.injections import AuditRecord, Injection, InjectionChange, InjectionView
from netsonde.model.presence import ComponentHealth, Presence
from netsonde.model.topology import ChangeKind, InterfaceMetric
from netsonde.query import NotAllowed
from unit.access.gates import a_gate
from unit.alerts.fakes import Held as HeldAlerts
from unit.checks.fakes import Held
from unit.declared.memory import Analyzer, memory_stores
from unit.workflows.fakes import Workflows

NOW_MS = 1_700_000_000_000


def a_node(node_id: str = "n1", *, revision: int = 1, **metadata: Json) -> Node:
    facts: Metadata = {"Name": node_id, "Type": "veth", **metadata}
    return Node(node_id, facts, "h1", "agent.h1", NOW_MS, NOW_MS + revision, None, revision)


def an_edge(edge_id: str, parent: str, child: str, relation: str = "ownership") -> Edge:
    return Edge(edge_id, {"RelationType": relation}, "h1", "agent.h1", NOW_MS, NOW_MS, None, 1, parent, child)


def an_event(kind: ChangeKind, element: Element, previous: Element | None) -> Event:
    before = previous.metadata if previous else {}
    return Event(kind, element, previous, "test", touched_keys(before, element.metadata))


@dataclass
class FakeGraph:
    by_id: dict[str, Element] = field(default_factory=dict)
    listeners: list[Callable[[Sequence[Any]], None]] = field(default_factory=list)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a listener has left."""

    def node(self, node_id: str) -> Node | None:
        found = self.by_id.get(node_id)
        return found if isinstance(found, Node) else None

    def edge(self, edge_id: str) -> Edge | None:
        found = self.by_id.get(edge_id)
        return found if isinstance(found, Edge) else None

    def nodes(self) -> list[Node]:
        return [one for one in self.by_id.values() if isinstance(one, Node)]

    def edges(self) -> list[Edge]:
        return [one for one in self.by_id.values() if isinstance(one, Edge)]

    def node_count(self) -> int:
        return len(self.nodes())

    def edge_count(self) -> int:
        return len(self.edges())

    def subscribe(self, listener: Callable[[Sequence[Any]], None]) -> Unsubscribe:
        self.listeners.append(listener)

        def unsubscribe() -> None:
            self.listeners.remove(listener)
            self.abandoned.set()

        return unsubscribe

    def put(self, *elements: Element) -> None:
        """Add or update elements in one batch."""
        events = []
        for element in elements:
            previous = self.by_id.get(element.id)
            self.by_id[element.id] = element
            events.append(an_event("updated" if previous else "added", element, previous))
        self._tell(events)

    def drop(self, element_id: str) -> None:
        element = self.by_id.pop(element_id)
        self._tell([an_event("deleted", element, element)])

    async def json(self) -> bytes:
        return msgspec.json.encode({"Nodes": self.nodes(), "Edges": self.edges()})

    def _tell(self, events: Sequence[Event]) -> None:
        for listener in list(self.listeners):
            listener(events)


@dataclass(frozen=True)
class FakeResult:
    kind: str
    value: object
    graph: FakeGraph | None = None
    raw_packets: Sequence[bytes] | None = None
    missing_hosts: tuple[str, ...] = ()
    truncated: bool = False
    notes: tuple[str, ...] = ()

    def json(self, look: Callable[[], None], *, end: bytes) -> bytes:
        look()
        return msgspec.json.encode(self.value) + end


@dataclass
class FakeQueries:
    """Answers a few texts: G, G.V()…, ….SubGraph() of the nodes whose Type is in the text, RawPackets."""

    graph: FakeGraph
    asked: list[str] = field(default_factory=list)
    bindings: Mapping[str, Json] | None = None
    history: FakeGraph = field(default_factory=FakeGraph)
    packets: Sequence[bytes] = ()
    missing_hosts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    async def run(self, text: str, bindings: Mapping[str, Json] | None = None) -> FakeResult:
        self.asked.append(text)
        self.bindings = bindings
        await asyncio.sleep(0)
        kind = self.check(text).kind
        source = self.history if "At(" in text else self.graph
        if kind == "packets":
            return FakeResult(kind, [], raw_packets=self.packets)
        if kind == "graph":
            part = FakeGraph({key: one for key, one in source.by_id.items() if _matches(one, text)})
            return FakeResult(kind, [{"Nodes": part.nodes(), "Edges": part.edges()}], part)
        missing = self.missing_hosts
        return FakeResult(kind, source.nodes(), missing_hosts=missing, truncated=bool(missing), notes=self.notes)

    async def answer(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Any,
        *,
        client: str,
        gone: Callable[[], Any],
        packets: bool,
        workflows: CalledWorkflows | None,
    ) -> Any:
        if not packets and "RawPackets" in text:
            raise NotAllowed("you may not see what is in packets")
        if text.startswith("G.Workflow("):
            if workflows is None:
                raise UserError("no workflow can be called here")
            made: Any = await workflows.call(text.split("'")[1], ())
            return into(FakeResult("values", made), lambda: None)
        return into(await self.run(text, bindings), lambda: None)

    async def explain(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        *,
        profile: bool,
        client: str,
        gone: Callable[[], Any],
        packets: bool,
    ) -> Mapping[str, Json]:
        if "Forever" in text:
            await gone()
        told: dict[str, Json] = {"Gives": "nodes", "Reads": {}, "Steps": [], "Reason": "", "Hint": "", "Span": None}
        if not self.graph.nodes():
            told |= {"Reason": "no node has the key 'Nam'", "Hint": "did you mean Name?", "Span": [2, 3]}
        return told | {"Rows": len(self.graph.nodes())} if profile else told

    def check(self, text: str) -> QueryCheck:
        if not text.startswith("G"):
            raise UserError("a query starts with G", span=Span(0, 1), text=text, hint="write G.V()")
        if text.count("(") != text.count(")"):
            place = text.index("(")
            raise UserError("( is never closed", span=Span(place, place + 1), text=text)
        if text.endswith("RawPackets()"):
            return QueryCheck("packets", local=False, reason="it reads packets")
        if text == "G" or text.endswith("SubGraph()") or (text.startswith("G.At(") and text.endswith(")")):
            return QueryCheck("graph", local=False, reason="a graph is no list of nodes")
        return QueryCheck("nodes", local=True, calls_workflow=text.startswith("G.Workflow("))


class AskedFilters:
    """Follows no filter: each is asked anew, at any event."""

    def whole(self, text: str) -> bool:
        return False

    def follow(self, text: str) -> None:
        return None

    def interest(self, text: str) -> Callable[[Event], bool]:
        return lambda _: True


def _matches(element: Element, text: str) -> bool:
    return "'" not in text or f"'{element.metadata.get('Type')}'" in text


@dataclass
class FakeCaptures:
    by_id: dict[str, CaptureView] = field(default_factory=dict)
    listeners: list[Callable[[CaptureChange], None]] = field(default_factory=list)
    conflicts: int = 0
    """So many replacements fail because somebody else was faster."""

    def views(self) -> list[CaptureView]:
        return list(self.by_id.values())

    def view(self, uuid: str) -> CaptureView | None:
        return self.by_id.get(uuid)

    async def create(self, capture: Capture) -> CaptureView:
        self.preview(capture.gremlin_query)
        if capture.bpf_filter == "prot tcp":
            raise UserError("bad BPF filter", span=Span(0, 4), text=capture.bpf_filter, hint="see pcap-filter(7)")
        if any(one.gremlin_query == capture.gremlin_query for one in self.by_id.values()):
            raise Conflict("duplicated resource")
        return self.put(msgspec.structs.replace(capture, uuid=f"c{len(self.by_id) + 1}", created_at=NOW_MS))

    async def replace(self, previous: Capture, capture: Capture) -> CaptureView:
        if self.conflicts:
            self.conflicts -= 1
            self.put(msgspec.structs.replace(capture, name="somebody else's", paused=previous.paused))
            raise Conflict("the capture was changed meanwhile")
        return self.put(capture)

    async def delete(self, uuid: str) -> None:
        if uuid not in self.by_id:
            raise NotFound(f"Capture '{uuid}' not found")
        self._tell("Deleted", self.by_id.pop(uuid))

    def preview(self, gremlin: str) -> CapturePreview:
        if not gremlin.startswith("G"):
            raise UserError("a query starts with G", span=Span(0, 1), text=gremlin)
        return CapturePreview(1, 1, [a_node()], "")

    def subscribe(self, listener: Callable[[CaptureChange], None]) -> Unsubscribe:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def put(self, capture: Capture, status: CaptureStatus | None = None) -> CaptureView:
        facts = {name: getattr(capture, name) for name in Capture.__struct_fields__}
        status = status or CaptureStatus("waiting", NOW_MS, "no node matches")
        view = CaptureView(**facts, count=status.active, status=status)
        kind = "Updated" if view.uuid in self.by_id else "Added"
        self.by_id[view.uuid] = view
        self._tell(kind, view)
        return view

    def activate(self, uuid: str, packets: int = 1) -> None:
        """Let a capture become active on node n1."""
        node = NodeStatus(
            *("n1", "t1", "tap0", "h1", "active"),
            packets_received=packets,
            packets_dropped=2,
            flows_evicted=3,
            streams_refused=1,
            since=NOW_MS,
        )
        self.put(self.by_id[uuid], CaptureStatus("active", NOW_MS, "", 1, 1, 1, 0, [node]))

    def _tell(self, kind: Any, view: CaptureView) -> None:
        for listener in list(self.listeners):
            listener(CaptureChange(kind, view))


@dataclass
class FakePackets:
    missing_hosts: list[str] = field(default_factory=list)
    requests: list[PacketRequest] = field(default_factory=list)
    arriving: list[Sequence[bytes]] = field(default_factory=list)
    closed: bool = False
    ends: bool = False
    """Whether a followed stream ends by itself, which a real one does not."""

    async def packets(self, request: PacketRequest) -> PacketAnswer:
        self.requests.append(request)
        return PacketAnswer([b"batch"], self.missing_hosts)

    async def follow(self, request: PacketRequest) -> AsyncIterator[Sequence[bytes]]:
        try:
            for batches in self.arriving:
                yield batches
            if not self.ends:
                await asyncio.Event().wait()
        finally:
            self.closed = True

    def to_pcapng(self, batches: Sequence[bytes], comment: str) -> bytes:
        return section(len(batches))

    def describe(self, batch: bytes) -> Sequence[Mapping[str, Json]]:
        packet: dict[str, Json] = {"Protocol": "ARP", "Data": "AAE="}
        return [{**packet, "Number": 1, "Time": 2_000}, {**packet, "Number": 0, "Time": 1_000}]


def section(packets: int) -> bytes:
    """Return a pcapng section with one interface and some empty packets."""
    header = b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0" + b"\xff" * 8 + b"\x1c\0\0\0"
    interface = b"\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\x04\0\x14\0\0\0"
    packet = b"\x06\0\0\0\x20\0\0\0" + b"\0" * 20 + b"\x20\0\0\0"
    return header + (interface + packet * packets if packets else b"")


@dataclass
class FakeFlows:
    answer: FlowAnswer = field(default_factory=lambda: FlowAnswer([]))
    requests: list[FlowRequest] = field(default_factory=list)
    listeners: list[Callable[[Sequence[Mapping[str, Json]]], None]] = field(default_factory=list)

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        self.requests.append(request)
        return self.answer

    def subscribe(self, listener: Callable[[Sequence[Mapping[str, Json]]], None]) -> Unsubscribe:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def report(self, *flows: Mapping[str, Json]) -> None:
        for listener in list(self.listeners):
            listener(flows)


@dataclass
class FakeMetrics:
    since_ms: int = 0

    async def node_metrics(self, node_id: str, *, since_ms: int) -> Sequence[InterfaceMetric]:
        self.since_ms = since_ms
        return [InterfaceMetric(node_id, "t1", "h1", NOW_MS, NOW_MS + 1000, {"RxBytes": 7})]


@dataclass
class FakePcap:
    imported: bytes = b""

    async def import_file(self, path: Path) -> PcapSummary:
        self.imported = await asyncio.to_thread(path.read_bytes)
        return PcapSummary("pcap-1", 3, 1, NOW_MS, NOW_MS + 5)


@dataclass
class FakeStatus:
    missing: list[str] = field(default_factory=list)
    ahead_ms: dict[str, int] = field(default_factory=dict)
    """By host, by how much its clock is ahead."""
    there: list[Presence] = field(
        default_factory=lambda: [
            Presence("agent", "h1", "0.1.0", 42, NOW_MS, "", []),
            Presence("analyzer", "a1", "0.1.0", 7, NOW_MS, "", []),
        ]
    )

    def presences(self) -> Sequence[Presence]:
        return self.there

    def clock_ahead_ms(self, one: Presence) -> int | None:
        return self.ahead_ms.get(one.host, 0)

    def components(self) -> Sequence[ComponentHealth]:
        return [ComponentHealth("bus", "running", "", NOW_MS, {"messages": 3})]

    def is_captures_master(self) -> bool:
        return True

    def not_ready(self) -> Sequence[str]:
        return self.missing

    def setting(self, key: str) -> Json:
        return {"analyzer.listen": "127.0.0.1:8082"}.get(key)

    def metrics(self) -> bytes:
        return b"# HELP netsonde_up 1\nnetsonde_up 1\n"


def held_checks() -> Held:
    """Return real checks over stores in memory, at the time of these tests."""
    clock = Clock(lambda: NOW_MS)
    return Held(Graph("a1", "analyzer.a1", clock.now_ms), clock)


def held_alerts() -> HeldAlerts:
    """Return real alerts over stores in memory, at the time of these tests."""
    clock = Clock(lambda: NOW_MS)
    return HeldAlerts(Graph("a1", "analyzer.a1", clock.now_ms), clock)


@dataclass
class FakeInjections:
    """Keeps injections, sends nothing."""

    known: dict[str, InjectionView] = field(default_factory=dict)
    records: list[AuditRecord] = field(default_factory=list)
    listeners: list[Callable[[InjectionChange], None]] = field(default_factory=list)

    def views(self) -> Sequence[InjectionView]:
        return list(self.known.values())

    def view(self, uuid: str) -> InjectionView | None:
        return self.known.get(uuid)

    async def create(self, injection: Injection, who: str) -> InjectionView:
        view = view_of(msgspec.structs.replace(injection, uuid=f"i{len(self.records)}"), None)
        self.known[view.uuid] = view
        self._note("created", "Added", view, who)
        return view

    async def delete(self, uuid: str, who: str) -> None:
        self._note("deleted", "Deleted", self.known.pop(uuid), who)

    async def audit(self, limit: int, before: int = 0) -> Sequence[AuditRecord]:
        return [record for record in self.records[::-1] if not before or record.number < before][:limit]

    def subscribe(self, listener: Callable[[InjectionChange], None]) -> Unsubscribe:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def _note(self, action: Any, kind: Any, view: InjectionView, who: str) -> None:
        self.records.append(AuditRecord(NOW_MS, who, action, view.uuid, number=len(self.records) + 1))
        for listener in list(self.listeners):
            listener(InjectionChange(kind, view))


@dataclass
class Fakes:
    """The services and, by name, what stands behind them."""

    graph: FakeGraph
    queries: FakeQueries
    filters: Filters = field(default_factory=AskedFilters)
    captures: FakeCaptures = field(default_factory=FakeCaptures)
    held: Held = field(default_factory=held_checks)
    """What the checks have: they are the real ones, and do nothing by themselves unless a test runs them."""
    alerting: HeldAlerts = field(default_factory=held_alerts)
    """What the alerts have; they are the real ones, as the checks are."""
    workflows: Workflows = field(default_factory=lambda: Workflows(now_ms=NOW_MS))
    """What the workflows have: they are the real ones, over an engine that runs Python functions."""
    injections: FakeInjections = field(default_factory=FakeInjections)
    packets: FakePackets = field(default_factory=FakePackets)
    flows: FakeFlows = field(default_factory=FakeFlows)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    pcap: FakePcap = field(default_factory=FakePcap)
    stated: Analyzer = field(default_factory=lambda: Analyzer(memory_stores()))
    """What users declare, and rules: they are the real ones, over a graph of their own unless it is `merged`."""
    status: FakeStatus = field(default_factory=FakeStatus)
    settings: ApiSettings = field(default_factory=lambda: ApiSettings(listen="127.0.0.1:0"))
    page: Path = Path("/nonexistent")
    gate: Gate = field(default_factory=lambda: a_gate())
    merged: LiveGraph | None = None
    """Stands in the place of `graph`, when it is a real one."""

    def __post_init__(self) -> None:
        self.checks = self.held.service()
        self.declared = self.stated.declared
        self.alerts = self.alerting.service()

    @classmethod
    def new(cls) -> "Fakes":
        graph = FakeGraph()
        return cls(graph, FakeQueries(graph))

    def with_settings(self, **changes: Any) -> "Fakes":
        self.settings = replace(self.settings, **changes)
        return self

    def services(self) -> Services:
        return Services(
            host="a1",
            settings=self.settings,
            gate=self.gate,
            graph=self.merged or self.graph,
            graph_json=self.graph.json,
            queries=self.queries,
            filters=self.filters,
            captures=self.captures,
            checks=self.checks,
            alerts=self.alerts,
            injections=self.injections,
            workflows=self.workflows.service,
            inside=self.workflows.inside,
            declared=self.declared,
            node_rules=self.stated.node_rules,
            edge_rules=self.stated.edge_rules,
            packets=self.packets,
            flows=self.flows,
            interface_metrics=self.metrics,
            pcap=self.pcap,
            status=self.status,
            page=self.page,
            now_ms=lambda: NOW_MS,
        )
