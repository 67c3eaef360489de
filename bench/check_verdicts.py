# SPDX-License-Identifier: Apache-2.0
"""How late verdicts are when many interfaces appear at once: each gets a lease and finds its gateway, and every other
one has no metadata service, so that its check has to wait for the end of its time.

With --active they say nothing: packets are injected on all of them, and a gateway of their own answers.

Limit: 5 s after the last thing that a check waits for, with a hundred interfaces in 5 s. Needs root.

usage: python bench/check_verdicts.py [INTERFACES] [--active]    (default 100)
"""

import argparse
import secrets
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from system.stack import Stack

LIMIT_S = 5.0
APPEAR_S = 5.0
WITHIN_MS = 4_000
GATEWAY, GUEST, METADATA = bytes((10, 9, 0, 1)), bytes((10, 9, 0, 5)), bytes((169, 254, 169, 254))
TRAFFIC: list[dict[str, Any]] = [
    {"Type": "dhcp"},
    {"Type": "gateway"},
    {"Type": "tcp", "Parameters": {"Target": "169.254.169.254:80"}},
]
ASKED: list[dict[str, Any]] = [
    {"Type": "gateway", "Parameters": {"Address": socket.inet_ntoa(GATEWAY)}},
    {"Type": "icmp", "Parameters": {"Targets": [socket.inet_ntoa(GATEWAY)]}},
]
SERVER_MAC, EVERYBODY = bytes.fromhex("0200000000fe"), b"\xff" * 6


def main(number: int, *, active: bool) -> int:
    prefix = f"ver{secrets.token_hex(2)}"
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "state").start(60)
        try:
            uuid = create(stack, prefix, ASKED if active else TRAFFIC, "unsettled" if active else "never")
            stack.wait(lambda: stack.call("GET", f"/api/check/{uuid}")["State"] == "waiting", 20, "watching")
            took = all_silent(prefix, number) if active else all_speak(prefix, number)
            stack.wait(lambda: is_over(stack, uuid, number), 60, "judged")
            results = stack.call("GET", f"/api/check/{uuid}/results")
        finally:
            stack.stop()
            for name in (f"{prefix}b", f"{prefix}g", *(f"{prefix}x{at}" for at in range(number))):
                subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)
            for name in (prefix, f"{prefix}g") if active else ():
                subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
    return report(results, number, took, active=active)


def all_speak(prefix: str, number: int) -> float:
    """Let interfaces appear whose guests boot; returns the seconds that took."""
    began = time.monotonic()
    silent: list[Guest] = []
    for at in range(number):
        silent.append(appear(f"{prefix}x{at}", answers=at % 2 == 0))
        silent = let_speak(silent)
        time.sleep(max(0.0, began + APPEAR_S * (at + 1) / number - time.monotonic()))
    took = time.monotonic() - began
    while silent := let_speak(silent):
        time.sleep(0.01)
    return took


def all_silent(prefix: str, number: int) -> float:
    """Let interfaces appear on one switch whose guests have an address and say nothing; a gateway is there already."""
    switch, gateway = f"{prefix}b", f"{prefix}g"
    for name in (prefix, gateway):
        run("netns", "add", name)
    run("link", "add", switch, "type", "bridge")
    run("link", "set", switch, "up")
    plug(gateway, switch, gateway, f"{socket.inet_ntoa(GATEWAY)}/16")
    began = time.monotonic()
    for at in range(number):
        plug(f"{prefix}x{at}", switch, prefix, f"10.9.{1 + at // 250}.{1 + at % 250}/32")
        time.sleep(max(0.0, began + APPEAR_S * (at + 1) / number - time.monotonic()))
    return time.monotonic() - began


def plug(name: str, switch: str, netns: str, address: str) -> None:
    """Make a port of a switch, and what hangs on it, with an address in a namespace."""
    run("link", "add", name, "type", "veth", "peer", "name", f"{name}p", "netns", netns)
    run("-n", netns, "addr", "add", address, "dev", f"{name}p")
    run("-n", netns, "link", "set", f"{name}p", "up")
    run("link", "set", name, "master", switch, "up")


def create(stack: Stack, prefix: str, steps: list[dict[str, Any]], active: str) -> str:
    query = f"G.V().Has('Name', Regex('{prefix}x[0-9]*'))"
    body = {"Name": "bench", "GremlinQuery": query, "Within": WITHIN_MS, "Steps": steps, "Active": active}
    uuid: str = stack.call("POST", "/api/check", body)["UUID"]
    return uuid


def is_over(stack: Stack, uuid: str, number: int) -> bool:
    verdicts = stack.call("GET", f"/api/check/{uuid}")["Verdicts"]
    return bool(not verdicts["waiting"] and sum(verdicts.values()) == number)


def is_right(result: dict[str, Any], *, active: bool) -> bool:
    passes = active or int(result["NodeName"].rpartition("x")[2]) % 2 == 0
    return bool(result["Verdict"] == ("pass" if passes else "fail"))


