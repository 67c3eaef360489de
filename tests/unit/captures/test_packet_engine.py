# SPDX-License-Identifier: Apache-2.0
"""The engine `packet` speaks the native core's terms: inodes, nanoseconds, options."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from netsonde.captures.definitions import tap_options
from netsonde.captures.engines._api import Point, TapCounters, TapEvent, ToldCounters
from netsonde.captures.engines.packet import ListenOn, PacketEngine, native_options, open_packet_engine
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import UserError
from netsonde.model.captures import Sink, SinkStatus
from unit.captures.host import vm_capture

HOME = 4026531840


@dataclass
class NativeEvent:
    kind: str = "started"
    capture_id: str = "c1"
    netns: int = HOME
    ifindex: int = 3
    time_ns: int = 5_000_000
    reason: str = ""
    lookback_packets: int = 2
    armed_before_up: bool = True


@dataclass
class NativeStats:
    capture_id: str = "c1"
    netns: int = 77
    ifindex: int = 3
    node_tid: str = "t1"
    packets: int = 4
    bytes: int = 400
    dropped: int = 1
    not_kept: int = 2
    evicted_flows: int = 3
    streams_refused: int = 5
    fragments_lost: int = 6
    source_lost: int = 7
    source_refused: int = 8
    counter_records: int = 11
    sinks: tuple[tuple[str, int, int, str], ...] = (("ipfix", 9, 1, "no route"),)


@dataclass
class NativeTold:
    interfaces: tuple[tuple[str, int, dict[str, int]], ...] = (("127.0.0.1", 3, {"IfInOctets": 9}),)
    sum: dict[str, int] = field(default_factory=lambda: {"IfInOctets": 9, "OvsDpNFlows": 2})
    grown: dict[str, int] = field(default_factory=lambda: {"IfInOctets": 4})
    levels: dict[str, int] = field(default_factory=lambda: {"OvsDpNFlows": 2})


@dataclass
class NativeCore:
    event_fd: int = 9
    calls: list[tuple[object, ...]] = field(default_factory=list)

    def events(self) -> list[NativeEvent]:
        return [NativeEvent(), NativeEvent(netns=77)]

    def stats(self) -> list[NativeStats]:
        return [NativeStats()]

    def told(self, capture_id: str, netns: int, ifindex: int) -> NativeTold | None:
        return NativeTold() if (capture_id, netns, ifindex) == ("c1", HOME, 3) else None

    def arm(self, armed: bool) -> None:
        self.calls.append(("arm", armed))

    def start(self, capture_id: str, netns: int, ifindex: int, ifname: str, node_tid: str, options: Any) -> None:
        self.calls.append(("start", capture_id, netns, ifindex, ifname, node_tid, options["bpf_filter"]))

    def count_in_kernel(
        self, capture_id: str, netns: int, ifindex: int, ifname: str, node_tid: str, options: Any, hook: str
    ) -> None:
        self.calls.append(("count_in_kernel", capture_id, netns, ifindex, ifname, node_tid, options, hook))

    def listen(
        self,
        capture_id: str,
        netns: int,
        ifindex: int,
        ifname: str,
        node_tid: str,
        options: Any,
        kind: str,
        address: str,
        default_rate: int = 1,
    ) -> str:
        self.calls.append(("listen", capture_id, netns, ifindex, kind, address))
        return address

    def stop(self, capture_id: str, netns: int, ifindex: int) -> None:
        self.calls.append(("stop", capture_id, netns, ifindex))

    def forget(self, capture_id: str) -> None:
        self.calls.append(("forget", capture_id))

    def add_namespace(self, key: int, fd: int, existing: bool = False) -> None: ...

    def remove_namespace(self, key: int) -> None: ...

    def close(self) -> None:
        self.calls.append(("close",))


def test_orders_are_handed_on() -> None:
    core = NativeCore()
    engine = PacketEngine(core, CaptureSettings(), home=HOME, options=dict)
    capture = msgspec.structs.replace(vm_capture(), bpf_filter="arp")
    engine.arm(armed=True)
    engine.start(Point("c1", None, 3), capture, ifname="tap0", node_tid="t")
    engine.start(Point("c1", 77, 3), capture, ifname="eth0", node_tid="u")
    engine.stop(Point("c1", None, 3))
    engine.stop(Point("c1", 77, 3))
    engine.forget("c1")
    engine.close()
    assert core.calls == [
        ("arm", True),
        ("start", "c1", HOME, 3, "tap0", "t", "arp"),
        ("start", "c1", 77, 3, "eth0", "u", "arp"),
        ("stop", "c1", HOME, 3),
        ("stop", "c1", 77, 3),
        ("forget", "c1"),
        ("close",),
    ]


def test_events_and_counters_come_back_in_our_terms() -> None:
    engine = PacketEngine(NativeCore(), CaptureSettings(), home=HOME, options=dict)
    assert engine.events() == [
        TapEvent("started", Point("c1", None, 3), 5, "", 2, True),
        TapEvent("started", Point("c1", 77, 3), 5, "", 2, True),
    ]
    sinks = (SinkStatus("ipfix", 9, 1, "no route"),)
    assert engine.counters() == {Point("c1", 77, 3): TapCounters(4, 1, 400, 2, 3, 5, 6, 7, 8, 11, sinks)}
    assert engine.event_fd == 9


def test_what_a_mirror_shows_is_told_of_the_port() -> None:
    core = NativeCore()
    engine = PacketEngine(core, CaptureSettings(), home=HOME, options=dict)
    port = Point("c1", None, 1 << 31)
    engine.tap(port, Point("c1", None, 3), vm_capture(), ifname="vnet0", node_tid="t")
    assert [event.point for event in engine.events()] == [port, Point("c1", 77, 3)]
    engine.stop(port)
    assert core.calls[-1] == ("stop", "c1", HOME, 3)


def test_a_silent_source_is_not_said_to_have_started() -> None:
    engine = PacketEngine(NativeCore(), CaptureSettings(), home=HOME, options=dict)
    source = ListenOn("sflow", "127.0.0.1:0", silent=True)
    engine.listen(Point("c1", None, 3), vm_capture(), source, ifname="br0", node_tid="t")
    assert [event.point for event in engine.events()] == [Point("c1", 77, 3)]


def test_what_sinks_send_is_left_out_of_the_capture() -> None:
    core = NativeCore()
    engine = PacketEngine(core, CaptureSettings(), home=HOME, options=dict)
    capture = msgspec.structs.replace(vm_capture(), sinks=[Sink("vxlan", "192.0.2.1"), Sink("erspan", "192.0.2.2")])
    engine.start(Point("c1", None, 3), capture, ifname="tap0", node_tid="t")
    assert core.calls[-1][-1] == (
        "not (udp and dst host 192.0.2.1 and dst port 4789) and not (ip proto 47 and dst host 192.0.2.2)"
    )


def test_of_two_captures_that_are_sent_on_not_each_sees_the_other_s_mirror() -> None:
    core = NativeCore()
    engine = PacketEngine(core, CaptureSettings(), home=HOME, options=dict)
    first, second = (
        msgspec.structs.replace(vm_capture(uuid), sinks=[Sink("erspan", target)])
        for uuid, target in (("c1", "192.0.2.1"), ("c2", "192.0.2.2"))
    )
    engine.start(Point("c1", None, 3), first, ifname="eth0", node_tid="t")
    engine.start(Point("c2", 77, 3), second, ifname="eth0", node_tid="u")
    own, both = (str(call[-1]) for call in core.calls)
    assert own == "not (ip proto 47 and dst host 192.0.2.1)"
    assert both == f"{own} and not (ip proto 47 and dst host 192.0.2.2)"
    engine.forget("c1")
    engine.start(Point("c2", 77, 4), second, ifname="eth1", node_tid="v")
    assert core.calls[-1][-1] == "not (ip proto 47 and dst host 192.0.2.2)"


@pytest.mark.parametrize("option", ["extra_tcp_metric", "reassemble_tcp"])
def test_either_option_of_the_reference_asks_for_the_tcp_metric(option: str) -> None:
    plain = vm_capture()
    asked = msgspec.structs.replace(plain, **{option: True})
    options = [native_options(each, CaptureSettings())["extra_tcp_metric"] for each in (plain, asked)]
    assert options == [False, True]
    assert tap_options(plain) != tap_options(asked)


def test_a_definition_becomes_native_options() -> None:
    capture = msgspec.structs.replace(vm_capture(), max_duration_ms=3, header_size=128, raw_packet_limit=5)
    options = native_options(capture, CaptureSettings(ring_mib=1))
    assert options["max_duration_ns"] == 3_000_000
    assert (options["header_size"], options["raw_packet_limit"], options["ring_bytes"]) == (128, 5, 1 << 20)
    assert native_options(vm_capture(), CaptureSettings())["header_size"] == 256


def test_fragments_and_ports_are_options_of_the_native_core() -> None:
    capture = msgspec.structs.replace(vm_capture("c1"), ip_defrag=True)
    options = native_options(capture, CaptureSettings(udp_ports=("51234=MPLS",)))
    assert (options["ip_defrag"], options["udp_ports"]) == (True, ("51234=MPLS",))


def test_a_port_that_means_nothing_is_told_before_anything_is_opened() -> None:
    with pytest.raises(UserError, match=r"capture\.udp_ports: no protocol \"NOPE\""):
        open_packet_engine("h1", CaptureSettings(udp_ports=("1=NOPE",)))


def test_counters_of_exporters_are_asked_for_where_the_capture_listens() -> None:
    engine = PacketEngine(NativeCore(), CaptureSettings(), home=HOME, options=dict)
    found = engine.told(Point("c1", None, 3))
    assert found == ToldCounters(
        (("127.0.0.1", 3, {"IfInOctets": 9}),),
        {"IfInOctets": 9, "OvsDpNFlows": 2},
        {"IfInOctets": 4},
        {"OvsDpNFlows": 2},
    )
    assert engine.told(Point("c1", 77, 3)) is None
