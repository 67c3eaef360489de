# SPDX-License-Identifier: Apache-2.0
"""The capture core on real interfaces: filters, sharing, link types, VLAN tags, limits, ends, rings, namespaces."""

import fcntl
import os
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import traces
from netns.frames import FrameStorm, judge, numbers, packets, wait_readable, wait_until
from netsonde._native import CaptureCore, CaptureOptions, TapEvent, TapStats, check_bpf
from netsonde.flows.records import flow_dicts

pytestmark = pytest.mark.netns

HOME = Path("/proc/self/ns/net").stat().st_ino
TAGGED = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x81\0\0\x2a\x88\xb5" + bytes(46)
PLAIN = b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb6" + bytes(46)


@pytest.fixture
def core() -> Iterator[CaptureCore]:
    core = CaptureCore(host="test")
    yield core
    core.close()


@dataclass(frozen=True, slots=True)
class Pair:
    """A veth pair, up; `near` is captured, frames sent through `far` arrive on it."""

    near: str
    far: str

    @property
    def ifindex(self) -> int:
        return socket.if_nametoindex(self.near)

    def send(self, frame: bytes, count: int = 1) -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((self.far, 0))
            for _ in range(count):
                sender.send(frame)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def pair() -> Iterator[Pair]:
    stem = secrets.token_hex(4)
    pair = Pair(f"a{stem}", f"b{stem}")
    ip("link", "add", pair.near, "type", "veth", "peer", "name", pair.far)
    for name in (pair.near, pair.far):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
    yield pair
    subprocess.run(["ip", "link", "del", pair.near], check=False, capture_output=True)


class Watch:
    """Events of a core, kept until asked for."""

    def __init__(self, core: CaptureCore) -> None:
        self.core = core
        self.events: list[TapEvent] = []

    def wait(self, kind: str, capture: str = "c", within: float = 10.0) -> TapEvent:
        deadline = time.monotonic() + within
        while True:
            for event in self.events:
                if (event.kind, event.capture_id) == (kind, capture):
                    return event
            wait_readable(self.core.event_fd, deadline)
            self.events += self.core.events()

    def start(self, ifindex: int, capture: str = "c", netns: int = HOME, **options: object) -> None:
        made = CaptureOptions(**options)  # type: ignore[arg-type]
        self.core.start(capture, netns, ifindex, "captured", f"tid-{capture}", made)
        self.wait("started", capture)


def eventually(probe: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not probe():
        assert time.monotonic() < deadline, "did not become true in time"
        wait_until(time.monotonic() + 0.01)


def stats(core: CaptureCore, capture: str = "c") -> TapStats:
    return next(stats for stats in core.stats() if stats.capture_id == capture)


def test_captures_of_one_interface_have_filters_of_their_own(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, "all")
    watch.start(pair.ifindex, "arp", bpf_filter="ether proto 0x88b6")

    pair.send(PLAIN, 3)
    pair.send(PLAIN.replace(b"\x88\xb6", b"\x88\xb7"), 2)

    eventually(lambda: stats(core, "all").packets == 5)
    assert stats(core, "arp").packets == 3


def test_a_filter_of_a_single_capture_is_undone_for_the_next(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, "none", bpf_filter="ether proto 0x1234")
    pair.send(PLAIN)
    watch.start(pair.ifindex, "all")

    pair.send(PLAIN, 4)

    # More when the one before is still on its way, or the kernel says something of its own.
    eventually(lambda: stats(core, "all").packets >= 4)
    assert stats(core, "none").packets == 0


def test_a_vlan_tag_is_back_in_its_place(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, bpf_filter="vlan 42")

    pair.send(PLAIN)
    pair.send(TAGGED)

    watch.wait("first_packet")
    (packet,) = packets(core.packets("c"))
    assert packet["data"] == TAGGED
    assert packet["wire_len"] == len(TAGGED)


def test_what_leaves_and_arrives_on_the_loopback_is_captured_once(core: CaptureCore) -> None:
    watch = Watch(core)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        watch.start(socket.if_nametoindex("lo"), bpf_filter=f"udp port {port}")
        for text in (b"one", b"two", b"end"):
            receiver.sendto(text, receiver.getsockname())
        eventually(lambda: any(bytes(p["data"]).endswith(b"end") for p in packets(core.packets("c"))))  # type: ignore[call-overload]

    found = list(packets(core.packets("c")))
    assert [bytes(p["data"])[42:] for p in found] == [b"one", b"two", b"end"]  # type: ignore[call-overload]
    assert {p["link_type"] for p in found} == {1}


def test_a_tun_device_has_raw_ip_packets(core: CaptureCore) -> None:
    name = f"t{secrets.token_hex(4)}"
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1001))
        ip("link", "set", name, "up")
        watch = Watch(core)
        watch.start(socket.if_nametoindex(name), bpf_filter="icmp")
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 1, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
        tun.write(header + bytes([8, 0, 0, 0, 0, 1, 0, 1]))
        watch.wait("first_packet")

    (packet,) = packets(core.packets("c"))
    assert (packet["link_type"], bytes(packet["data"])[0]) == (101, 0x45)  # type: ignore[call-overload]


