# SPDX-License-Identifier: Apache-2.0
"""Runs of the native core between two namespaces: what leaves, what the peer sees, loss, pace, ends."""

import ctypes
import json
import os
import secrets
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netsonde._native import Injection, ProbeOptions, RecordedFrames

pytestmark = pytest.mark.netns

RUN = "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11"
_MS = 1_000_000
_SOL_PACKET, _PACKET_AUXDATA = 263, 8


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class Peers:
    """Two namespaces joined by a veth pair: e0 with 10.98.0.1 in the first, e1 with 10.98.0.2 in the second."""

    near: str
    far: str
    fds: list[int] = field(default_factory=list)

    def mac(self, name: str, link: str) -> bytes:
        shown = subprocess.run(["ip", "-n", name, "-br", "link", "show", link], check=True, capture_output=True).stdout
        return bytes.fromhex(shown.split()[2].decode().replace(":", ""))

    def probe(self, **changes: Any) -> ProbeOptions:
        ends = {"source": "10.98.0.1", "target": "10.98.0.2", "source_mac": self.mac(self.near, "e0")}
        wanted: dict[str, Any] = {"kind": "icmp4", "target_mac": bytes(6), "run_id": RUN, "icmp_id": 7, **ends}
        return ProbeOptions(**{**wanted, **changes})

    def run(self, **plan: Any) -> Injection:
        fd = os.open(f"/run/netns/{self.near}", os.O_RDONLY | os.O_CLOEXEC)
        self.fds.append(fd)
        wanted: dict[str, Any] = {
            "netns_fd": fd,
            "netns": os.fstat(fd).st_ino,
            "ifindex": self.ifindex(),
            "count": 5,
            "interval_ns": _MS,
            "least_gap_ns": 0,
            "timeout_ns": 300 * _MS,
        }
        return Injection(**{**wanted, **plan})

    def ifindex(self, link: str = "e0") -> int:
        shown = subprocess.run(["ip", "-n", self.near, "-o", "link", "show", link], check=True, capture_output=True)
        return int(shown.stdout.split(b":")[0])

    def listen(self) -> "Listener":
        return Listener(self.far)


class Listener:
    """Frames that arrive at the far end, seen by a socket of the test's own."""

    def __init__(self, name: str) -> None:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        _setns(there)
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.bind(("e1", 0))
        finally:
            _setns(home)
            os.close(home)
            os.close(there)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def arrived(self, marker: bytes, count: int) -> list[tuple[int, bytes]]:
        """Return the first frames with a marker, and the tag that the kernel took out of each."""
        found: list[tuple[int, bytes]] = []
        deadline = time.monotonic() + 5
        while len(found) < count and time.monotonic() < deadline:
            select.select([self._socket], [], [], 0.1)
            frame, notes, _, address = self._socket.recvmsg(70_000, 128)
            if marker in frame and address[2] != socket.PACKET_OUTGOING:
                found.append((struct.unpack_from("=H", notes[0][2], 16)[0], frame))
        return found


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.setns(fd, 0x40000000) == 0, os.strerror(ctypes.get_errno())


@pytest.fixture(scope="module")
def namespaces() -> Iterator[Peers]:
    stem = secrets.token_hex(3)
    peers = Peers(f"ina{stem}", f"inb{stem}")
    for name in (peers.near, peers.far):
        ip("netns", "add", name)
    ip("-n", peers.near, "link", "add", "e0", "type", "veth", "peer", "name", "e1", "netns", peers.far)
    for name, link, address in ((peers.near, "e0", "10.98.0.1/24"), (peers.far, "e1", "10.98.0.2/24")):
        ip("-n", name, "addr", "add", address, "dev", link)
        ip("-n", name, "link", "set", link, "up")
    yield peers
    for fd in peers.fds:
        os.close(fd)
    for name in (peers.near, peers.far):
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def peers(namespaces: Peers) -> Peers:
    ip("-n", namespaces.far, "link", "set", "e1", "up")
    return namespaces


def finished(run: Injection, within: float = 10.0) -> dict[str, Any]:
    """Wait for the end of a run; returns its account with all outcomes."""
    deadline, outcomes = time.monotonic() + within, []
    while True:
        assert select.select([run.event_fd], [], [], max(0.0, deadline - time.monotonic()))[0], "no end in time"
        progress = run.progress()
        outcomes += progress["outcomes"]
        if progress["state"] != "running":
            return {**progress, "outcomes": outcomes}


