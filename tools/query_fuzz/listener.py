# SPDX-License-Identifier: Apache-2.0
"""A process of its own that changes a node twenty times a second and measures when a subscriber hears of it.

usage: python -m query_fuzz.listener PORT ANALYZER_PID BUS_DIRECTORY HOSTS

Prints `ready NODES EDGES` when the analyzer shows everything, then, for each line on stdin, the figures since the one
before as JSON. `raw` is what a clock on the wall says. Machines are shared, so `own` leaves out what the kernel did to
us (`/proc/PID/task/*/schedstat`): it is the time that the analyzer's threads ran meanwhile, or, if that is more, what
remains of the delay without the time in which they could have run and did not.
"""

import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from collections import deque
from pathlib import Path

import websockets

from netsonde.aio import spawn
from netsonde.observe import configure_logging
from query_fuzz.world import PULSE, World, changed, published

_PACE = 0.05
_TICK = 0.005


class Machine:
    """How long the analyzer's threads ran, and how long they and we were kept from running, in seconds."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._overslept = 0.0
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=int(60 / _TICK))

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            now = time.perf_counter()
            self._overslept += max(0.0, now - began - 2 * _TICK)
            ran, waited = self._schedule()
            self._samples.append((now, ran, waited + self._overslept))

    def own(self, start: float, end: float) -> float:
        """Return the part of a delay between two moments of `perf_counter` that is the analyzer's own."""
        before = next((sample for sample in reversed(self._samples) if sample[0] <= start), self._samples[0])
        after = next((sample for sample in self._samples if sample[0] >= end), self._samples[-1])
        ran, waited = after[1] - before[1], after[2] - before[2]
        return max(0.0, min(end - start, ran), end - start - waited)

    def _schedule(self) -> tuple[float, float]:
        ran = waited = 0
        for task in self._tasks.iterdir():
            try:
                # The history's engine names its threads; they hold nobody up.
                if (task / "comm").read_text().startswith("python"):
                    times = (task / "schedstat").read_text().split()
                    ran, waited = ran + int(times[0]), waited + int(times[1])
            except (OSError, IndexError):
                continue
        return ran / 1e9, waited / 1e9


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


async def main(port: int, pid: int, bus_directory: Path, hosts: int) -> None:
    world, machine, latencies = World(hosts), Machine(pid), Latencies()
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
                    await asyncio.sleep(2 * _PACE)  # for the last samples
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
    raw = sorted((at - sent) * 1000 for sent, at in heard)
    own = sorted(machine.own(sent, at) * 1000 for sent, at in heard)
    return {"events": len(raw), "raw": _spread(raw), "own": _spread(own), "late": sum(one > 200 for one in own)}


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
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
