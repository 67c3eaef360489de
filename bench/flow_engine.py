# SPDX-License-Identifier: Apache-2.0
"""The flow engine's goals in one run: rate from memory, memory of a million flows, and live packets beside tcpdump.

    from memory  small TCP segments, plain and in VXLAN, packets/s of one core (the example `throughput`), and how many
                 times as fast all processors are
    flows        peak memory of `netsonde meter` on a file of a million connections that are all open at its end
    at a pace    100,000 packets/s over a veth pair: processor seconds per million packets, and loss
    flat out     the same as fast as the sender can, turn about with tcpdump writing to /dev/null: loss of both

Needs root, for a network namespace of its own: `python bench/flow_engine.py`. A file against tcpdump is in meter.py.
"""

import json
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from live_graph import private_netns
from netns.frames import testkit

GOALS = {"TCP": 5.0, "VXLAN+TCP": 3.0}
"""Millions of packets/s."""
MOST_MB = 500
MOST_PROCESSOR = 1.0
"""Seconds per million packets."""
ROUND_MS = 3000
PACE = 100_000
CONNECTIONS = 1000
MANY = Path("build/bench/million-flows.pcap")


def verdict(reached: bool) -> str:
    return "" if reached else "  MISSED"


def from_memory() -> bool:
    """Print packets/s; the fewest of each kind counts."""
    command = ["cargo", "run", "--release", "--quiet", "--locked", "-p", "netsonde-meter", "--example", "throughput"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(text.rstrip())
    reached = True
    for kind, goal in GOALS.items():
        slowest = min(map(float, re.findall(rf"^{re.escape(kind)}, .*: ([0-9.]+) M", text, re.MULTILINE)))
        reached &= slowest >= goal
        print(
            f"from memory, {kind}: {slowest / goal:.2f} of the goal of {goal:g} M packets/s{verdict(slowest >= goal)}"
        )
    return reached


def write_many(path: Path, flows: int) -> None:
    """Write one SYN of each of so many connections."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes.fromhex("0200000000020200000000010800450000280000400040060000")
    tail = bytes.fromhex("c0a800019c40005000000001000000005002ffff00000000")
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for number in range(flows):
            frame = head + struct.pack("!I", 0x0A000000 + number) + tail
            file.write(struct.pack("<IIII", 1_700_000_000, number * 100, len(frame), len(frame)) + frame)


def memory_of_flows() -> bool:
    """Print the peak memory of a whole process, and what of it is not the flows'."""
    peaks = []
    for flows in (1, 1_000_000):
        path = MANY.with_name(f"{flows}-flows.pcap")
        if not path.exists():
            write_many(path, flows)
        netsonde = str(Path(sys.executable).with_name("netsonde"))
        peaks.append(peak_mb([netsonde, "meter", str(path), "-o", str(path.with_suffix(".arrow"))]))
    idle, peak = peaks
    print(f"memory of 1 M flows: {peak:.0f} MB, of which {peak - idle:.0f} for the flows", end="")
    print(f" (goal {MOST_MB}){verdict(peak <= MOST_MB)}")
    return peak <= MOST_MB


def peak_mb(command: list[str]) -> float:
    """Return the peak resident memory of a program, in MB."""
    measure = "import os, resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=2); "
    measure += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    run = subprocess.run(
        [sys.executable, "-c", measure, *command],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return int(run.stdout) * 1024 / 1e6


class Ours:
    """A capture in a process of its own."""

    def __init__(self, ifname: str) -> None:
        command = [sys.executable, __file__, "--capture", ifname]
        self._run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._run.stdout is not None
        assert self._run.stdout.readline() == "ready\n"

    def end(self) -> tuple[int, float]:
        """Return packets received, and processor seconds."""
        out, _ = self._run.communicate("\n")
        seen = json.loads(out)
        return seen["packets"], seen["processor"]


class Tcpdump:
    """The peer: it writes all packets to /dev/null."""

    def __init__(self, ifname: str) -> None:
        # Its own default snaplen and buffer, as people run it.
        command = ["tcpdump", "-n", "-i", ifname, "-w", "/dev/null", "udp"]
        self._run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._run.stderr is not None
        while "listening on" not in self._run.stderr.readline():
            assert self._run.poll() is None, "tcpdump does not start"

    def end(self) -> tuple[int, float]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._run.send_signal(2)
        _, told = self._run.communicate()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return int(re.findall(r"(\d+) packets? captured", told)[0]), processor


def capture(ifname: str) -> None:
    """Capture until a line comes; print counters."""
    from netsonde._native import CaptureCore, CaptureOptions

    core = CaptureCore(host="bench", lookback_ns=0)
    home = os.stat("/proc/self/ns/net").st_ino
    core.start("c", home, socket.if_nametoindex(ifname), ifname, "tid", CaptureOptions(bpf_filter="udp"))
    while not any(event.kind == "started" for event in core.events()):
        time.sleep(0.01)
    # What the interpreter took to get here is no cost of packets.
    before = processor_time()
    print("ready", flush=True)
    sys.stdin.readline()
    settle(core)
    (stats,) = core.stats()
    print(json.dumps({"packets": stats.packets, "processor": processor_time() - before}))
    core.close()


def processor_time() -> float:
    """Seconds of processors that all threads of this process have used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def settle(core: object) -> None:
    """Wait until nothing comes any more: the ring's last block is handed over within its timeout."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 0.5:
        (stats,) = core.stats()  # type: ignore[attr-defined]
        if stats.packets != last:
            last, since = stats.packets, time.monotonic()
        time.sleep(0.05)


def live(pace: int, captors: list[type], rounds: int) -> dict[str, list[tuple[int, int, float]]]:
    """Return (sent, received, processor seconds) of each round and captor."""
    seen: dict[str, list[tuple[int, int, float]]] = {captor.__name__: [] for captor in captors}
    command = [testkit("veth_flood"), "bench0", str(ROUND_MS), str(CONNECTIONS), str(pace)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flood:
        assert flood.stdin is not None
        assert flood.stdout is not None
        while "bench0" not in [name for _, name in socket.if_nameindex()]:
            time.sleep(0.01)
        for _ in range(rounds):
            for captor in captors:
                running = captor("bench0")
                print(file=flood.stdin, flush=True)
                sent = json.loads(flood.stdout.readline())["frames"]
                if captor is Tcpdump:
                    time.sleep(1.5)  # longer than its own buffer's timeout
                seen[captor.__name__].append((sent, *running.end()))
        flood.stdin.close()
    return seen


def at_a_pace() -> bool:
    ((sent, received, processor),) = live(PACE, [Ours], 1)["Ours"]
    cost, lost = processor * 1e6 / received, sent - received
    print(f"at {sent * 1000 // ROUND_MS} packets/s: {cost:.2f} s of processor per million packets", end="")
    print(f" (goal {MOST_PROCESSOR:g}), {lost} of {sent} lost{verdict(cost <= MOST_PROCESSOR and lost == 0)}")
    return cost <= MOST_PROCESSOR and lost == 0


def flat_out() -> bool:
    seen = live(0, [Ours, Tcpdump], 3)
    lost = {}
    for name, rounds in seen.items():
        sent, received = sum(one[0] for one in rounds), sum(one[1] for one in rounds)
        lost[name] = 1 - received / sent
        rate = sent * 1000 / (len(rounds) * ROUND_MS)
        processor = sum(one[2] for one in rounds) * 1e6 / received
        print(
            f"flat out, {name}: {rate / 1e6:.2f} M packets/s sent, {lost[name]:.2%} lost, {processor:.2f} s/M packets"
        )
    reached = lost["Ours"] <= lost["Tcpdump"]
    print(f"no more loss than tcpdump: {'yes' if reached else 'no'}{verdict(reached)}")
    return reached


def main() -> int:
    reached = from_memory() & memory_of_flows()
    with private_netns():
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        reached &= at_a_pace() & flat_out()
    return 0 if reached else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--capture"]:
        capture(sys.argv[2])
    else:
        sys.exit(main())