def test_the_peer_answers_and_sees_what_was_sent(peers: Peers) -> None:
    with peers.listen() as far:
        told = finished(peers.run(probe=peers.probe(), next_hop="10.98.0.2"))
        frames = [frame for _, frame in far.arrived(RUN.encode(), 5)]
    assert (told["state"], told["sent"], told["received"], told["lost"]) == ("finished", 5, 5, 0)
    assert [row[0] for row in told["outcomes"]] == [0, 1, 2, 3, 4]
    assert 0 < told["rtt_min_ns"] <= told["rtt_mean_ns"] <= told["rtt_max_ns"] < 100 * _MS
    # TTL, then id and sequence number of the echo request, then the payload with run and number.
    assert [(frame[22], *struct.unpack("!HH", frame[38:42])) for frame in frames] == [(64, 7, n) for n in range(5)]
    assert frames[3][42:].startswith(f"netsonde:{RUN}:00000003:".encode())
    assert {frame[:6] for frame in frames} == {peers.mac(peers.far, "e1")}


def test_tag_class_ttl_and_growing_payload_are_on_the_wire(peers: Peers) -> None:
    probe = peers.probe(
        kind="udp4", vlan_tci=(3 << 13) | 42, dscp=46, ttl=9, payload=b"netsonde-test", increment=10, target_port=9999
    )
    with peers.listen() as far:
        told = finished(peers.run(probe=probe, count=2, timeout_ns=_MS))
        arrived = far.arrived(b"netsonde-test", 2)
    assert (told["sent"], told["lost"]) == (2, 2)
    assert [tag for tag, _ in arrived] == [(3 << 13) | 42] * 2
    # Without its tag, the IP header begins at 14.
    assert [(frame[15] >> 2, frame[22], len(frame) - 42) for _, frame in arrived] == [(46, 9, 13), (46, 9, 23)]


def test_a_peer_that_goes_away_is_loss(peers: Peers) -> None:
    run = peers.run(probe=peers.probe(), next_hop="10.98.0.2", count=100, interval_ns=4 * _MS)
    while run.progress()["received"] < 20:
        select.select([run.event_fd], [], [], 5)
    ip("-n", peers.far, "addr", "del", "10.98.0.2/24", "dev", "e1")
    told = finished(run)
    ip("-n", peers.far, "addr", "add", "10.98.0.2/24", "dev", "e1")
    assert told["sent"] == 100
    assert 20 <= told["received"] < 100
    assert told["received"] + told["lost"] == 100
    assert told["outcomes"][-1][3] == "lost"


def test_a_millisecond_is_kept(peers: Peers) -> None:
    began = time.monotonic()
    told = finished(peers.run(probe=peers.probe(), next_hop="10.98.0.2", count=300))
    assert told["received"] == 300
    sent_ns = [row[1] for row in told["outcomes"]]
    # 299 intervals; the mean is what a busy machine cannot spoil.
    assert 0.99 <= (max(sent_ns) - min(sent_ns)) / (299 * _MS) < 1.5
    assert time.monotonic() - began < 5


def test_the_limit_on_rate_holds_whatever_is_asked_for(peers: Peers) -> None:
    told = finished(peers.run(probe=peers.probe(), next_hop="10.98.0.2", count=20, interval_ns=0, least_gap_ns=5 * _MS))
    sent_ns = sorted(row[1] for row in told["outcomes"])
    assert sent_ns[-1] - sent_ns[0] >= 19 * 5 * _MS * 0.99


