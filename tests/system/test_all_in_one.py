# SPDX-License-Identifier: Apache-2.0
"""The whole program as its user starts it: a waiting capture, an interface, packets, death and return of its parts."""

import base64
import time
from pathlib import Path

import pytest

from system.links import Links, ip, send_udp
from system.stack import Stack

pytestmark = pytest.mark.system


def test_a_capture_waits_then_sees_the_first_packets_of_an_interface(stack: Stack, links: Links) -> None:
    capture = stack.capture(f"G.V().Has('Name', '{links.prefix}a')", Name="first light")
    waiting = stack.wait_capture(capture, "waiting")
    assert waiting["Reason"] != ""
    left, right = links.veth("a")
    send_udp(right, 0, 5)
    active = stack.wait_capture(capture, "active")
    assert [node["Name"] for node in active["Nodes"]] == [left]
    stack.wait(lambda: len(numbers(stack, capture)) == 5, 10, "five packets")
    assert numbers(stack, capture) == [0, 1, 2, 3, 4]


def test_flows_are_reported_live_and_from_history_after_the_interface_is_gone(stack: Stack, links: Links) -> None:
    capture = stack.capture(f"G.V().Has('Name', '{links.prefix}a')")
    stack.wait_capture(capture, "waiting")
    left, right = links.veth("a")
    send_udp(right, 0, 7)
    query = f"Flows().Has('CaptureID', '{capture}', 'Transport', 9000)"
    stack.wait(lambda: stack.query(f"G.{query}"), 10, "a live flow")
    flow = stack.query(f"G.{query}")[0]
    assert flow["Metric"]["ABPackets"] == 7
    assert flow["Network"]["A"] == "10.9.8.7"
    seen_at = time.time_ns() // 1_000_000
    ip("link", "del", left)
    stack.wait_capture(capture, "waiting")
    stack.wait(lambda: stack.query(f"G.At({seen_at}, 60).{query}"), 15, "the flow in history")
    stack.wait(lambda: stack.query(f"G.At({seen_at}).V().Has('Name', '{left}')"), 10, "the interface in history")
    assert stack.query(f"G.V().Has('Name', '{left}')") == []


@pytest.mark.parametrize("victim", ["agent", "analyzer", "nats-server"])
def test_killing_a_part_loses_no_definition_and_captures_go_on(stack: Stack, links: Links, victim: str) -> None:
    capture = stack.capture(f"G.V().Has('Name', Regex('{links.prefix}.'))")
    stack.wait_capture(capture, "waiting")
    _, first_peer = links.veth("a")
    send_udp(first_peer, 0, 3)
    stack.wait_capture(capture, "active")
    stack.wait(lambda: numbers(stack, capture) == [0, 1, 2], 10, "three packets")
    killed = stack.child(victim)
    stack.kill(victim)
    stack.wait(lambda: stack.child(victim) != killed, 15, f"another {victim}")
    # An interface that appears while no agent runs has nobody to watch it.
    stack.wait(stack.is_whole, 30, "the agent and all else there")
    _, second_peer = links.veth("b")
    send_udp(second_peer, 10, 3)
    stack.wait(lambda: {10, 11, 12} <= set(numbers(stack, capture)), 20, "packets of a new interface")


def test_it_stops_in_order_and_starts_again_with_everything(tmp_path: Path, links: Links) -> None:
    stack = Stack(tmp_path / "state").start()
    capture = stack.capture(f"G.V().Has('Name', '{links.prefix}a')")
    stack.wait_capture(capture, "waiting")
    left, right = links.veth("a")
    send_udp(right, 0, 4)
    stack.wait(lambda: numbers(stack, capture) == [0, 1, 2, 3], 10, "four packets")
    moment = time.time_ns() // 1_000_000
    assert stack.stop() < 5
    assert stack.process is not None
    assert stack.process.returncode == 0
    ip("link", "del", left)
    stack.start()
    assert capture in stack.call("GET", "/api/capture")
    stack.wait_capture(capture, "waiting")
    there = f"G.At({moment}).V().Has('Name', '{left}').Count()"
    stack.wait(lambda: stack.query(there) == 1, 10, "the interface, from history")
    flows = f"G.At({moment}, 60).Flows().Has('CaptureID', '{capture}', 'Transport', 9000)"
    stack.wait(lambda: [flow["Metric"]["ABPackets"] for flow in stack.query(flows)] == [4], 10, "its flow")
    stack.wait(lambda: numbers(stack, capture) == [0, 1, 2, 3], 10, "the packets of a gone interface, from history")
    stack.stop()


def numbers(stack: Stack, capture: str) -> list[int]:
    """Return the numbers that `send_udp` put into the packets of a capture, in order."""
    packets = stack.call("GET", f"/api/capture/{capture}/packets?format=json&limit=100000")
    found = []
    for packet in packets:
        data = base64.b64decode(packet["Data"])
        if data[12:14] == b"\x08\x00" and data[23] == 17 and data[36:38] == (9000).to_bytes(2, "big"):
            found.append(int.from_bytes(data[42:50], "big"))
    return found