def test_an_interface_that_goes_down_and_up_goes_on(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex)
    pair.send(PLAIN)
    eventually(lambda: stats(core).packets == 1)

    ip("link", "set", pair.near, "down")
    ip("link", "set", pair.near, "up")

    def sent_and_seen() -> bool:
        pair.send(PLAIN)  # the peer's queue opens only when its carrier is back
        return stats(core).packets >= 3

    eventually(sent_and_seen)


def test_a_link_that_goes_is_read_to_its_end(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex)
    pair.send(PLAIN, 100)

    ip("link", "del", pair.near)

    watch.wait("link_gone")
    assert len(list(packets(core.packets("c")))) == 100


def test_a_limit_of_packets_finishes_the_capture(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, max_packets=3)

    pair.send(PLAIN, 10)

    assert watch.wait("finished").reason == "limit of 3 packets reached"
    assert len(list(packets(core.packets("c")))) == 3


def test_a_limit_of_time_finishes_the_capture(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, max_duration_ns=300_000_000)

    assert watch.wait("finished").reason == "limit of 0.3 s reached"


def test_packets_of_a_stopped_capture_stay_readable_until_forgotten(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex)
    pair.send(PLAIN, 7)
    eventually(lambda: stats(core).packets == 7)

    core.stop("c", HOME, pair.ifindex)

    watch.wait("stopped")
    assert core.stats() == []
    assert len(list(packets(core.packets("c")))) == 7
    core.forget("c")
    eventually(lambda: core.packets("c") == [])


def test_first_packets_are_handed_out_once(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, first_packets=4)
    pair.send(PLAIN, 10)
    eventually(lambda: stats(core).packets == 10)

    assert [p["number"] for p in packets(core.take_packets())] == [0, 1, 2, 3]
    assert core.take_packets() == []
    assert [p["number"] for p in packets(core.packets("c", after=7))] == [8, 9]


def test_flows_are_reported_and_shown(core: CaptureCore) -> None:
    watch = Watch(core)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        watch.start(socket.if_nametoindex("lo"), bpf_filter=f"udp port {receiver.getsockname()[1]}")
        receiver.sendto(b"hello", receiver.getsockname())
        watch.wait("first_packet")
        reported: list[bytes] = []

        def reports() -> bool:
            reported.extend(core.take_flows())
            return bool(reported)

        eventually(reports)

    shown = core.snapshot_flows(["tid-c"], ["c"])
    assert [pa.ipc.open_stream(b).read_all()["node_tid"][0].as_py() for b in (*reported[:1], *shown)] == ["tid-c"] * 2
    assert core.snapshot_flows(["other"], None) == []
    assert core.snapshot_flows(tests=[[("transport_protocol", "in", ["UDP"])]], limit=1) == shown
    assert core.snapshot_flows(tests=[[("ab_packets", "range", [10, None]), ("network_a", "network", ["::/0"])]]) == []
    with pytest.raises(ValueError, match="nope"):
        core.snapshot_flows(tests=[[("nope", "in", [1])]])