def capture_file(*offsets_ms: int) -> bytes:
    """Return a pcap file of numbered frames at these times."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    records = b""
    for number, offset in enumerate(offsets_ms):
        frame = b"\xff" * 6 + b"\x02\0\0\0\0\1\x88\xb5" + b"replayed" + bytes([number]) + bytes(40)
        records += struct.pack("<IIII", 1000, offset * 1000, len(frame), len(frame)) + frame
    return head + records


def test_a_packet_file_is_replayed_at_the_pace_of_its_recording(peers: Peers) -> None:
    frames = RecordedFrames(capture_file(0, 20, 200))
    with peers.listen() as far:
        began = time.monotonic()
        told = finished(peers.run(frames=frames, count=len(frames), scale=2.0))
        # Twice as fast as the 200 ms in the file.
        assert time.monotonic() - began >= 0.1
        arrived = far.arrived(b"replayed", 3)
    assert (told["state"], told["sent"], told["received"]) == ("finished", 3, 0)
    assert [frame[22] for _, frame in arrived] == [0, 1, 2]
    assert told["octets"] == 3 * 63


@pytest.mark.parametrize(
    ("file", "words"), [(b"", "byte 0"), (b"nothing at all" * 9, "byte 0"), (capture_file()[:24], "no packet")]
)
def test_a_file_that_is_none_is_refused(file: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RecordedFrames(file)


@pytest.fixture
def dnsmasq(peers: Peers) -> Iterator[None]:
    """A DHCP and DNS server at the far end."""
    options = [
        *("--no-daemon", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping", "--leasefile-ro"),
        *("--interface=e1", "--bind-interfaces", "--user=root", "--pid-file"),
        *("--dhcp-range=10.98.0.100,10.98.0.200", "--address=/netsonde.test/192.0.2.7"),
    ]
    command = ["ip", "netns", "exec", peers.far, "dnsmasq", *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield
    server.terminate()
    server.wait()


def first_answer(run: Injection) -> tuple[Any, ...]:
    """Return the first outcome that is an answer: the server may still be starting."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        select.select([run.event_fd], [], [], 1)
        for outcome in run.progress()["outcomes"]:
            if outcome[3] == "reply":
                run.stop()
                return tuple(outcome)
    raise TimeoutError("nobody answers")


@pytest.mark.usefixtures("dnsmasq")
def test_servers_answer_questions_for_addresses_and_names(peers: Peers) -> None:
    plan = {"count": 500, "interval_ns": 20 * _MS}
    ends = {"source": "0.0.0.0", "target": "255.255.255.255", "target_mac": b"\xff" * 6}
    discover = peers.probe(kind="dhcp4", source_port=68, target_port=67, **ends)
    _, _, _, _, server, offer = first_answer(peers.run(probe=discover, **plan))
    assert server == "10.98.0.2"
    assert offer.startswith("Offer of 10.98.0.1")
    question = peers.probe(kind="dns4", source_port=40_000, target_port=53, name="netsonde.test", seed=5)
    _, _, _, _, server, note = first_answer(peers.run(probe=question, next_hop="10.98.0.2", **plan))
    assert (server, note) == ("10.98.0.2", "NOERROR, 1 answers")


def test_a_neighbour_that_does_not_answer_ends_the_run(peers: Peers) -> None:
    told = finished(peers.run(probe=peers.probe(target="10.98.0.77"), next_hop="10.98.0.77"))
    assert (told["state"], told["sent"]) == ("failed", 0)
    assert "nobody answers ARP for 10.98.0.77" in told["reason"]


def test_a_stopped_run_sends_nothing_more(peers: Peers) -> None:
    run = peers.run(probe=peers.probe(), next_hop="10.98.0.2", count=100_000)
    while run.progress()["sent"] == 0:
        select.select([run.event_fd], [], [], 5)
    run.stop()
    told = finished(run)
    assert told["state"] == "stopped"
    assert 0 < told["sent"] < 100_000
    assert run.progress()["sent"] == told["sent"]


def test_an_interface_that_is_gone_fails(peers: Peers) -> None:
    told = finished(peers.run(probe=peers.probe(), ifindex=99_999))
    assert told["state"] == "failed"
    assert "No such device" in told["reason"]


@pytest.mark.parametrize("inbound", [False, True], ids=["out", "in"])
def test_an_interface_that_is_down_is_the_reason(peers: Peers, inbound: bool) -> None:
    link = f"d{secrets.token_hex(2)}"
    ip("-n", peers.near, "link", "add", link, "type", "veth", "peer", "name", f"{link}p")
    probe = peers.probe(target_mac=b"\2\0\0\0\0\2")
    told = finished(peers.run(probe=probe, ifindex=peers.ifindex(link), inbound=inbound, count=2))
    ip("-n", peers.near, "link", "del", link)
    assert (told["sent"], told["failed"], told["reason"]) == (0, 2, "the interface is down")


