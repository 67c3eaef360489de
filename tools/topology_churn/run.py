# SPDX-License-Identifier: Apache-2.0
"""The probes follow a world that is changed cycle by cycle; again and again their graph is held against a fresh one."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from docker_fixture import PrivateDocker
from live_graph import LiveGraph, live_graph, settings
from netsonde.probes.docker.settings import DockerSettings
from netsonde.probes.settings import ProbeSettings
from ovs_fixture import PrivateOvs
from topology_churn.compare import Holdings, differences
from topology_churn.world import World

CHANGES_A_CYCLE = 3
AT_REST = 10.0
"""Seconds within which the graph must be equal to a fresh one once nothing changes any more."""
KILLED = ("ovsdb", "docker")
"""Probes whose daemons are killed: only they may fail."""
COMES_BACK = 30.0
"""Seconds that a daemon has for its start."""
TINY_BUFFER = 4096
"""Bytes of the netlink receive buffer, which the kernel doubles: a few messages."""


@dataclass(frozen=True, slots=True)
class Daemons:
    """What runs all the time, but for its deaths."""

    ovs: PrivateOvs
    docker: PrivateDocker


@dataclass(frozen=True, slots=True)
class Pace:
    """After how many cycles what is rare happens: a burst, a death of a daemon, a comparison."""

    burst: int
    server: int
    engine: int
    compare: int

    @classmethod
    def of(cls, cycles: int) -> "Pace":
        return cls(
            burst=max(1, min(20, cycles // 4)),
            server=max(1, min(50, cycles // 2)),
            engine=max(1, min(70, cycles // 2)),
            compare=max(1, min(100, cycles // 3)),
        )


@dataclass
class Outcome:
    """What a run found; nothing in `wrong` and `leaks` is what is wanted."""

    cycles: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    compared: int = 0
    nodes: int = 0
    """Nodes at the last comparison."""
    resyncs: int = 0
    server_losses: int = 0
    engine_losses: int = 0
    slowest_equal: float = 0.0
    """Seconds until the graphs were equal, at worst, the start of the fresh one with it."""
    wrong: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    grown: int = 0
    """Bytes of memory more than after the first tenth of the run, with an empty world."""


async def churn(
    directory: Path,
    daemons: Daemons,
    cycles: int,
    seed: int,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Change the world so many times and return what was found; ends at the first difference that stays."""
    world, outcome = World(directory, daemons.ovs, daemons.docker, seed), Outcome()
    # Python makes a thread for each piece of work that waits, up to a bound: one shows a leak sooner.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    world.start()
    probes = _settings(world, daemons)
    first = max(1, cycles // 10)
    try:
        async with live_graph(probes) as live:
            run = _Run(world, live, outcome, probes, Pace.of(cycles), tell)
            await run.cycles(range(first))
            before = await run.empty()
            await run.cycles(range(first, cycles))
            after = await run.empty()
            outcome.wrong += [f"probe {name} failed: {why}" for name, why in live.failures if name not in KILLED]
            outcome.resyncs = live.runner.healths["netlink"].counters.get("resyncs", 0)
            outcome.server_losses = live.runner.healths["ovsdb"].failures
            outcome.engine_losses = live.runner.healths["docker"].failures
    finally:
        world.clear()
    outcome.changes = world.done
    outcome.leaks = after.leaks_since(before)
    outcome.grown = after.resident - before.resident
    return outcome


def _settings(world: World, daemons: Daemons) -> ProbeSettings:
    return settings(
        world.netns_directory,
        probes=("netns", "netlink", "ovsdb", "docker", "runc", "qemu"),
        ovsdb=daemons.ovs.address,
        docker=DockerSettings(sockets=(str(daemons.docker.socket),)),
        runc=(str(world.runc_root),),
        anonymous=True,
        receive_buffer=TINY_BUFFER,
        metrics_interval=1.0,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    world: World
    live: LiveGraph
    outcome: Outcome
    probes: ProbeSettings
    pace: Pace
    tell: Callable[[str], None]

    async def cycles(self, numbers: range) -> None:
        for number in numbers:
            if self.outcome.wrong:
                return
            await self._cycle(number + 1)

    async def _cycle(self, number: int) -> None:
        for _ in range(CHANGES_A_CYCLE):
            self.world.change()
        if number % self.pace.burst == 0:
            self.world.burst()
        if number % self.pace.server == 0:
            await self._lose_server()
        if number % self.pace.engine == 0:
            await self._lose_engine()
        await asyncio.sleep(0)
        self.live.forget()
        self.outcome.cycles = number
        if number % self.pace.compare == 0:
            await self._compare()
            worst = self.outcome.slowest_equal
            self.tell(f"{number} cycles, {self.outcome.nodes} nodes, equal within {worst:.1f} s at worst")

    async def _lose_server(self) -> None:
        health = self.live.runner.healths["ovsdb"]
        failures = health.failures
        self.world.kill_server()
        await self.live.until(lambda: health.failures > failures, what="the loss of the switch's database")
        self.world.change_behind_the_servers_back()
        self.world.restart_server()

    async def _lose_engine(self) -> None:
        health = self.live.runner.healths["docker"]
        failures = health.failures
        self.world.engine.die()
        await self.live.until(lambda: health.failures > failures, what="the loss of Docker's daemon")
        self.world.engine.come_back()
        await self.live.until(lambda: health.state == "running", COMES_BACK, "Docker's daemon")

    async def empty(self) -> Holdings:
        """Remove everything, and return what is held when the graph is as empty."""
        self.world.clear()
        await self._compare()
        self.live.forget()
        return Holdings.now()

    async def _compare(self) -> None:
        """Hold the graph against one that new probes have just filled; both go on to be fed while they differ."""
        began = time.monotonic()
        async with live_graph(self.probes) as fresh:
            found = differences(self.live.graph, fresh.graph)
            while found and time.monotonic() - began < AT_REST:
                await self.live.changed(within=0.1)
                found = differences(self.live.graph, fresh.graph)
            self.outcome.nodes = self.live.graph.node_count()
        self.outcome.compared += 1
        self.outcome.slowest_equal = max(self.outcome.slowest_equal, time.monotonic() - began)
        self.outcome.wrong += found