def test_tunnels_are_opened_and_fragments_put_together(core: CaptureCore, pair: Pair) -> None:
    watch = Watch(core)
    watch.start(pair.ifindex, bpf_filter="ip", ip_defrag=True, udp_ports=["4444=VXLAN"])
    (_, tunnelled), (_, pieces) = traces.TRACES["gre-gre"](), traces.TRACES["fragments-vxlan"]()

    for frame in (*tunnelled, *(piece.replace(b"\x12\xb5", b"\x11\x5c") for piece in pieces)):
        pair.send(frame)

    eventually(lambda: stats(core).packets == 4)
    flows = flow_dicts(core.snapshot_flows())
    by_uuid = {flow["UUID"]: flow for flow in flows}
    chain = {flow["LayersPath"]: by_uuid.get(flow["ParentUUID"], {}).get("LayersPath") for flow in flows}
    assert chain == {
        "Ethernet/IPv4/GRE": None,
        "IPv4/GRE": "Ethernet/IPv4/GRE",
        "IPv4/ICMPv4": "IPv4/GRE",
        "Ethernet/IPv4/Fragment/UDP/VXLAN": None,
        "Ethernet/IPv4/ICMPv4": "Ethernet/IPv4/Fragment/UDP/VXLAN",
    }
    # A kept packet belongs to its innermost flow; a fragment that waits for others, to none yet.
    kept = [packet["flow_uuid"] for packet in packets(core.packets("c"))]
    innermost = [f"{uuid:x}" for uuid in kept if uuid]
    assert [by_uuid[uuid]["LayersPath"] for uuid in innermost] == ["IPv4/ICMPv4"] * 2 + ["Ethernet/IPv4/ICMPv4"]
    assert len(kept) == 4
    assert (stats(core).fragments_lost, stats(core).fragment_errors) == (0, 0)


def test_a_missing_interface_is_a_failure_with_a_reason(core: CaptureCore) -> None:
    core.start("c", HOME, 2**30, "none", "tid", CaptureOptions())

    assert Watch(core).wait("failed").reason == "the interface is gone"


def test_an_unknown_namespace_is_a_failure_with_a_reason(core: CaptureCore) -> None:
    core.start("c", 1, 1, "none", "tid", CaptureOptions())

    assert Watch(core).wait("failed").reason == "network namespace 1 cannot be entered"


def test_a_mistake_in_a_filter_is_told_at_once(core: CaptureCore) -> None:
    with pytest.raises(ValueError, match="syntax error"):
        core.start("c", HOME, 1, "lo", "tid", CaptureOptions(bpf_filter="tcp prot"))
    with pytest.raises(ValueError, match="unknown host"):
        check_bpf("host no.such.host.invalid")


def test_an_unnamed_namespace_is_captured_and_let_go(core: CaptureCore) -> None:
    with subprocess.Popen(["unshare", "-n", "sleep", "60"]) as holder:
        path = Path(f"/proc/{holder.pid}/ns/net")
        eventually(lambda: path.stat().st_ino != HOME)
        inode = path.stat().st_ino
        with path.open() as namespace:
            core.add_namespace(inode, namespace.fileno())
        subprocess.run(["nsenter", f"--net={path}", "ip", "link", "set", "lo", "up"], check=True)
        watch = Watch(core)
        watch.start(1, netns=inode)
        command = ["nsenter", f"--net={path}", "ping", "-c", "1", "127.0.0.1"]
        subprocess.run(command, check=False, capture_output=True)
        send = "import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))"
        subprocess.run(["nsenter", f"--net={path}", "python3", "-c", send], check=True)
        watch.wait("first_packet")
        core.remove_namespace(inode)
        watch.wait("link_gone")
        holder.kill()


def test_a_deleted_named_namespace_is_not_kept_alive(core: CaptureCore) -> None:
    core.arm(True)
    name = f"n{secrets.token_hex(4)}"
    ip("netns", "add", name)
    ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "inner", "netns", name)
    inode = Path(f"/run/netns/{name}").stat().st_ino
    eventually(lambda: inode in core.watcher_status()["pools"])  # type: ignore[operator]

    ip("netns", "del", name)

    eventually(lambda: not Path(f"/sys/class/net/v{name}").exists())