@pytest.mark.parametrize(("kind", "verdict"), [("icmp4", "reply"), ("tcp4", "reset"), ("udp4", "unreachable")])
def test_the_machine_itself_answers_on_its_loopback(peers: Peers, kind: str, verdict: str) -> None:
    ip("-n", peers.near, "link", "set", "lo", "up")
    ends = {"source": "127.0.0.1", "target": "127.0.0.1", "source_mac": bytes(6), "source_port": 40_000}
    probe = peers.probe(kind=kind, target_port=9, vlan_tci=5, **ends)
    told = finished(peers.run(probe=probe, ifindex=peers.ifindex("lo"), count=2))
    assert ([row[3] for row in told["outcomes"]], told["reason"]) == ([verdict] * 2, "")


def test_what_enters_is_switched_as_if_the_guest_had_sent_it(peers: Peers) -> None:
    """A guest hangs on one port of a bridge; packets that enter there leave by the other, and the answer comes back."""
    stem = secrets.token_hex(2)
    bridge, port, guest_port, guest = f"br{stem}", f"p{stem}", f"g{stem}", f"x{stem}"
    here = ("-n", peers.near)
    ip(*here, "link", "add", bridge, "type", "bridge")
    ip(*here, "link", "add", port, "type", "veth", "peer", "name", "e2", "netns", peers.far)
    ip(*here, "link", "add", guest_port, "type", "veth", "peer", "name", guest)
    for link in (port, guest_port):
        ip(*here, "link", "set", link, "master", bridge)
    for link in (bridge, port, guest_port, guest):
        ip(*here, "link", "set", link, "up")
    ip("-n", peers.far, "addr", "add", "10.97.0.1/24", "dev", "e2")
    ip("-n", peers.far, "link", "set", "e2", "up")
    probe = peers.probe(source="10.97.0.5", target="10.97.0.1", source_mac=peers.mac(peers.near, guest), size=1400)
    told = finished(
        peers.run(probe=probe, next_hop="10.97.0.1", ifindex=peers.ifindex(guest_port), inbound=True, count=3)
    )
    for link in (bridge, port, guest_port):
        ip(*here, "link", "del", link)
    assert (told["state"], told["reason"], told["received"], told["lost"]) == ("finished", "", 3, 0)


def test_everybody_who_claims_an_address_is_told(peers: Peers) -> None:
    ip("-n", peers.far, "link", "add", "m0", "link", "e1", "type", "macvlan")
    ip("-n", peers.far, "addr", "add", "10.98.0.2/32", "dev", "m0")
    ip("-n", peers.far, "link", "set", "m0", "up")
    told = finished(peers.run(probe=peers.probe(kind="arp", source="0.0.0.0"), count=2, interval_ns=100 * _MS))
    macs = {row[5] for row in told["outcomes"]}
    ip("-n", peers.far, "link", "del", "m0")
    # Its address may be what the kernel remembers now, and would go on to send to.
    ip("-n", peers.near, "neigh", "flush", "all")
    assert macs >= {peers.mac(peers.far, "e1").hex(":")}
    assert len(macs) == 2
    assert "another" in {row[3] for row in told["outcomes"]}


def inject_from(namespace: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Inject by the command that needs no server, in a namespace."""
    program = Path(sys.executable).parent / "netsonde"
    command = ["ip", "netns", "exec", namespace, str(program), "inject-packet", "--if-name", "e0", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_command_line_injects_without_a_server_and_finds_the_way_itself(peers: Peers) -> None:
    done = inject_from(peers.near, "--dst-ip", "10.98.0.2", "--count", "3", "--interval", "5", "--output", "json")
    assert done.returncode == 0, (done.stdout, done.stderr)
    status = json.loads(done.stdout)["Status"]
    assert (status["State"], status["Totals"]["Received"]) == ("finished", 3)
    assert (status["Nodes"][0]["Source"], status["Nodes"][0]["Name"]) == ("10.98.0.1", "e0")


def test_the_command_line_says_that_nobody_answers(peers: Peers) -> None:
    lost = inject_from(peers.near, "--dst-ip", "10.98.0.9", "--timeout", "50")
    assert (lost.returncode, "nobody answers ARP for 10.98.0.9" in lost.stderr) == (1, True)
    absent = inject_from(peers.near, "--if-name", "e9", "--dst-ip", "10.98.0.2")
    assert (absent.returncode, "there is no interface 'e9'" in absent.stderr) == (1, True)
