# SPDX-License-Identifier: Apache-2.0
"""How soon after its start a container leads to its bridge in one traversal, for Docker and for pods of containerd.

The peer in the same run is the engine itself: its answer to the call that starts the container. Limit: 300 ms after
that answer at worst. Needs root, docker.io, containerd and containernetworking-plugins.

usage: python bench/container_start.py [STARTS]    (default 30)
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from containerd_fixture import PrivateContainerd
from docker_fixture import IMAGE, PrivateDocker
from live_graph import LiveGraph, live_graph, name, private_netns, settings
from netsonde.probes.cri.settings import CriSettings
from netsonde.probes.docker.settings import DockerSettings
from netsonde.query import Limits, Sources, parse, run

LIMIT_MS = 300.0
STEPS = "In('Type', 'netns').Out('Type', 'veth').Both('Type', 'veth').In('Type', 'bridge')"

Start = Callable[[str], Awaitable[None]]


def main(starts: int) -> int:
    with private_netns(), tempfile.TemporaryDirectory(prefix="b") as folder:
        docker, containerd = PrivateDocker(_made(folder, "d")), PrivateContainerd(_made(folder, "k"))
        try:
            docker.start().make_image()
            containerd.start().make_image()
            found = asyncio.run(measure(docker, containerd, starts))
        finally:
            docker.clean_up()
            containerd.clean_up()
    worst = max(report(what, delays) for what, delays in found.items())
    print(f"worst / limit of {LIMIT_MS:g} ms = {worst / LIMIT_MS:.2f}")
    return 0 if worst <= LIMIT_MS else 1


def _made(folder: str, inside: str) -> Path:
    path = Path(folder) / inside
    path.mkdir()
    return path


async def measure(
    docker: PrivateDocker, containerd: PrivateContainerd, starts: int
) -> dict[str, list[tuple[float, float]]]:
    """Return for each engine the seconds from the call to its answer, and from the answer to the path in the graph,
    negative where that came first."""
    pods: list[str] = []

    async def create_docker(called: str) -> Start:
        await asyncio.to_thread(docker.docker, "create", "--name", called, IMAGE, "/bin/sleep", "600")
        return lambda one: asyncio.to_thread(docker.docker, "start", one)  # type: ignore[arg-type]

    async def create_in_pod(called: str) -> Start:
        # All of it counts: the pod's network is made with its sandbox.
        async def start(one: str) -> None:
            pods.append(await containerd.run_pod(f"p{one}"))
            await containerd.start_container(await containerd.create(pods[-1], one))

        return start

    found: dict[str, list[tuple[float, float]]] = {"docker": [], "containerd, a pod": []}
    probes = settings(
        docker.netns_path,
        probes=("netns", "netlink", "docker", "cri", "runc"),
        docker=DockerSettings(sockets=(str(docker.socket),)),
        cri=CriSettings(sockets=(str(containerd.socket),)),
        runc=(str(containerd.runc_root), str(docker.exec_root / "runtime-runc")),
        anonymous=True,
    )
    async with live_graph(probes) as live:
        for _ in range(starts):
            for what, create in (("docker", create_docker), ("containerd, a pod", create_in_pod)):
                called = name("c")
                found[what].append(await one_start(live, called, await create(called)))
            await asyncio.to_thread(docker.remove_all)
            await containerd.remove_pod(pods.pop())
            live.forget()
    return found


async def one_start(live: LiveGraph, called: str, start: Start) -> tuple[float, float]:
    query = parse(f"G.V().Has('Type', 'container', 'Name', '{called}').{STEPS}.Values('Name')")
    answered = 0.0

    async def begin() -> None:
        nonlocal answered
        await start(called)
        answered = time.monotonic()

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(begin(), name="start")
        while not (await run(query, Sources(graph=live.graph), Limits())).rows:
            await live.changed(10.0)
        there = time.monotonic()
    return answered - began, there - answered


def report(what: str, delays: list[tuple[float, float]]) -> float:
    """Print and return the worst delay in ms."""
    call = statistics.median(one * 1000 for one, _ in delays)
    after = sorted(wait * 1000 for _, wait in delays)
    middle, worst = statistics.median(after), after[-1]
    print(f"{what:18} call {call:4.0f} ms; path {middle:+5.0f} ms from its answer, at worst {worst:+5.0f} ms")
    return worst


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
