# SPDX-License-Identifier: Apache-2.0
"""A process of its own that changes a node twenty times a second and measures when a subscriber hears of it.

usage: python -m query_fuzz.listener PORT BUS_DIRECTORY HOSTS

Prints `ready NODES EDGES` when the analyzer shows everything, then, for each line on stdin, the figures since the one
before as JSON, in milliseconds: `late` is how late events came, by the clock on the wall; `wakes` how late this process
itself woke up from a sleep, which tells how busy the machine is.
"""

import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import websockets

from netsonde.aio import spawn
from netsonde.observe import configure_logging
from query_fuzz.world import PULSE, World, changed, published

_PACE = 0.05


class Machine:
    """How late this process wakes up, which needs next to nothing: what others take from everybody here."""

    def __init__(self) -> None:
        self.overslept: list[float] = []

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_PACE)
            self.overslept.append(max(0.0, time.perf_counter() - began - _PACE))


class Latencies:
    """When each beat was sent and heard."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.heard: list[tuple[float, float]] = []

    async def listen(self, client: websockets.ClientConnection) -> None:
        async for message in client:
            if PULSE not in str(message[:2000]):
                continue
            beat = json.loads(message)["Obj"]["Metadata"].get("Beat")
            sent = self.sent.pop(beat, None)
            if sent is not None:
                self.heard.append((sent, time.perf_counter()))


async def main(port: int, bus_directory: Path, hosts: int) -> None:
    world, machine, latencies = World(hosts), Machine(), Latencies()
    nodes, edges = world.size
    url = f"ws://127.0.0.1:{port}/ws/subscriber?x-client-type=fuzz"
    with tempfile.TemporaryDirectory() as scratch:
        async with published(world, bus_directory, Path(scratch)) as publisher:
            while await asyncio.to_thread(_count, port) < nodes:  # noqa: ASYNC110  # another process: only its answers tell
                await asyncio.sleep(0.1)
            print(f"ready {nodes} {edges}", flush=True)
            async with websockets.connect(url, max_size=None) as client, asyncio.TaskGroup() as group:
                tasks = [
                    spawn(group, machine.watch(), "machine"),
                    spawn(group, latencies.listen(client), "listen"),
                    spawn(group, _beat(world, publisher.publish, latencies), "beat"),
                ]
                while await asyncio.to_thread(sys.stdin.readline):
                    print(json.dumps(_figures(latencies, machine)), flush=True)
                for task in tasks:
                    task.cancel()


async def _beat(world: World, publish: object, latencies: Latencies) -> None:
    beat = 0
    while True:
        beat += 1
        latencies.sent[beat] = time.perf_counter()
        publish([changed(world.pulse, beat)])  # type: ignore[operator]
        await asyncio.sleep(_PACE)


def _figures(latencies: Latencies, machine: Machine) -> dict[str, object]:
    heard, latencies.heard = latencies.heard, []
    now = time.perf_counter()
    # What is not heard yet is at least so late.
    heard += [(sent, now) for sent in latencies.sent.values() if now - sent > 2 * _PACE]
    late = sorted((at - sent) * 1000 for sent, at in heard)
    wakes, machine.overslept = sorted(one * 1000 for one in machine.overslept), []
    return {"events": len(late), "late": _spread(late), "wakes": _spread(wakes)}


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "p50": round(values[len(values) // 2], 1),
        "p99": round(values[min(len(values) - 1, len(values) * 99 // 100)], 1),
        "most": round(values[-1], 1),
    }


def _count(port: int) -> int:
    body = json.dumps({"GremlinQuery": "G.V().Count()"}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/topology", body, timeout=30) as answer:
        return int(json.loads(answer.read()))


if __name__ == "__main__":
    configure_logging("fuzz", "warning", "text")
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
