# SPDX-License-Identifier: Apache-2.0
"""`netsonde meter` against nfpcapd, softflowd, NFStream and tcpdump on a million packets: whole processes, one run.

Prints ratios: how many times as long each peer takes, and how much processor time beside ours, which a busy machine
changes less (we use two processors at a time, tcpdump and softflowd one); and whether packets and bytes agree with
tshark's conversations. Peers that are not installed are named. NFStream is looked for in NFSTREAM_PYTHON (`make bench`
sets that up) and in this Python. Rounds of all programs take turns, so that a busy minute of the machine meets all of
them.

softflowd is measured twice. As it comes it exports NetFlow v5 and leaves IPv6 packets out; with v9 and `-T ether` it
tells flows apart by what our key has: IPv6, MAC addresses, VLAN ids. `cat` is what reading the file costs at least.
"""

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from make_trace import write_trace

GOALS = {"nfpcapd": 4.0, "softflowd": 10.0, "NFStream": 40.0, "tcpdump": 1.0}
NFSTREAM = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1], n_dissections=0)))"
CACHE = Path("build/bench")


class Peer(NamedTuple):
    """A program that reads a file; `command` is None when it is not installed. A slow one runs but once."""

    name: str
    command: list[str] | None
    slow: bool = False


def peers(trace: Path, scratch: Path) -> list[Peer]:
    """Return the peers with their command lines."""

    def found(program: str, *arguments: str) -> list[str] | None:
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        return [path, *arguments] if path else None

    flows = scratch / "nfcapd"
    flows.mkdir()
    python = os.environ.get("NFSTREAM_PYTHON", sys.executable)
    has_nfstream = subprocess.run([python, "-c", "import nfstream"], capture_output=True, check=False).returncode == 0
    exporter = ("-r", str(trace), "-n", "127.0.0.1:9", "-m", "10000000")
    return [
        Peer("nfpcapd", found("nfpcapd", "-r", str(trace), "-w", str(flows))),
        Peer("softflowd", found("softflowd", *exporter)),
        Peer("softflowd -v 9 -T ether", found("softflowd", *exporter, "-v", "9", "-T", "ether")),
        Peer("NFStream", [python, "-c", NFSTREAM, str(trace)] if has_nfstream else None, slow=True),
        Peer("tcpdump", found("tcpdump", "-r", str(trace), "-w", "/dev/null")),
        Peer("cat", found("cat", str(trace))),
    ]


class Taken(NamedTuple):
    """Seconds that a whole process took, by the clock and of processors."""

    wall: float
    processor: float


def seconds(command: list[str]) -> Taken:
    """Run a whole process."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best_of(programs: list[Peer], rounds: int) -> dict[str, Taken]:
    """Return the best times of each program that is installed."""
    taken: dict[str, list[Taken]] = {}
    for turn in range(rounds):
        for name, command, slow in programs:
            if command is not None and not (slow and turn):
                taken.setdefault(name, []).append(seconds(command))
    return {name: Taken(*map(min, zip(*each, strict=True))) for name, each in taken.items()}


Totals = Counter[tuple[str, ...]]


def of_netsonde(path: Path) -> tuple[Totals, Totals]:
    """Return packets and bytes per conversation (protocol, addresses, ports; unordered) from a CSV of ours."""
    packets: Totals = Counter()
    octets: Totals = Counter()
    with path.open(newline="") as text:
        for flow in csv.DictReader(text):
            if flow["transport_protocol"] not in ("TCP", "UDP"):
                continue
            ends = sorted(f"{flow[f'network_{end}']}|{flow[f'transport_{end}']}" for end in "ab")
            key = (flow["transport_protocol"].lower(), *ends)
            packets[key] += int(flow["ab_packets"]) + int(flow["ba_packets"])
            octets[key] += int(flow["ab_bytes"]) + int(flow["ba_bytes"])
    return packets, octets


def of_tshark(trace: Path) -> tuple[Totals, Totals]:
    """Return the same from tshark's view of each packet."""
    fields = ("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
    arguments = [argument for name in (*fields, "frame.len") for argument in ("-e", name)]
    command = ["tshark", "-n", "-r", str(trace), "-Y", "tcp or udp", "-T", "fields", *arguments]
    packets: Totals = Counter()
    octets: Totals = Counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        for line in run.stdout or ():
            sport, dport, usport, udport, src, dst, src6, dst6, length = line.rstrip("\n").split("\t")
            protocol = "tcp" if sport else "udp"
            ends = sorted((f"{src or src6}|{sport or usport}", f"{dst or dst6}|{dport or udport}"))
            packets[protocol, *ends] += 1
            octets[protocol, *ends] += int(length)
    return packets, octets


def compare(name: str, same: Callable[[], bool]) -> bool:
    """Print whether something agrees; False when it could be tested and does not."""
    if shutil.which("tshark") is None:
        print(f"{name}: not compared, tshark is not installed")
        return True
    agrees = same()
    print(f"{name}: {'agree' if agrees else 'DIFFER'} with tshark")
    return agrees


def agreement(trace: Path, ours: Path) -> bool:
    """Compare every TCP and UDP conversation."""
    mine, theirs = of_netsonde(ours), of_tshark(trace)
    return compare(f"packets of {len(mine[0])} conversations", lambda: mine[0] == theirs[0]) & compare(
        "bytes of the same", lambda: mine[1] == theirs[1]
    )


def print_ratios(programs: Iterable[Peer], best: dict[str, Taken], ours: Taken) -> bool:
    """Print one line a peer; False when a goal is missed."""
    reached = True
    for name, _, _ in programs:
        if name not in best:
            print(f"{name:<24} not installed")
            continue
        ratio, goal = best[name].wall / ours.wall, GOALS.get(name)
        missed = goal is not None and ratio < goal
        reached &= not missed
        aim = "" if goal is None else f" (goal {goal:g})"
        processor = best[name].processor / ours.processor
        print(
            f"{name:<24} {ratio:6.2f} times as long{aim}, {processor:.2f} of processors{'  MISSED' if missed else ''}"
        )
    return reached


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trace", type=Path, help="a file of your own instead of a generated one")
    options.add_argument("--packets", type=int, default=1_000_000)
    options.add_argument("--flows", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    trace = given.trace or CACHE / f"mixed-{given.packets}-{given.flows}.pcap"
    if not trace.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        write_trace(trace, given.packets, given.flows)
    netsonde = shutil.which("netsonde") or str(Path(sys.executable).with_name("netsonde"))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        flows = scratch / "flows.csv"
        subprocess.run([netsonde, "meter", str(trace), "-o", str(flows)], check=True)
        ours = Peer("netsonde", [netsonde, "meter", str(trace), "-o", str(scratch / "flows.arrow")])
        others = peers(trace, scratch)
        best = best_of([ours, *others], given.rounds)
        ours_took = best["netsonde"]
        print(
            f"netsonde meter, {trace.name}, whole process, flows written to a file: {ours_took.wall:.2f} s, "
            f"{ours_took.processor:.2f} s of processors"
        )
        reached = print_ratios(others, best, ours_took)
        return 0 if agreement(trace, flows) & reached else 1


if __name__ == "__main__":
    sys.exit(main())
