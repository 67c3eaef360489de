# SPDX-License-Identifier: Apache-2.0
"""A host of 5,000 interfaces in 500 namespaces against its limits, with a real agent and analyzer.

Runs in a network namespace of its own; needs root. Each line is a figure, its limit and their ratio; ends with 1 when
one is above 1. The agent sees the namespaces of the bench only. `--scale 0.1` for a look.

usage: python bench/topology_scale.py [--scale PART] [--idle SECONDS]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from topology_load import cpu, make_namespaces, remove_host

from live_graph import live_graph, private_netns, settings
from system.stack import Stack

NAMESPACES, PAIRS = 500, 5
"""PAIRS veth pairs into each namespace: with its `lo` eleven interfaces a namespace, of which ten are made."""
PROBES = "netns,netlink,wireguard,bpf,netfilter,devlink"
"""Those that look into every namespace."""
BURST = 500
"""Pairs that appear at once."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    value: float
    limit: float
    unit: str

    def __str__(self) -> str:
        ratio = self.value / self.limit
        return f"{self.name:44} {self.value:9.2f} {self.unit:4} limit {self.limit:7.2f}  ratio {ratio:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--idle", type=float, default=20.0)
    wanted = parser.parse_args()
    count = max(1, round(NAMESPACES * wanted.scale))
    with tempfile.TemporaryDirectory() as folder, private_netns():
        directory = Path(folder) / "netns"
        make_namespaces(directory, count)
        make_links(directory, count)
        try:
            figures = [uvloop.run(first_graph(directory, count))]
            figures += whole(Path(folder), directory, count, max(1, round(BURST * wanted.scale)), wanted.idle)
        finally:
            remove_host(directory)
    for figure in figures:
        print(figure)
    return 0 if all(figure.value <= figure.limit for figure in figures) else 1


def make_links(directory: Path, count: int) -> None:
    lines = (
        f"link add v{number}x{pair} type veth peer name e{pair} netns {directory}/n{number}"
        for number in range(count)
        for pair in range(PAIRS)
    )
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True)


def interfaces(count: int) -> int:
    """Return how many nodes have an ifindex: both ends of all pairs, and the `lo` of each namespace and the host's."""
    return count * (2 * PAIRS + 1) + 1


async def first_graph(directory: Path, count: int) -> Figure:
    """Run the probes in this process until every interface is there and every pair is linked."""
    began, used = time.perf_counter(), cpu()
    async with live_graph(settings(directory)) as live:

        def complete() -> bool:
            if live.count_with("IfIndex") < interfaces(count):
                return False
            return sum(edge.metadata.get("Type") == "veth" for edge in live.graph.edges()) == count * PAIRS

        await live.until(complete, within=60.0)
        took = time.perf_counter() - began
    print(f"{interfaces(count)} interfaces in {count} namespaces; first graph took {cpu() - used:.2f} s of CPU")
    return Figure("first complete graph", took, 4.0, "s")


def whole(folder: Path, directory: Path, count: int, burst: int, idle: float) -> list[Figure]:
    """Run agent, bus and analyzer: what the agent takes at rest, and how late many new interfaces are."""
    environment = {
        "NETSONDE_PROBES_ENABLED": PROBES,
        "NETSONDE_PROBES_NETNS_RUN_PATHS": str(directory),
        "NETSONDE_PROBES_NETNS_ANONYMOUS": "false",
    }
    stack = Stack(folder / "state", env=environment).start(60)
    try:
        stack.wait(lambda: known(stack) >= interfaces(count), 60, "every interface in the analyzer's graph")
        agent = stack.child("agent")
        wait_quiet(agent)
        share = used_in(agent, idle) / idle
        memory = resident(agent)
        late, spent = make_at_once(stack, agent, burst)
    finally:
        stack.stop()
    return [
        Figure("idle, counters every 10 s", share * 100, 3.0, "%"),
        Figure("memory of the agent", memory / 2**20, 250.0, "MiB"),
        Figure(f"{2 * burst} interfaces at once, in the analyzer", late, 3.0, "s"),
        # Two ends and the edge between them; each end is told of twice or more until its peer is known.
        Figure("CPU of the agent for each of those", spent / (2 * burst) * 1000, 1.0, "ms"),
    ]


def make_at_once(stack: Stack, agent: int, burst: int) -> tuple[float, float]:
    """Make pairs at once; return seconds from the last until the analyzer has all, and the CPU seconds of the agent."""
    before, used = known(stack), ticks(agent)
    lines = (f"link add x{number} type veth peer name y{number}" for number in range(burst))
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True)
    made = time.perf_counter()
    stack.wait(lambda: known(stack) >= before + 2 * burst, 60, "the new interfaces in the analyzer's graph")
    return time.perf_counter() - made, ticks(agent) - used


def known(stack: Stack) -> int:
    found: list[int] = stack.query("G.V().HasKey('IfIndex').Count()")
    return int(found[0]) if isinstance(found, list) else int(found)


def wait_quiet(pid: int, patience: float = 30.0) -> None:
    """Wait until a process has done its work: less than a twentieth of a second of CPU in a second."""
    deadline = time.monotonic() + patience
    while used_in(pid, 1.0) > 0.05 and time.monotonic() < deadline:
        pass


def used_in(pid: int, seconds: float) -> float:
    before = ticks(pid)
    time.sleep(seconds)
    return ticks(pid) - before


def ticks(pid: int) -> float:
    """Return the seconds of CPU that a process has used (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> int:
    """Return bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    sys.exit(main())
