# SPDX-License-Identifier: Apache-2.0
"""The topology of the network namespace that this process is in, as an agent sees it, without a bus.

For commands that need no server. Needs what the probes need; nothing for its own namespace.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from netsonde.agent.parts import now_ms
from netsonde.aio import spawn
from netsonde.errors import UserError
from netsonde.graph import Graph
from netsonde.graph.ids import stable_id
from netsonde.graph.tid import TidLayer
from netsonde.graph.vm import VmLayer
from netsonde.probes._api import ProbeContext
from netsonde.probes._registry import build_probes
from netsonde.probes.identity import Identity, read_machine_id
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A graph that probes keep up to date, and the namespaces that they have entered."""

    graph: Graph
    namespaces: NamespaceRegistry
    host_node: str
    """Id of the node that owns what is seen."""


@asynccontextmanager
async def surroundings(
    host: str, probes: Sequence[str] = ("netlink",), *, netns_fd: int | None = None
) -> AsyncIterator[Surroundings]:
    """Run probes for the time of the block, which begins when they have read everything once.

    `netns_fd`, which is taken over, is another network namespace to look at; None = that of this process. Ids are other
    ones than those of an agent of this machine. Raises UserError for an unknown probe, and with the reason when one of
    them fails at once.
    """
    graph = Graph(host, f"seed.{host}", now_ms)
    graph.add_computed(TidLayer())
    graph.add_computed(VmLayer())
    namespaces = NamespaceRegistry(netns_fd)
    identity = Identity(stable_id(read_machine_id(), "seed", host))
    context = ProbeContext(
        graph=graph,
        host=host,
        identity=identity,
        namespaces=namespaces,
        settings=replace(ProbeSettings(), enabled=tuple(probes)),
        metrics=lambda _: None,
        now_ms=now_ms,
    )
    runner = ProbeRunner(build_probes(context))
    try:
        async with asyncio.TaskGroup() as group:
            running = spawn(group, runner.run(), "probes")
            try:
                await runner.ready()
                for name, health in runner.healths.items():
                    if health.state in ("absent", "failed"):
                        raise UserError(f"the probe {name} does not run: {health.reason}")
                yield Surroundings(graph, namespaces, identity.host())
            finally:
                running.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    finally:
        namespaces.close()
