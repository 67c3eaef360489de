# SPDX-License-Identifier: Apache-2.0
"""What labs of probes have in common: they wait until something is so, looking at each change of graph and health."""

import asyncio
from collections.abc import Callable

from netsonde.graph.graph import Graph
from netsonde.observe import Health


class Changing:
    """Wakes at each change of a graph, and of a probe's health."""

    def __init__(self, graph: Graph, health: Health | None = None) -> None:
        self.graph = graph
        self.changed = asyncio.Event()
        self.reasons: list[str] = []
        """All that the health said, in order."""
        graph.subscribe(lambda _: self.changed.set())
        if health is not None:
            health.on_change = self._note_health

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for twenty seconds at most: only a test that fails takes them."""
        async with asyncio.timeout(20):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    def _note_health(self, health: Health) -> None:
        self.reasons.append(health.reason)
        self.changed.set()
