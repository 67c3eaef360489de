# SPDX-License-Identifier: Apache-2.0
"""What captures change in Open vSwitch: what they want is there afterwards, what others made is not touched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from netsonde.captures.engines._api import Point
from netsonde.captures.engines.ovs.engine import Host, OvsEngine
from netsonde.captures.engines.ovs.plan import Wanted, plan
from netsonde.captures.engines.ovs.rows import Bridge, Mark, SwitchRows, read
from netsonde.captures.engines.packet import ListenOn
from netsonde.errors import SourceLost, Unsupported, UserError, WireError
from netsonde.model.captures import Capture
from netsonde.model.elements import Json

POINT = Point("c1", None, 1 << 31)
NO_EXPORTS = {"sflow": "", "netflow": "", "ipfix": ""}


def wanted(kind: str = "ovssflow", name: str = "br0", point: Point = POINT) -> Wanted:
    capture = Capture(uuid=point.capture, gremlin_query="G.V()", type=kind)
    return Wanted(point, name, "tid", capture, "127.0.0.1:7777")


def rows(
    *,
    sflow: str = "",
    exports: dict[str, Mark | None] | None = None,
    mirrors: dict[str, Mark | None] | None = None,
    outputs: dict[str, str] | None = None,
) -> SwitchRows:
    bridge = Bridge("b0", {**NO_EXPORTS, "sflow": sflow}, frozenset({"p0"}))
    return SwitchRows({"br0": bridge}, {"vnet0": "p0"}, exports or {}, mirrors or {}, outputs or {})


def tables(operations: Sequence[Json]) -> list[tuple[object, object]]:
    return [(one["op"], one["table"]) for one in operations if isinstance(one, dict)]


def mark_of(operations: Sequence[Json]) -> Mark:
    """Return the mark that an inserted row bears, as the next look will read it."""
    first = operations[0]
    assert isinstance(first, dict)
    assert isinstance(first["row"], dict)
    ids = first["row"]["external_ids"]
    assert isinstance(ids, list)
    assert isinstance(ids[1], list)
    found = {str(pair[0]): str(pair[1]) for pair in ids[1] if isinstance(pair, list)}
    return Mark(found["netsonde-capture"], found["netsonde-host"], found["netsonde-options"])


def test_an_export_is_made_once_and_removed_when_it_is_not_wanted() -> None:
    made = plan(rows(), [wanted()], "h1")
    assert tables(made.operations) == [("insert", "sFlow"), ("update", "Bridge")]
    assert (made.found, made.problems) == ({POINT}, {})
    there = rows(sflow="s0", exports={"s0": mark_of(made.operations)})
    assert plan(there, [wanted()], "h1").operations == []
    assert tables(plan(there, [], "h1").operations) == [("update", "Bridge")]


@pytest.mark.parametrize(("kind", "column"), [("ovsnetflow", "active_timeout"), ("ovsipfix", "cache_active_timeout")])
def test_the_switch_reports_a_long_flow_as_often_as_our_meter(kind: str, column: str) -> None:
    made = plan(rows(), [replace(wanted(kind), update=0.5)], "h1")
    first = made.operations[0]
    assert isinstance(first, dict)
    assert isinstance(first["row"], dict)
    assert first["row"][column] == 1


def test_an_export_with_other_options_is_made_anew() -> None:
    there = rows(sflow="s0", exports={"s0": Mark(wanted().key, "h1", "{}")})
    assert tables(plan(there, [wanted()], "h1").operations) == [("insert", "sFlow"), ("update", "Bridge")]


@pytest.mark.parametrize("mark", [None, Mark("c9/1", "h2", "")])
def test_the_export_of_another_is_left_alone_and_said(mark: Mark | None) -> None:
    made = plan(rows(sflow="s0", exports={"s0": mark}), [wanted()], "h1")
    assert (made.operations, made.problems) == ([], {POINT: "bridge br0 has a sFlow already, which is not ours"})
    assert plan(rows(sflow="s0", exports={"s0": mark}), [], "h1").operations == []


def test_a_bridge_has_room_for_one_export_of_a_kind() -> None:
    other = Point("c2", None, 1 << 31)
    made = plan(rows(), [wanted(), wanted(point=other), wanted("ovsipfix")], "h1")
    assert made.problems == {other: "bridge br0 has one sFlow only, and capture c1 has it"}
    assert tables(made.operations)[::2] == [("insert", "sFlow"), ("insert", "IPFIX")]


def test_a_mirror_is_made_and_removed_with_its_port() -> None:
    one = wanted("ovsmirror", "vnet0")
    made = plan(rows(), [one], "h1")
    assert tables(made.operations)[-1] == ("mutate", "Bridge")
    assert [table for _, table in tables(made.operations)] == ["Interface", "Port", "Mirror", "Bridge"]
    there = rows(mirrors={"m0": Mark(one.key, "h1", ""), "m9": None}, outputs={one.key: "p9"})
    assert plan(there, [one], "h1").operations == []
    assert tables(plan(there, [], "h1").operations) == [("mutate", "Bridge"), ("mutate", "Bridge")]


def test_half_a_mirror_is_made_anew() -> None:
    one = wanted("ovsmirror", "vnet0")
    made = plan(rows(outputs={one.key: "p9"}), [one], "h1")
    assert [table for _, table in tables(made.operations)] == ["Bridge", "Interface", "Port", "Mirror", "Bridge"]


@pytest.mark.parametrize("answer", [None, [], [{"rows": 1}], [{"error": "x"}] * 6])
def test_an_answer_that_makes_no_sense_is_refused(answer: Json) -> None:
    with pytest.raises(WireError):
        read(answer)


@dataclass
class FakeDatabase:
    """Has one bridge `br0` and nothing else; `away` = nobody answers, `elsewhere` = it is another host's."""

    away: bool = False
    elsewhere: bool = False
    done: list[Sequence[Json]] = field(default_factory=list)

    async def transact(self, operations: Sequence[Json]) -> list[Json]:
        if self.away:
            raise SourceLost("nobody listens")
        if self.elsewhere:
            raise Unsupported("another host's")
        self.done.append(operations)
        bridge: Json = {"_uuid": ["uuid", "b0"], "name": "br0", **{key: ["set", []] for key in NO_EXPORTS}}
        empty: list[Json] = [{"rows": []} for _ in operations[1:]]
        return [{"rows": [bridge]}, *empty]


