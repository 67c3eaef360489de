# SPDX-License-Identifier: Apache-2.0
"""Captures that the kernel counts: their flows are those of captured packets, and nothing stays behind."""

import ctypes
import errno
import fcntl
import json
import os
import platform
import secrets
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import traces
from capture_files import tcp_frame
from netns.frames import wait_readable, wait_until
from netsonde._native import CaptureCore, CaptureOptions, TapStats
from netsonde.flows.records import flow_dicts, latest

pytestmark = pytest.mark.netns

HOME = Path("/proc/self/ns/net").stat().st_ino
ETHERNET = 1
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
"""linux/if_tun.h"""
HOOKS = ("tcx", "socket")
LESS_DEEP = {
    "erspan-2",
    "erspan-3",
    "gtp-u",
    "ipsec-ah",
    "l2tp-2",
    "l2tp-3",
    "mpls-entropy-label",
    "mpls-ethernet",
    "mpls-gre",
    "mpls-pseudowire",
    "mpls-udp",
    "pppoe",
    "stp",
    "vxlan-gpe-ip",
}
"""Traces that the program reads less deep than the parser of packets: all counts for the flow around."""
Flow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    near: str
    far: str

    @property
    def ifindex(self) -> int:
        return socket.if_nametoindex(self.near)

    def send(self, frames: Iterable[bytes], source: str = "") -> None:
        """Send through an end, the far one unless told otherwise."""
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((source or self.far, 0))
            for frame in frames:
                sender.send(frame)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def pair() -> Iterator[Pair]:
    stem = secrets.token_hex(4)
    pair = Pair(f"a{stem}", f"b{stem}")
    ip("link", "add", pair.near, "mtu", "9000", "type", "veth", "peer", "name", pair.far, "mtu", "9000")
    for name in (pair.near, pair.far):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
    yield pair
    subprocess.run(["ip", "link", "del", pair.near], check=False, capture_output=True)


class Captures:
    """A core, and what it said."""

    def __init__(self) -> None:
        self.core = CaptureCore(host="test")
        self._said: list[tuple[str, str, str]] = []

    def wait(self, kind: str, capture: str, within: float = 10.0) -> str:
        """Wait for an event; return its reason."""
        deadline = time.monotonic() + within
        while True:
            for said in self._said:
                if said[:2] == (kind, capture):
                    return said[2]
            wait_readable(self.core.event_fd, deadline)
            self._said += [(event.kind, event.capture_id, event.reason) for event in self.core.events()]

    def read(self, capture: str, ifindex: int, netns: int = HOME) -> None:
        self.core.start(capture, netns, ifindex, "captured", capture, CaptureOptions())
        self.wait("started", capture)

    def count(self, capture: str, ifindex: int, hook: str = "best", netns: int = HOME, **options: Any) -> None:
        made = CaptureOptions(**options)
        self.core.count_in_kernel(capture, netns, ifindex, "captured", capture, made, hook)
        self.wait("started", capture)

    def stop(self, capture: str, ifindex: int, netns: int = HOME) -> None:
        self.core.stop(capture, netns, ifindex)
        self.wait("stopped", capture)

    def stats(self, capture: str) -> TapStats:
        return next(stats for stats in self.core.stats() if stats.capture_id == capture)

    def wait_packets(self, capture: str, count: int) -> None:
        self.eventually(lambda: self.stats(capture).packets >= count)

    def eventually(self, probe: Callable[[], bool], within: float = 10.0) -> None:
        deadline = time.monotonic() + within
        while not probe():
            assert time.monotonic() < deadline, "did not become true in time"
            wait_until(time.monotonic() + 0.005)

    def ended(self) -> dict[str, list[dict[str, Any]]]:
        """Return the last reports of flows that ended, by capture."""
        found: dict[str, list[dict[str, Any]]] = {}
        for flow in latest(flow_dicts(self.core.take_flows())):
            if flow.get("FinishType"):
                found.setdefault(str(flow["CaptureID"]), []).append(flow)
        return found


@pytest.fixture
def captures() -> Iterator[Captures]:
    captures = Captures()
    yield captures
    captures.core.close()


def golden_traces() -> Iterator[tuple[str, list[bytes]]]:
    """Yield name and frames of every golden trace of Ethernet."""
    for file in sorted(traces.FOLDER.glob("*.pcap")):
        data = file.read_bytes()
        (link_type,) = struct.unpack_from("<I", data, 20)
        if link_type == ETHERNET:
            yield file.stem, list(frames_of(data))


