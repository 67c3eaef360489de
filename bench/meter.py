# SPDX-License-Identifier: Apache-2.0
"""`netsonde meter` against nfpcapd, softflowd and NFStream on one million packets, as whole processes, in one run.

Prints ratios: how many times as long each peer takes; and whether packets and bytes agree with tshark's
conversations. Peers that are not installed are named. NFStream is looked for in this Python and in NFSTREAM_PYTHON.
"""

import argparse
import csv
import os
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

GOALS = {"nfpcapd": 4.0, "softflowd": 10.0, "NFStream": 40.0}
NFSTREAM = "import sys, nfstream; print(sum(1 for _ in nfstream.NFStreamer(source=sys.argv[1], n_dissections=0)))"
CACHE = Path("build/bench")


class Peer(NamedTuple):
    """A program that meters a file; `command` is None when it is not installed."""

    name: str
    command: list[str] | None


def peers(trace: Path, scratch: Path) -> list[Peer]:
    """Return the peers with their command lines."""

    def found(program: str, *arguments: str) -> list[str] | None:
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        return [path, *arguments] if path else None

    flows = scratch / "nfcapd"
    flows.mkdir()
    python = os.environ.get("NFSTREAM_PYTHON", sys.executable)
    has_nfstream = subprocess.run([python, "-c", "import nfstream"], capture_output=True, check=False).returncode == 0
    return [
        Peer("nfpcapd", found("nfpcapd", "-r", str(trace), "-w", str(flows))),
        Peer("softflowd", found("softflowd", "-r", str(trace), "-n", "127.0.0.1:9", "-m", "10000000")),
        Peer("NFStream", [python, "-c", NFSTREAM, str(trace)] if has_nfstream else None),
    ]


def seconds(command: list[str], rounds: int) -> float:
    """Return the best wall time of a whole process."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        best = min(best, time.perf_counter() - begin)
    return best


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


def print_ratios(measured: Iterable[tuple[str, float | None]], ours: float) -> bool:
    """Print one line a peer; False when a goal is missed."""
    reached = True
    for name, taken in measured:
        if taken is None:
            print(f"{name:<10} not installed")
            continue
        ratio, goal = taken / ours, GOALS[name]
        reached &= ratio >= goal
        print(f"{name:<10} {ratio:6.1f} times as long (goal {goal:g}){'' if ratio >= goal else '  MISSED'}")
    return reached


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trace", type=Path, help="a file of your own instead of a generated one")
    options.add_argument("--packets", type=int, default=1_000_000)
    options.add_argument("--flows", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=3)
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
        ours = seconds([netsonde, "meter", str(trace), "-o", str(scratch / "flows.arrow")], given.rounds)
        measured = [
            (peer.name, seconds(peer.command, given.rounds) if peer.command else None) for peer in peers(trace, scratch)
        ]
        print(f"netsonde meter, {trace.name}, whole process, flows written to a file:")
        reached = print_ratios(measured, ours)
        return 0 if agreement(trace, flows) & reached else 1


if __name__ == "__main__":
    sys.exit(main())