class FakeCore:
    def listen(self, point: Point, capture: Capture, source: ListenOn, *, ifname: str, node_tid: str) -> str:
        assert source.silent
        return "127.0.0.1:7777"

    def tap(self, point: Point, device: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        raise AssertionError("nothing is mirrored")


class NoDevices:
    def bring_up(self, name: str) -> int | None:
        return None


async def test_a_capture_starts_when_the_switch_is_programmed_and_fails_while_it_is_away() -> None:
    database = FakeDatabase(away=True)
    engine = OvsEngine(FakeCore(), Host("h1", {"unix:db": database}, NoDevices(), lambda: 5))
    try:
        engine.start(POINT, wanted().capture, ifname="br0", node_tid="tid")
        await engine.settle()
        told = [(event.kind, event.reason) for event in engine.events()]
        assert told == [("listening", "127.0.0.1:7777"), ("failed", "Open vSwitch at unix:db: nobody listens")]
        database.away = False
        await engine.settle()
        assert [event.kind for event in engine.events()] == ["started"]
        await engine.settle()
        assert engine.events() == []
    finally:
        engine.close()


async def test_a_bridge_that_is_not_there_is_said() -> None:
    engine = OvsEngine(FakeCore(), Host("h1", {"unix:db": FakeDatabase()}, NoDevices(), lambda: 5))
    try:
        engine.start(POINT, wanted().capture, ifname="br9", node_tid="tid")
        await engine.settle()
        assert engine.events()[-1].reason == "Open vSwitch has no bridge 'br9'"
    finally:
        engine.close()


async def test_bridge_of_this_host_is_programmed_although_another_server_is_away_or_another_hosts() -> None:
    here = FakeDatabase()
    databases = {"tcp:far": FakeDatabase(elsewhere=True), "tcp:away": FakeDatabase(away=True), "unix:db": here}
    engine = OvsEngine(FakeCore(), Host("h1", databases, NoDevices(), lambda: 5))
    try:
        engine.start(POINT, wanted().capture, ifname="br0", node_tid="tid")
        await engine.settle()
        assert engine.events()[-1].kind == "started"
        assert here.done
    finally:
        engine.close()


async def test_bridge_of_another_hosts_switch_is_none_of_this_hosts() -> None:
    engine = OvsEngine(FakeCore(), Host("h1", {"tcp:far": FakeDatabase(elsewhere=True)}, NoDevices(), lambda: 5))
    try:
        engine.start(POINT, wanted().capture, ifname="br0", node_tid="tid")
        await engine.settle()
        assert engine.events()[-1].reason == "Open vSwitch has no bridge 'br0'"
    finally:
        engine.close()


class MirroringDatabase(FakeDatabase):
    """Has a port `vnet0` as well."""

    async def transact(self, operations: Sequence[Json]) -> list[Json]:
        results = await super().transact(operations)
        if len(results) < 7:  # no look, but what is programmed
            return results
        bridge: Json = {"_uuid": ["uuid", "b0"], "name": "br0", **{key: ["set", []] for key in NO_EXPORTS}}
        port: Json = {"_uuid": ["uuid", "p0"], "name": "vnet0", "external_ids": ["map", []]}
        assert isinstance(bridge, dict)
        return [{"rows": [{**bridge, "ports": ["uuid", "p0"]}]}, *results[1:-1], {"rows": [port]}]


@dataclass
class MirroringCore(FakeCore):
    """Taps devices, or refuses to."""

    refuse: str = ""
    taps: list[int] = field(default_factory=list)

    def tap(self, point: Point, device: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        if self.refuse:
            raise UserError(self.refuse)
        self.taps.append(device.ifindex)


@dataclass
class OneDevice:
    """The device that the switch makes for a mirror."""

    ifindex: int | None = 7

    def bring_up(self, name: str) -> int | None:
        return self.ifindex


MIRROR = Capture(uuid="c1", gremlin_query="G.V()", type="ovsmirror")


@dataclass
class Mirroring:
    """An engine that mirrors the port `vnet0`."""

    database: MirroringDatabase = field(default_factory=MirroringDatabase)
    core: MirroringCore = field(default_factory=MirroringCore)
    device: OneDevice = field(default_factory=OneDevice)

    def __post_init__(self) -> None:
        self.engine = OvsEngine(self.core, Host("h1", {"unix:db": self.database}, self.device, lambda: 5))

    async def start(self) -> None:
        """Start the capture, as it is when its tap is tried again too."""
        self.engine.start(POINT, MIRROR, ifname="vnet0", node_tid="tid")
        await self.engine.settle()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event.kind, event.reason) for event in self.engine.events()]


