# SPDX-License-Identifier: Apache-2.0
"""What a capture costs a packet, by its engine: a veth pair flooded at full speed, read, counted in the kernel, or not.

Rounds of all kinds take turns, so that whatever else the machine does falls on all; numbers are medians. `ns` = time of
processors a packet takes beyond that without a capture: the kernel's part, which the sender pays, and ours. Run as
root: `python bench/ebpf.py [rounds] [flows ...]`.
"""

import json
import resource
import secrets
import socket
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from netns.frames import testkit, wait_readable
from netsonde._native import CaptureCore, CaptureOptions

ROUND_MS = 1000
KINDS = ("none", "packet", "ebpf-tcx", "ebpf-socket")
HOME = Path("/proc/self/ns/net").stat().st_ino
OPTIONS = CaptureOptions(first_packets=0, ring_bytes=0, raw_packet_limit=0)


@dataclass
class Costs:
    """One number a round; ns of processor time for each packet that was sent."""

    per_s: list[float] = field(default_factory=list)
    sender: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)


def wait(core: CaptureCore, kind: str) -> None:
    while not any(event.kind == kind for event in core.events()):
        wait_readable(core.event_fd, float("inf"))


def start(core: CaptureCore, kind: str, ifindex: int) -> None:
    if kind == "none":
        return
    if kind == "packet":
        core.start(kind, HOME, ifindex, "bench", kind, OPTIONS)
    else:
        core.count_in_kernel(kind, HOME, ifindex, "bench", kind, OPTIONS, kind.removeprefix("ebpf-"))
    wait(core, "started")


def stop(core: CaptureCore, kind: str, ifindex: int) -> float:
    """End a round; return the packets that the capture lost."""
    if kind == "none":
        return 0.0
    lost = sum(stats.dropped for stats in core.stats())
    core.stop(kind, HOME, ifindex)
    wait(core, "stopped")
    core.take_flows()
    core.forget(kind)
    return float(lost)


def own_ns() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e9


def measure(rounds: int, flows: int) -> dict[str, dict[str, float]]:
    costs = {kind: Costs() for kind in KINDS}
    core = CaptureCore(host="bench", lookback_ns=0)
    name = f"fl{secrets.token_hex(3)}"
    command = [testkit("veth_flood"), name, str(ROUND_MS), str(flows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
        assert flood.stdin is not None
        assert flood.stdout is not None
        for number in range(rounds + 1):
            for kind in KINDS:
                start(core, kind, socket.if_nametoindex(name))
                before = own_ns()
                print(file=flood.stdin, flush=True)
                seen = json.loads(flood.stdout.readline())
                ours = own_ns() - before
                lost = stop(core, kind, socket.if_nametoindex(name))
                if number:  # the first turn warms up
                    frames = seen["frames"]
                    cost = costs[kind]
                    cost.per_s.append(frames * 1e9 / seen["wall_ns"])
                    cost.sender.append(seen["processor_ns"] / frames)
                    cost.ours.append(ours / frames)
                    cost.lost.append(lost / frames)
        flood.stdin.close()
    core.close()
    base = statistics.median(costs["none"].sender)
    return {kind: told(cost, base) for kind, cost in costs.items()}


def told(cost: Costs, base: float) -> dict[str, float]:
    kernel, ours = statistics.median(cost.sender) - base, statistics.median(cost.ours)
    return {
        "packets_per_s": round(statistics.median(cost.per_s)),
        "kernel_ns": round(kernel),
        "own_ns": round(ours),
        "ns": round(kernel + ours),
        "lost": round(statistics.median(cost.lost), 4),
    }


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    for flows in map(int, sys.argv[2:] or ("10", "10000")):
        print(json.dumps({"ebpf": {"flows": flows, **measure(wanted, flows)}}))
