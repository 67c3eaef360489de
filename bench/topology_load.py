# SPDX-License-Identifier: Apache-2.0
"""How fast the probes take a host in, and what they cost when nothing happens.

Runs in a network namespace of its own. Prints ratios against peers in the same run: `ip -j` reading all namespaces,
pyroute2 decoding the same messages. `--json` for programs.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from live_graph import LiveGraph, live_graph, private_netns, run, settings
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.links import decode_link
from unit.probes.netlink.traffic import Recording

Figures = dict[str, float]


def make_host(directory: Path, count: int) -> None:
    """Make `count` namespaces with a veth each, as fast as `ip` does it."""
    make_namespaces(directory, count)
    links = "\n".join(
        f"link add v{number} type veth peer name e0 netns {directory}/n{number}" for number in range(count)
    )
    subprocess.run(["ip", "-batch", "-"], input=links.encode(), check=True)


def make_namespaces(directory: Path, count: int) -> None:
    """Make namespaces n0, n1 … held by files in a directory that is made too."""
    directory.mkdir()
    for number in range(count):
        (directory / f"n{number}").touch()
    script = "\n".join(f"unshare --net={directory}/n{number} true" for number in range(count))
    subprocess.run(["sh", "-e"], input=script.encode(), check=True)


def remove_host(directory: Path) -> None:
    for file in directory.iterdir():
        run("umount", str(file))
        file.unlink()


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def linked(live: LiveGraph) -> int:
    return sum(edge.metadata.get("Type") == "veth" for edge in live.graph.edges())


async def start_and_idle(directory: Path, count: int, idle: float) -> Figures:
    began, used = time.perf_counter(), cpu()
    async with live_graph(settings(directory, metrics_interval=10.0)) as live:
        complete = count * 2 + 1
        await live.until(lambda: live.count_with("IfIndex") >= complete and linked(live) == count, within=30.0)
        took, spent = time.perf_counter() - began, cpu() - used
        await asyncio.sleep(2)  # tables and the first counters
        used, began = cpu(), time.perf_counter()
        await asyncio.sleep(idle)
        share = (cpu() - used) / (time.perf_counter() - began)
    return {"start_s": took, "start_cpu_s": spent, "idle_core_percent": share * 100}


async def churn(directory: Path, count: int) -> Figures:
    """Create veth pairs one after the other and measure how late each is in the graph."""
    async with live_graph(settings(directory)) as live:
        await live.node(Name="lo")
        late: list[float] = []
        used = cpu()
        for number in range(count):
            process = await asyncio.create_subprocess_exec(
                "ip", "link", "add", f"c{number}", "type", "veth", "peer", "name", f"d{number}"
            )
            await process.wait()
            ended = time.perf_counter()
            await live.until(lambda number=number: live.graph.nodes_with("Name", f"c{number}"))  # type: ignore[misc]
            late.append(time.perf_counter() - ended)
        own = cpu() - used
        burst = await _burst(live, count)
    late.sort()
    return {
        "after_ip_returned_ms_p50": statistics.median(late) * 1e3,
        "after_ip_returned_ms_p99": late[int(len(late) * 0.99)] * 1e3,
        "cpu_per_pair_ms": own / count * 1e3,
        **burst,
    }


async def _burst(live: LiveGraph, count: int) -> Figures:
    script = "\n".join(f"link add x{number} type veth peer name y{number}" for number in range(count)).encode()
    began, used = time.perf_counter(), cpu()
    process = await asyncio.create_subprocess_exec("ip", "-batch", "-", stdin=asyncio.subprocess.PIPE)
    await process.communicate(script)
    made = time.perf_counter() - began
    await live.until(lambda: linked(live) >= 2 * count, within=60.0)
    took = time.perf_counter() - began
    return {"burst_pairs_per_s": count / took, "burst_behind_ip": took / made, "burst_cpu_s": cpu() - used}


def peers(directory: Path, count: int) -> Figures:
    """What `ip -j` needs to list the same interfaces, one namespace after the other."""
    began = time.perf_counter()
    for number in range(min(count, 100)):
        run("nsenter", f"--net={directory}/n{number}", "ip", "-j", "addr")
    return {"ip_json_s": (time.perf_counter() - began) * count / min(count, 100)}


def decoding() -> Figures:
    """How many recorded interfaces a second our decoder reads, and pyroute2's complete one."""
    data = Recording().dumps["links"]
    links = [message for datagram in data for message in wire.messages(datagram) if message.type == wire.RTM_NEWLINK]
    whole = [message.data[message.start - 16 : message.end] for message in links]
    ours = _rate(lambda: [decode_link(message) for message in links], 300) * len(links)
    theirs = _rate(lambda: [ifinfmsg(raw).decode() for raw in whole], 30) * len(links)
    return {"decode_links_per_s": ours, "decode_versus_pyroute2": ours / theirs}


def _rate(work: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        work()
    return times / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespaces", type=int, default=500)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of doing nothing")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, private_netns():
        host = Path(directory) / "netns"
        make_host(host, wanted.namespaces)
        try:
            figures = uvloop.run(start_and_idle(host, wanted.namespaces, wanted.idle))
            figures |= peers(host, wanted.namespaces)
        finally:
            remove_host(host)
        figures |= uvloop.run(churn(Path(directory) / "none", wanted.pairs))
    figures |= decoding()
    figures["start_versus_ip_json"] = figures["ip_json_s"] / figures["start_s"]
    if wanted.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:10.3f}")


if __name__ == "__main__":
    main()