@pytest.fixture
def mirroring() -> Iterator[Mirroring]:
    made = Mirroring()
    yield made
    made.engine.close()


async def test_a_mirror_goes_on_at_the_device_that_a_restarted_switch_has_made_anew(mirroring: Mirroring) -> None:
    await mirroring.start()
    mirroring.device.ifindex = None
    await mirroring.start()
    mirroring.device.ifindex = 9
    await mirroring.engine.settle()
    await mirroring.engine.settle()
    assert mirroring.core.taps == [7, 9]


async def test_a_mirror_runs_again_when_the_database_that_was_away_is_back(mirroring: Mirroring) -> None:
    await mirroring.start()
    mirroring.database.away = True
    await mirroring.engine.settle()
    await mirroring.start()
    away = ("failed", "Open vSwitch at unix:db: nobody listens")
    assert mirroring.told == [away, away]
    mirroring.database.away = False
    await mirroring.engine.settle()
    await mirroring.engine.settle()
    assert mirroring.told == [("started", "")]


async def test_a_mirror_that_is_refused_keeps_no_other_capture_from_work(mirroring: Mirroring) -> None:
    mirroring.core.refuse = "nothing may be sent to 10.0.0.1"
    other = Point("c2", None, 1 << 31)
    await mirroring.start()
    mirroring.engine.start(other, wanted(point=other).capture, ifname="br0", node_tid="tid")
    await mirroring.engine.settle()
    events = [(event.point.capture, event.kind) for event in mirroring.engine.events()]
    assert events == [("c1", "failed"), ("c2", "listening"), ("c2", "started")]
    mirroring.core.refuse = ""
    await mirroring.start()
    assert mirroring.core.taps == [7]


async def test_a_mirror_whose_tap_failed_is_not_said_to_run_before_the_core_says_so(mirroring: Mirroring) -> None:
    await mirroring.start()
    await mirroring.start()
    assert (mirroring.core.taps, mirroring.told) == ([7, 7], [])