def report(results: list[dict[str, Any]], number: int, took: float, *, active: bool) -> int:
    late = sorted(lateness_s(result, active=active) for result in results)
    wrong = [result for result in results if not is_right(result, active=active)]
    for result in wrong[:5]:
        print(f"wrong: {result['NodeName']} {result['Verdict']}: {result['Sentence']}")
    print(f"{number} interfaces in {took:.1f} s: {number - len(wrong)} verdicts are right")
    print(f"late by: median {late[len(late) // 2]:.2f} s, worst {late[-1]:.2f} s")
    share = late[-1] / LIMIT_S
    print(f"worst / limit of {LIMIT_S:g} s = {share:.2f}")
    return 0 if share <= 1 and not wrong else 1


def lateness_s(result: dict[str, Any], *, active: bool) -> float:
    """Return how long after the last thing that it waited for a result was final; injections begin at that moment."""
    ended: int = result["EndedAt"] - result["StartedAt"]
    waited: list[int] = [
        step["Within"] if active or step["AfterMs"] is None else step["AfterMs"] for step in result["Steps"]
    ]
    return (ended - max(waited)) / 1000


class Guest(NamedTuple):
    """Somebody behind the peer of an interface, and its network on the side of the host."""

    name: str
    mac: bytes
    answers: bool
    """Whether there is a metadata service."""


def appear(name: str, *, answers: bool) -> Guest:
    """Make an interface; what is sent before its link is up on both sides is lost."""
    mac = bytes((2, *secrets.token_bytes(5)))
    shown = ":".join(f"{byte:02x}" for byte in mac)
    peer = f"{name}p"
    run("link", "add", name, "address", shown, "type", "veth", "peer", "name", peer)
    run("link", "set", name, "up")
    run("link", "set", peer, "up")
    return Guest(name, mac, answers)


def let_speak(guests: list[Guest]) -> list[Guest]:
    """Let those boot whose link is up; return the others."""
    waiting = [guest for guest in guests if not (is_up(guest.name) and is_up(f"{guest.name}p"))]
    for guest in guests:
        if guest not in waiting:
            boot(guest)
    return waiting


def is_up(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}/operstate").read_text().strip() == "up"


def boot(booted: Guest) -> None:
    """Ask for a lease, for the gateway and for metadata, and answer as a network does."""
    name, mac, answers = booted
    peer = f"{name}p"
    with packet_socket(peer) as guest, packet_socket(name) as network:
        for kind, sender in ((1, guest), (2, network), (3, guest), (5, network)):
            sender.send(dhcp(kind, mac))
        guest.send(arp(1, mac, GUEST, GATEWAY))
        network.send(arp(2, SERVER_MAC, GATEWAY, GUEST))
        guest.send(tcp(mac, GUEST, METADATA, 50_000, 80, flags=2))
        if answers:
            network.send(tcp(SERVER_MAC, METADATA, GUEST, 80, 50_000, flags=18))


def run(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def packet_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    made.bind((interface, 0))
    return made


def dhcp(kind: int, mac: bytes) -> bytes:
    """Return a message of a lease (RFC 2131): 1 discover, 2 offer, 3 request, 5 acknowledgement."""
    asks = kind in (1, 3)
    given = bytes(4) if asks else GUEST
    options = bytes((53, 1, kind)) + (b"" if asks else bytes((54, 4)) + GATEWAY + bytes((3, 4)) + GATEWAY) + b"\xff"
    head = struct.pack(
        "!BBBBIHH4s4s4s4s6s202x", 1 if asks else 2, 1, 6, 0, 7, 0, 0, bytes(4), given, *[bytes(4)] * 2, mac
    )
    payload = head + bytes.fromhex("63825363") + options
    ends = (bytes(4), b"\xff" * 4, 68, 67) if asks else (GATEWAY, GUEST, 67, 68)
    udp = struct.pack("!HHHH", ends[2], ends[3], 8 + len(payload), 0) + payload
    return ethernet(mac if asks else SERVER_MAC, 0x0800) + ipv4(17, ends[0], ends[1], udp)


def arp(operation: int, mac: bytes, sender: bytes, target: bytes) -> bytes:
    body = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, mac, sender, bytes(6), target)
    return ethernet(mac, 0x0806) + body


def tcp(mac: bytes, source: bytes, target: bytes, port: int, target_port: int, *, flags: int) -> bytes:
    segment = struct.pack("!HHIIBBHHH", port, target_port, 1, 0, 0x50, flags, 65535, 0, 0)
    return ethernet(mac, 0x0800) + ipv4(6, source, target, segment)


def ethernet(mac: bytes, kind: int) -> bytes:
    return EVERYBODY + mac + struct.pack("!H", kind)


def ipv4(protocol: int, source: bytes, target: bytes, payload: bytes) -> bytes:
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, target) + payload


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How late verdicts are when many interfaces appear at once.")
    parser.add_argument("interfaces", type=int, nargs="?", default=100)
    parser.add_argument("--active", action="store_true", help="silent guests, for whom packets are injected")
    options = parser.parse_args()
    sys.exit(main(options.interfaces, active=options.active))
