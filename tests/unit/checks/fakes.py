# SPDX-License-Identifier: Apache-2.0
"""What checks meet: captures, reports, stores, in memory; and packets made by hand."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import msgspec

from netsonde.aio.clock import Clock
from netsonde.captures.catalogue import view_of
from netsonde.checks.facts import Dhcp, Dns, Echo, Neighbour, Packet
from netsonde.checks.guest import Guest
from netsonde.checks.service import CheckService
from netsonde.checks.settings import CheckSettings
from netsonde.checks.steps._api import Scene, Whereabouts
from netsonde.checks.stores import LeaseRunner
from netsonde.checks.subjects import Speaker
from netsonde.errors import NotFound, SourceLost, UserError
from netsonde.graph import Graph
from netsonde.model.captures import Capture, CaptureChange, CapturePreview, CaptureStatus, CaptureView, NodeStatus
from netsonde.model.checks import Check, CheckResult
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketRequest
from netsonde.model.injections import Injection, InjectionView, ProbeResult
from netsonde.observe import Health
from unit.captures.fakes import FakeLease, FakeStore

NS = 1_000_000_000
GUEST, GATEWAY, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:fe", "02:00:00:00:00:66"
ADDRESS, ROUTER = "10.0.0.5", "10.0.0.1"


@dataclass
class HeldCaptures:
    """Captures that are created, deleted, and become active on request."""

    by_id: dict[str, CaptureView] = field(default_factory=dict)
    refuse: str = ""
    """Why captures are refused, "" = they are not."""
    refused_query: str = ""
    """The only query that is refused, "" = all are."""
    listeners: list[Callable[[CaptureChange], None]] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def views(self) -> list[CaptureView]:
        return list(self.by_id.values())

    async def create(self, capture: Capture) -> CaptureView:
        if self.refuse and self.refused_query in ("", capture.gremlin_query):
            raise UserError(self.refuse)
        made = msgspec.structs.replace(capture, uuid=f"cap{next(self.numbers)}")
        return self._put(made, CaptureStatus("waiting", 0, "no node matches"))

    async def delete(self, uuid: str) -> None:
        if uuid not in self.by_id:
            raise NotFound(uuid)
        self._tell(CaptureChange("Deleted", self.by_id.pop(uuid)))

    def preview(self, gremlin: str) -> CapturePreview:
        if not gremlin.startswith("G"):
            raise UserError("a query starts with G")
        return CapturePreview(0, 0, [], "")

    def subscribe(self, listener: Callable[[CaptureChange], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def ready(self) -> None:
        return

    def activate(self, uuid: str, *nodes: NodeStatus) -> CaptureView:
        return self._put(self.by_id[uuid], CaptureStatus("active", 0, nodes=[*nodes], active=len(nodes)))

    def _put(self, capture: Capture, status: CaptureStatus) -> CaptureView:
        definition = Capture(**{one.name: getattr(capture, one.name) for one in msgspec.structs.fields(Capture)})
        view = view_of(definition, status)
        kind: Literal["Added", "Updated"] = "Updated" if view.uuid in self.by_id else "Added"
        self.by_id[view.uuid] = view
        self._tell(CaptureChange(kind, view))
        return view

    def _tell(self, change: CaptureChange) -> None:
        for listener in list(self.listeners):
            listener(change)


@dataclass
class HeldReports:
    """Reports that pass, and what agents keep."""

    passing: dict[str, asyncio.Queue[bytes | None]] = field(default_factory=dict)
    packets_kept: list[bytes] = field(default_factory=list)
    asked: list[PacketRequest | FlowRequest] = field(default_factory=list)
    away: bool = False
    silent: set[str] = field(default_factory=set)
    """Hosts that never answer."""

    async def overhear(self, kind: Literal["flows", "packets"]) -> AsyncGenerator[bytes | None, None]:
        queue = self.passing.setdefault(kind, asyncio.Queue())
        yield None
        while True:
            yield await queue.get()

    async def packets(self, request: PacketRequest, host: str) -> Sequence[bytes]:
        self.asked.append(request)
        if self.away:
            raise SourceLost("the bus is away")
        if host in self.silent:
            await asyncio.Event().wait()
        return self.packets_kept

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        self.asked.append(request)
        return FlowAnswer([])


@dataclass
class HeldInjector:
    """Takes injections, and answers each with what tests say for its type; none = the packets are lost."""

    asked: list[Injection] = field(default_factory=list)
    answers: dict[str, list[ProbeResult]] = field(default_factory=dict)
    refuse: str = ""
    listed: list[InjectionView] = field(default_factory=list)
    """Injections that were there before."""
    is_read: bool = False
    """Somebody has read of them."""

    def views(self) -> list[InjectionView]:
        self.is_read = True
        return self.listed

    async def ready(self) -> None:
        return

    async def inject(self, injection: Injection, who: str) -> AsyncGenerator[ProbeResult, None]:
        self.asked.append(msgspec.structs.replace(injection, created_by=who))
        if self.refuse:
            raise UserError(self.refuse)
        lost = [ProbeResult(number, 5 * NS, -1, "lost") for number in range(injection.count)]
        for result in self.answers.get(injection.type, lost):
            yield result


@dataclass
class Held:
    """A check service over all of these."""

    graph: Graph
    clock: Clock
    settings: CheckSettings = field(default_factory=CheckSettings)
    definitions: FakeStore[Check] = field(default_factory=FakeStore)
    results: FakeStore[CheckResult] = field(default_factory=FakeStore)
    captures: HeldCaptures = field(default_factory=HeldCaptures)
    reports: HeldReports = field(default_factory=HeldReports)
    injector: HeldInjector = field(default_factory=HeldInjector)
    health: Health = field(default_factory=lambda: Health("checks"))
    check_action: Callable[[str], None] = lambda action: None
    lease: LeaseRunner = field(default_factory=FakeLease)

    def service(self) -> CheckService:
        return CheckService(
            self.graph,
            self.definitions,
            self.results,
            captures=self.captures,
            reports=self.reports,
            injector=self.injector,
            lease=self.lease,
            settings=self.settings,
            counters=self.health,
            clock=self.clock,
            check_action=self.check_action,
        )


def scene(within_s: float = 10.0, where: Whereabouts | None = None) -> Scene:
    """Return the scene of interface tap1 that appeared at second 0."""
    found = where or Whereabouts()
    graph = Graph("a1", "analyzer.a1", lambda: 0)
    return Scene(
        "tap1",
        0,
        int(within_s * NS),
        lambda flow: found,
        lambda mac: "qr-1" if mac == GATEWAY else "",
        Guest(graph, "n1", Speaker(graph, "n1")),
        lambda: 1500,
        lambda mac, mtu: ("patch-1", 1400),
    )


class Packets:
    """Packets of one interface, numbered; `at` are seconds after its appearance."""

    def __init__(self, capture: str = "cap0", tid: str = "t1", start_ns: int = 0) -> None:
        self._capture = capture
        self._tid = tid
        self._start_ns = start_ns
        self._number = 0

    def make(self, at: float, protocol: str, **facts: Any) -> Packet:
        self._number += 1
        time_ns = self._start_ns + int(at * NS)
        return Packet(self._capture, self._tid, self._number - 1, time_ns, f"f{self._number}", protocol, **facts)

    def dhcp(self, at: float, kind: str, *, xid: int = 7, server: str = ROUTER, **more: Any) -> Packet:
        asks = kind in ("Discover", "Request", "Solicit")
        facts: dict[str, Any] = {
            "version": 4,
            "kind": kind,
            "xid": xid,
            "client": GUEST,
            "from_client": asks,
            "address": "" if asks else ADDRESS,
            "server": "" if asks else server,
            "routers": [] if asks else [ROUTER],
            "dns_servers": [],
            "message": "",
        }
        message = Dhcp(**{**facts, **more})
        source = "0.0.0.0" if asks else server
        return self.make(at, "DHCPv4", mac_source=GUEST if asks else GATEWAY, source=source, dhcp=message)

    def lease(self, at: float = 0.1) -> list[Packet]:
        return [self.dhcp(at, "Discover"), self.dhcp(at, "Offer"), self.dhcp(at, "Request"), self.dhcp(at, "ACK")]

    def asks(self, at: float, address: str = ROUTER) -> Packet:
        return self.make(at, "ARP", mac_source=GUEST, neighbour=Neighbour(True, address, ADDRESS, GUEST))

    def claims(self, at: float, mac: str = GATEWAY, address: str = ROUTER) -> Packet:
        return self.make(at, "ARP", mac_source=mac, neighbour=Neighbour(False, address, address, mac))

    def ping(self, at: float, sequence: int, *, reply: bool = False, target: str = ROUTER) -> Packet:
        ends = (target, ADDRESS) if reply else (ADDRESS, target)
        mac = GATEWAY if reply else GUEST
        echo = Echo(not reply, 1, sequence)
        return self.make(at, "ICMPv4", mac_source=mac, source=ends[0], destination=ends[1], echo=echo)

    def dns(self, at: float, *, code: str = "", name: str = "vm.example.org", records: int = 1) -> Packet:
        """Return a question, or with `code` its answer."""
        ends = (ROUTER, ADDRESS) if code else (ADDRESS, ROUTER)
        ports = (53, 40_000) if code else (40_000, 53)
        return self.make(
            at,
            "DNS",
            mac_source=GATEWAY if code else GUEST,
            source=ends[0],
            destination=ends[1],
            port_source=ports[0],
            port_destination=ports[1],
            dns=Dns(9, bool(code), name, code or "No Error", records if code else 0),
        )

    def tcp(self, at: float, flags: int, *, back: bool = False, target: str = "169.254.169.254") -> Packet:
        ends = (target, ADDRESS) if back else (ADDRESS, target)
        ports = (80, 50_000) if back else (50_000, 80)
        return self.make(
            at,
            "TCP",
            mac_source=GATEWAY if back else GUEST,
            source=ends[0],
            destination=ends[1],
            port_source=ports[0],
            port_destination=ports[1],
            tcp_flags=flags,
        )