def test_a_busy_tap_gets_a_ring_and_loses_nothing_by_it(core: CaptureCore) -> None:
    core.arm(True)
    watch = Watch(core)
    storm = [f"--prefix=r{secrets.token_hex(2)}x", "--frames=150000", "--interval-us=15"]
    with FrameStorm(*storm) as running:
        # frame_storm tells of an interface when it has spoken, so this one is found by its link.
        name = f"{storm[0].removeprefix('--prefix=')}0"
        eventually(lambda: Path(f"/sys/class/net/{name}").exists())
        ifindex = socket.if_nametoindex(name)
        watch.start(ifindex, first_packets=1_000_000)
        (speaker,) = running.speakers()
        eventually(lambda: stats(core).packets + stats(core).dropped >= speaker.sent)
        seen = stats(core)

    verdict = judge([speaker], {name: numbers(core.packets("c", limit=10**9))["captured"]})
    assert seen.ring_bytes > 0
    assert (verdict.doubled, verdict.lost) == (0, seen.dropped), verdict


def test_two_captures_that_match_later_both_begin_with_the_first_frame(core: CaptureCore) -> None:
    core.arm(True)
    watch = Watch(core)
    with FrameStorm(f"--prefix=s{secrets.token_hex(2)}x", "--frames=50") as running:
        (speaker,) = running.speakers()
        for capture in ("one", "two"):
            watch.start(speaker.ifindex, capture)
            eventually(lambda: stats(core, "one").packets >= 50)

    for capture in ("one", "two"):
        assert judge([speaker], {speaker.name: numbers(core.packets(capture))["captured"]}).bad == ()


@pytest.fixture
def three_threads() -> Iterator[CaptureCore]:
    core = CaptureCore(host="test", threads=3)
    core.arm(True)
    yield core
    core.close()


def test_threads_share_interfaces_and_none_loses_a_frame(three_threads: CaptureCore) -> None:
    core, watch = three_threads, Watch(three_threads)
    storm = [f"--prefix=m{secrets.token_hex(2)}x", "--count=12", "--burst=12", "--frames=3000", "--interval-us=20"]
    only: dict[str, Any] = {"bpf_filter": "ether proto 0x88b5", "first_packets": 1_000_000, "update_ns": 1}
    reports: list[dict[str, object]] = []
    with FrameStorm(*storm) as running:
        speakers = list(running.speakers())
        for speaker in speakers:
            watch.start(speaker.ifindex, speaker.name, **only)
        sent = {speaker.name: speaker.sent for speaker in speakers}
        eventually(lambda: {seen.capture_id: seen.packets for seen in core.stats()} == sent)
        found = [numbers(core.packets(name, limit=10**9))["captured"] for name in sent]
        for speaker in speakers:
            core.stop(speaker.name, HOME, speaker.ifindex)
            watch.wait("stopped", speaker.name)
            reports += flow_rows(core.take_flows())

    verdict = judge(speakers, dict(zip(sent, found, strict=True)))
    assert (verdict.lost, verdict.doubled, verdict.disordered) == (0, 0, 0), verdict
    assert len(native_threads("netsonde-meteri")) == 3
    for name, frames in sent.items():
        told = [row for row in reports if row["capture_id"] == name]
        assert [row["report_number"] for row in told] == list(range(1, len(told) + 1))
        assert (told[-1]["ab_packets"], told[-1]["report"]) == (frames, 2)


def native_threads(name: str) -> list[str]:
    """Return the names of this process's threads that begin with `name`."""
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    return [found for found in names if found.startswith(name)]


def flow_rows(batches: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yield the rows of Arrow batches of flow reports."""
    for batch in batches:
        yield from pa.ipc.open_stream(batch).read_all().to_pylist()


def test_closing_gives_every_descriptor_back() -> None:
    def use_and_close() -> None:
        core = CaptureCore(host="test")
        core.arm(True)
        eventually(lambda: any(core.watcher_status()["pools"].values()))  # type: ignore[union-attr]
        core.close()

    before = len(os.listdir("/proc/self/fd"))
    use_and_close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert native_threads("netsonde") == []
