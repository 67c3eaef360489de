# SPDX-License-Identifier: Apache-2.0
"""Engines `ovssflow`, `ovsnetflow`, `ovsipfix` and `ovsmirror`: Open vSwitch tells of a bridge, or mirrors a port.

Source: what the switch exports to a port of ours on the loopback; what it mirrors to a device that it makes for us.
Writes: rows of sFlow, NetFlow, IPFIX, Mirror, Port and Interface in its database, each marked as ours. Whatever is
        marked and not wanted is removed: when a capture ends, and at the start after a crash.
Needs:  a database that can be written to; another's export on a bridge is left alone.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from netsonde.aio.tasks import HealthSink
from netsonde.captures.engines._api import EventKind, Point, TapEvent
from netsonde.captures.engines._registry import KINDS, engine_name
from netsonde.captures.engines.ovs.plan import Wanted, plan
from netsonde.captures.engines.ovs.rows import EXPORTS, read, requests
from netsonde.captures.engines.packet import ListenOn
from netsonde.captures.engines.told import Telling
from netsonde.errors import SourceLost, Unsupported, UserError, WireError
from netsonde.model.captures import Capture
from netsonde.model.elements import Json
from netsonde.observe import logger

log = logger("captures.ovs")

NAMES: Final = tuple(name for name, kind in KINDS.items() if kind.place in ("ovsbridge", "ovsport"))
LOOK_EVERY: Final = 10.0
"""Seconds between two looks whether what was programmed is still there."""
DEVICE_EVERY: Final = 0.1
"""Seconds between two looks for the device of a mirror."""
_KINDS: Final[Mapping[str, str]] = {"ovssflow": "sflow", "ovsnetflow": "records", "ovsipfix": "records"}


class Database(Protocol):
    """One server of Open vSwitch."""

    async def transact(self, operations: Sequence[Json]) -> list[Json]:
        """Do all or nothing; raises SourceLost without a server, WireError when it refuses, Unsupported when its switch
        is another host's."""


class Core(Protocol):
    """What PacketEngine gives these engines."""

    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str: ...

    def tap(self, point: Point, device: Point, capture: Capture, *, ifname: str, node_tid: str) -> None: ...


class Devices(Protocol):
    """Network devices of the agent's own namespace."""

    def bring_up(self, name: str) -> int | None:
        """Set a device up and return its ifindex; None while there is none of that name."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the engine knows of where it runs."""

    name: str
    databases: Mapping[str, Database]
    devices: Devices
    now_ms: Callable[[], int]
    flow_update: float = 10.0
    """Seconds between two reports of a flow that goes on; the switch counts whole ones."""


class OvsEngine(Telling):
    """Implements Engine under each of its names; `run` programs the switch until cancelled."""

    name = "ovs"

    def __init__(self, core: Core, host: Host) -> None:
        super().__init__()
        self._core = core
        self._host = host
        self._wanted: dict[Point, Wanted] = {}
        self._told: dict[Point, str] = {}
        """What was said last of each point: "" = it runs, else why not."""
        self._mirrored: dict[Point, int] = {}
        """At which device (ifindex) each mirror was tapped last."""
        self._interrupted: set[Point] = set()
        """Mirrors that were said to have failed although the core may still tap their devices."""
        self._wake = asyncio.Event()
        self._is_dirty = True
        """The switch may have more than is wanted."""

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        address = ""
        if engine_name(capture.type) in EXPORTS:
            source = ListenOn(_KINDS[engine_name(capture.type)], f"127.0.0.1:{capture.port}", silent=True)
            try:
                address = self._core.listen(point, capture, source, ifname=ifname, node_tid=node_tid)
            except ValueError as refused:
                raise UserError(str(refused)) from refused
            self._tell("listening", point, address)
        self._wanted[point] = Wanted(point, ifname, node_tid, capture, address, self._host.flow_update)
        self._told.pop(point, None)
        self._wake.set()

    def stop(self, point: Point) -> None:
        if self._wanted.pop(point, None) is not None:
            self._told.pop(point, None)
            self._mirrored.pop(point, None)
            self._interrupted.discard(point)
            self._is_dirty = True
            self._wake.set()

    async def run(self, health: HealthSink) -> None:
        """Keep the switch as captures want it."""
        health.running()
        while True:
            self._wake.clear()
            await self.settle()
            health.running(f"{len(self._wanted)} captures" if self._wanted else "")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._delay()):
                    await self._wake.wait()

    async def settle(self) -> None:
        """Program what is wanted and remove the rest, once."""
        if not self._wanted and not self._is_dirty:
            return
        problems: dict[Point, str] = {}
        found: set[Point] = set()
        away = ""
        self._is_dirty = False
        for address, database in self._host.databases.items():
            try:
                found |= await self._program(database, problems)
            except Unsupported:
                # What another host's switch has must not be taken for what was meant here by the same name.
                continue
            except (SourceLost, WireError) as failed:
                self._is_dirty = True
                away = away or f"Open vSwitch at {address}: {failed}"
        if away:
            # It may be there, or in a server that did answer.
            problems.update(dict.fromkeys(self._wanted.keys() - found, away))
        self._judge(found, problems)

    async def _program(self, database: Database, problems: dict[Point, str]) -> set[Point]:
        wanted = list(self._wanted.values())
        ports = sorted({one.name for one in wanted if one.engine == "ovsmirror"})
        rows = read(await database.transact(requests(self._host.name, ports)))
        made = plan(rows, wanted, self._host.name)
        if made.operations:
            await database.transact(made.operations)
            log.info("programmed Open vSwitch", operations=len(made.operations))
        problems.update(made.problems)
        return made.found

    def _judge(self, found: set[Point], problems: Mapping[Point, str]) -> None:
        for point, one in list(self._wanted.items()):
            problem = problems.get(point, "")
            if point not in found and not problem:
                what = "port" if one.engine == "ovsmirror" else "bridge"
                problem = f"Open vSwitch has no {what} {one.name!r}"
            if problem:
                self._say(point, problem)
                if point in self._mirrored:
                    self._interrupted.add(point)
            elif one.engine != "ovsmirror":
                self._say(point, "")
            else:
                self._attach(one)

    def _attach(self, one: Wanted) -> None:
        """Capture at a mirror's device once the switch has made it, and again when it is another, or was in trouble."""
        point, ifindex = one.point, self._host.devices.bring_up(one.device)
        is_known = ifindex is not None and self._mirrored.get(point) == ifindex
        if ifindex is None or (is_known and self._told.get(point) == ""):
            return
        device = Point(point.capture, None, ifindex)
        try:
            self._core.tap(point, device, one.capture, ifname=one.name, node_tid=one.tid)
        except (UserError, OSError, ValueError) as refused:
            self._say(point, str(refused))
            return
        self._mirrored[point] = ifindex
        if is_known and point in self._interrupted:
            # The core says nothing of a tap that runs already.
            self._say(point, "")
        self._interrupted.discard(point)
        self._told[point] = ""

    def _say(self, point: Point, problem: str) -> None:
        if self._told.get(point) == problem:
            return
        self._told[point] = problem
        if problem:
            self._tell("failed", point, problem)
        else:
            self._tell("started", point)

    def _tell(self, kind: EventKind, point: Point, reason: str = "") -> None:
        self.tell(TapEvent(kind, point, self._host.now_ms(), reason))

    def _delay(self) -> float | None:
        """Seconds until the next look; None = when something is wanted."""
        if any(one.engine == "ovsmirror" and one.point not in self._told for one in self._wanted.values()):
            return DEVICE_EVERY
        return LOOK_EVERY if self._wanted or self._is_dirty else None