def frames_of(data: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(data):
        length, wire_length = struct.unpack_from("<II", data, at + 8)
        assert length == wire_length
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def counts(flow: Flow) -> tuple[int, ...]:
    return tuple(flow["Metric"][name] for name in ("ABPackets", "BAPackets", "ABBytes", "BABytes"))


def summary(flow: Flow) -> str:
    """What both ways of metering tell of a flow. What applications say is read in packets only."""
    names = ("TrackingID", "L3TrackingID", "CommunityID", "LayersPath", "FinishType")
    layers = ("Link", "Network", "Transport", "ICMP")
    return str((*(flow.get(name) for name in names + layers), *counts(flow)))


def both_ways(
    captures: Captures, pair: Pair, hook: str, only: Container[str]
) -> Iterator[tuple[str, list[Flow], list[Flow]]]:
    """Send each trace, with captures of its own; yield the flows of packets that were read, and of those counted."""
    for name, frames in golden_traces():
        if name not in only:
            continue
        read, counted = f"read {name}", f"counted {name}"
        captures.read(read, pair.ifindex)
        captures.count(counted, pair.ifindex, hook)
        pair.send(frames)
        captures.wait_packets(read, len(frames))
        captures.stop(read, pair.ifindex)
        captures.stop(counted, pair.ifindex)
        flows = captures.ended()
        yield name, [flow for flow in flows[read] if not flow.get("ParentUUID")], flows[counted]


@pytest.mark.parametrize("hook", HOOKS)
def test_flows_are_those_of_captured_packets(captures: Captures, pair: Pair, hook: str) -> None:
    names = {name for name, _ in golden_traces()} - LESS_DEEP
    found = list(both_ways(captures, pair, hook, names))
    counted = {name: sorted(map(summary, flows)) for name, _, flows in found}
    assert counted == {name: sorted(map(summary, flows)) for name, flows, _ in found}
    assert len(counted) > 30


def test_what_is_not_read_is_counted_as_what_is_around_it(captures: Captures, pair: Pair) -> None:
    found = list(both_ways(captures, pair, "tcx", LESS_DEEP))

    def totals(flows: Iterable[Flow]) -> tuple[int, int]:
        all_counts = [counts(flow) for flow in flows]
        return sum(a + b for a, b, _, _ in all_counts), sum(a + b for _, _, a, b in all_counts)

    assert [(name, totals(flows)) for name, _, flows in found] == [(name, totals(flows)) for name, flows, _ in found]
    assert {str(flow["Network"]["ID"]) for _, _, flows in found for flow in flows if "Network" in flow} == {"0"}
    assert len(found) == len(LESS_DEEP)


def datagrams(count: int, first_port: int = 1024) -> Iterator[bytes]:
    """Yield datagrams of as many flows."""
    for port in range(first_port, first_port + count):
        packet = traces.ipv4(traces.TO_B, 17, traces.udp(port, 9, b"x"))
        yield traces.ethernet(traces.TO_B, 0x0800, packet)


def test_both_directions_of_an_interface_are_counted(captures: Captures, pair: Pair) -> None:
    captures.count("counted", pair.ifindex)
    pair.send([tcp_frame(True, 1, 2)])
    pair.send([tcp_frame(False, 1, 18)], source=pair.near)
    captures.wait_packets("counted", 2)
    captures.stop("counted", pair.ifindex)
    (flow,) = captures.ended()["counted"]
    assert counts(flow)[:2] == (1, 1)
    assert (flow["Client"], flow["Metric"]["RTT"] > 0) == ("A", True)


def test_a_flow_is_told_of_while_it_runs(captures: Captures, pair: Pair) -> None:
    captures.count("counted", pair.ifindex, update_ns=300_000_000)
    reports: list[Flow] = []

    def told(packets: int) -> bool:
        reports.extend(flow_dicts(captures.core.take_flows()))
        return any(counts(flow)[0] >= packets for flow in reports)

    for sent in (1, 2):
        pair.send(datagrams(1))
        captures.eventually(partial(told, sent))
    assert len({flow["UUID"] for flow in reports}) == 1
    assert not any(flow.get("FinishType") for flow in reports)


def test_captures_of_one_interface_do_not_know_of_each_other(captures: Captures, pair: Pair) -> None:
    for capture in ("one", "two"):
        captures.count(capture, pair.ifindex)
    captures.read("read", pair.ifindex)
    pair.send(datagrams(5))
    captures.wait_packets("read", 5)
    captures.stop("one", pair.ifindex)
    pair.send(datagrams(5))
    captures.wait_packets("two", 10)
    (seen,) = {sum(counts(flow)[0] for flow in flows) for flows in captures.ended().values()}
    assert seen == 5
    assert captures.stats("read").packets == 10


def test_a_packet_over_the_loopback_is_counted_once(captures: Captures) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port = sender.getsockname()[1]
        captures.count("counted", socket.if_nametoindex("lo"), bpf_filter=f"udp src port {port}")
        sender.sendto(b"x", ("127.0.0.1", 9))
    captures.wait_packets("counted", 1)
    captures.stop("counted", socket.if_nametoindex("lo"))
    assert [counts(flow)[:2] for flow in captures.ended()["counted"]] == [(1, 0)]


def test_an_interface_without_link_headers(captures: Captures) -> None:
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        name = f"t{secrets.token_hex(4)}"
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", name, "up")
        ifindex = socket.if_nametoindex(name)
        captures.read("read", ifindex)
        captures.count("counted", ifindex)
        for packet in (traces.ping(traces.TO_B), traces.ping(traces.TO_A)):
            tun.write(packet)
        captures.wait_packets("read", 2)
        for capture in ("read", "counted"):
            captures.stop(capture, ifindex)
    flows = captures.ended()
    assert [summary(flow) for flow in flows["counted"]] == [summary(flow) for flow in flows["read"]]
    assert flows["counted"][0]["LayersPath"] == "IPv4/ICMPv4"


def test_packets_that_find_no_room_are_counted_as_dropped(captures: Captures, pair: Pair) -> None:
    captures.count("counted", pair.ifindex, max_flows=8)
    pair.send(datagrams(500))
    captures.eventually(lambda: captures.stats("counted").packets + captures.stats("counted").dropped == 500)
    assert captures.stats("counted").dropped > 0


def test_a_page_that_is_too_small_is_followed_by_a_larger_one(captures: Captures, pair: Pair) -> None:
    """All flows are there at once: had pages kept their 4,096 entries, no round would pass without a loss."""
    captures.count("counted", pair.ifindex)
    rounds = 0

    def nothing_is_lost() -> bool:
        nonlocal rounds
        before = captures.stats("counted")
        pair.send(datagrams(6000))
        rounds += 1
        target = before.packets + before.dropped + 6000
        captures.eventually(lambda: (now := captures.stats("counted")).packets + now.dropped == target)
        return captures.stats("counted").dropped == before.dropped

    captures.eventually(nothing_is_lost)
    assert captures.stats("counted").source_refused == 0


def test_a_limit_of_packets_ends_a_capture(captures: Captures, pair: Pair) -> None:
    captures.count("counted", pair.ifindex, max_packets=3)
    pair.send(datagrams(5))
    assert captures.wait("finished", "counted") == "limit of 3 packets reached"


@pytest.mark.parametrize("hook", HOOKS)
def test_an_interface_that_goes_ends_its_capture(captures: Captures, pair: Pair, hook: str) -> None:
    captures.count("counted", pair.ifindex, hook)
    pair.send(datagrams(3))
    captures.wait_packets("counted", 3)
    ip("link", "del", pair.near)
    assert captures.wait("link_gone", "counted") == "the interface is gone"
    assert len(captures.ended()["counted"]) == 3


@pytest.mark.parametrize("hook", HOOKS)
def test_a_namespace_that_is_removed_is_not_kept(captures: Captures, pair: Pair, hook: str) -> None:
    namespace = f"n{secrets.token_hex(4)}"
    ip("netns", "add", namespace)
    inode = Path(f"/run/netns/{namespace}").stat().st_ino
    ip("link", "set", pair.near, "netns", namespace)
    ip("-n", namespace, "link", "set", pair.near, "up")
    shown = subprocess.run(["ip", "-n", namespace, "-j", "link"], check=True, capture_output=True).stdout
    (ifindex,) = (link["ifindex"] for link in json.loads(shown) if link["ifname"] == pair.near)
    captures.count("counted", ifindex, hook, netns=inode)
    pair.send(datagrams(3))
    captures.wait_packets("counted", 3)
    ip("netns", "del", namespace)
    # The kernel removes a namespace, and the pair with it, once nothing holds it.
    captures.eventually(lambda: not Path(f"/sys/class/net/{pair.far}").exists())


def test_an_interface_that_is_not_there_is_said_to_be_gone(captures: Captures) -> None:
    captures.core.count_in_kernel("counted", HOME, 1 << 30, "none", "counted", CaptureOptions())
    assert captures.wait("failed", "counted") == "the interface is gone"


def attached(ifindex: int, direction: int) -> int:
    """Return how many programs an interface has at tcx (BPF_PROG_QUERY, linux/bpf.h)."""
    numbers = {"x86_64": 321, "aarch64": 280}
    query = bytearray(struct.pack("=IIIIQIIQQQQ", ifindex, direction, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    buffer = (ctypes.c_char * len(query)).from_buffer(query)
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(numbers[platform.machine()], 16, buffer, len(query))
    assert result == 0 or ctypes.get_errno() == 28, os.strerror(ctypes.get_errno())
    return int(struct.unpack_from("=I", query, 24)[0])


CHILD = """
import json, select, sys
from pathlib import Path
from netsonde._native import CaptureCore, CaptureOptions
from netns.refused_calls import refuse_bpf
hook, refused = sys.argv[2:4]
if refused:
    refuse_bpf(*map(int, refused.split(",")))
core = CaptureCore(host="child")
netns = Path("/proc/self/ns/net").stat().st_ino
core.count_in_kernel("c", netns, int(sys.argv[1]), "captured", "tid", CaptureOptions(), hook)
poll = select.poll()
poll.register(core.event_fd, select.POLLIN)
poll.poll(10_000)
print(json.dumps([[event.kind, event.reason] for event in core.events()]), flush=True)
sys.stdin.read()
"""


def child(ifindex: int, *prefix: str, hook: str = "best", refused: str = "") -> "subprocess.Popen[str]":
    """A process that captures; `refused` is an errno, and the command of bpf(2) that ends with it (all without)."""
    command = [*prefix, sys.executable, "-c", CHILD, str(ifindex), hook, refused]
    path = os.pathsep.join(sys.path)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env={**os.environ, "PYTHONPATH": path})


def first_event(process: "subprocess.Popen[str]") -> tuple[str, str]:
    assert process.stdout is not None
    ((kind, reason), *_) = json.loads(process.stdout.readline())
    return kind, reason


@pytest.mark.parametrize("direction", [46, 47], ids=["ingress", "egress"])
def test_nothing_stays_behind_of_a_killed_process(captures: Captures, pair: Pair, direction: int) -> None:
    with child(pair.ifindex) as process:
        assert first_event(process)[0] == "started"
        assert attached(pair.ifindex, direction) == 1
        process.kill()
    captures.eventually(lambda: attached(pair.ifindex, direction) == 0)


def test_a_stopped_capture_is_detached(captures: Captures, pair: Pair) -> None:
    captures.count("counted", pair.ifindex, "tcx")
    assert attached(pair.ifindex, 46) == 1
    captures.stop("counted", pair.ifindex)
    assert attached(pair.ifindex, 46) == 0


def without(*capabilities: str) -> tuple[str, ...]:
    dropped = ",".join(f"-{name}" for name in capabilities)
    return ("setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}")


def test_without_the_capabilities_a_capture_says_which_it_needs(pair: Pair) -> None:
    with child(pair.ifindex, *without("bpf", "sys_admin")) as process:
        kind, reason = first_event(process)
        process.kill()
    assert kind == "failed"
    assert reason.startswith("eBPF needs the capabilities BPF, NET_ADMIN and NET_RAW")


def test_no_other_capabilities_are_needed(pair: Pair) -> None:
    with child(pair.ifindex, *without("perfmon", "sys_admin", "sys_resource", "ipc_lock")) as process:
        kind, reason = first_event(process)
        process.kill()
    assert (kind, reason) == ("started", "")


MAP_CREATE, TAKE_BATCH, LINK_CREATE = 0, 25, 28  # include/uapi/linux/bpf.h: enum bpf_cmd


@pytest.mark.parametrize(
    ("hook", "refused", "said"),
    [
        ("best", f"{errno.ENOSYS}", "this kernel has no eBPF: leave Type empty"),
        ("best", f"{errno.EINVAL},{MAP_CREATE}", "needs Linux 5.10: leave Type empty"),
        ("best", f"{errno.EINVAL},{TAKE_BATCH}", "needs Linux 5.10: leave Type empty"),
        (
            "tcx",
            f"{errno.EINVAL},{LINK_CREATE}",
            "no tcx, which came with Linux 6.6: set capture.ebpf_hook to best",
        ),
    ],
    ids=["without eBPF", "before 5.10", "before 5.6", "tcx before 6.6"],
)
def test_a_kernel_that_cannot_says_what_it_lacks(pair: Pair, hook: str, refused: str, said: str) -> None:
    with child(pair.ifindex, hook=hook, refused=refused) as process:
        kind, reason = first_event(process)
        process.kill()
    assert kind == "failed"
    assert said in reason


def test_a_kernel_without_tcx_counts_behind_a_socket(pair: Pair) -> None:
    with child(pair.ifindex, refused=f"{errno.EINVAL},{LINK_CREATE}") as process:
        assert first_event(process) == ("started", "")
        assert (attached(pair.ifindex, 46), attached(pair.ifindex, 47)) == (0, 0)
        process.kill()
