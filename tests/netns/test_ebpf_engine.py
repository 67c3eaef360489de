# SPDX-License-Identifier: Apache-2.0
"""Captures that the kernel counts: their flows are those of captured packets, and nothing stays behind."""

import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import traces
from capture_files import tcp_frame
from netns.frames import wait_readable, wait_until
from netsonde._native import CaptureCore, CaptureOptions, TapStats
from netsonde.flows.records import flow_dicts

pytestmark = pytest.mark.netns

HOME = Path("/proc/self/ns/net").stat().st_ino
ETHERNET = 1
HOOKS = ("tcx", "socket")
UNOPENED = {
    "gtp-u", "l2tp-2", "l2tp-3", "mpls-udp", "mpls-ethernet", "mpls-entropy-label", "mpls-pseudowire", "mpls-gre",
    "erspan-2", "erspan-3", "pppoe", "vxlan-gpe-ip",
}


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
        for flow in flow_dicts(self.core.take_flows()):
            if flow.get("FinishType"):
                found.setdefault(flow["CaptureID"], []).append(flow)
        return found


@pytest.fixture
def captures() -> Iterator[Captures]:
    captures = Captures()
    yield captures
    captures.core.close()


def recorded() -> Iterator[Any]:
    """Yield every golden trace of Ethernet frames."""
    for file in sorted(traces.FOLDER.glob("*.pcap")):
        data = file.read_bytes()
        (link_type,) = struct.unpack_from("<I", data, 20)
        if link_type == ETHERNET:
            yield pytest.param(list(frames_of(data)), file.stem in UNOPENED, id=file.stem)


def frames_of(data: bytes) -> Iterator[bytes]:
    at = 24
    while at < len(data):
        length, wire_length = struct.unpack_from("<II", data, at + 8)
        assert length == wire_length
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def summary(flow: dict[str, Any]) -> tuple[Any, ...]:
    metric = flow["Metric"]
    counts = tuple(metric[name] for name in ("ABPackets", "BAPackets", "ABBytes", "BABytes"))
    names = ("TrackingID", "L3TrackingID", "CommunityID", "LayersPath", "Client", "FinishType")
    ids = tuple(flow.get(name) for name in names)
    layers = tuple(str(flow.get(layer)) for layer in ("Link", "Network", "Transport", "ICMP"))
    return *ids, *layers, *counts


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(("frames", "unopened"), list(recorded()))
def test_flows_are_those_of_captured_packets(
    captures: Captures, pair: Pair, frames: list[bytes], unopened: bool, hook: str
) -> None:
    captures.read("read", pair.ifindex)
    captures.count("counted", pair.ifindex, hook)
    pair.send(frames)
    captures.wait_packets("read", len(frames))
    for capture in ("read", "counted"):
        captures.stop(capture, pair.ifindex)
    flows = captures.ended()
    read = sorted(summary(flow) for flow in flows["read"] if not flow.get("ParentUUID"))
    counted = sorted(summary(flow) for flow in flows["counted"])
    assert counted == read
