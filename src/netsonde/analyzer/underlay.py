# SPDX-License-Identifier: Apache-2.0
"""Edges between the overlay and what carries it, over all hosts: agents see only their own end of a tunnel.

Source: the merged graph (analyzer/tunnels.py).
Writes: edges RelationType=underlay, tunnel -> interface that has its near or far address (`End`: `local`, `remote`);
        edges RelationType=layer2, tunnel -- the tunnel at its other end. They are stated with those that users declare,
        so that history records them, and go with the tunnel, the interface or the address.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from netsonde.aio.tasks import HealthSink
from netsonde.analyzer.tunnels import Tunnels
from netsonde.declared.catalogue import UNDERLAY
from netsonde.graph import Event, Graph
from netsonde.model.elements import Edge, Element
from netsonde.observe import Health

MOST_EDGES: Final = 100_000
"""Edges that are drawn: a full mesh of 200 hosts has 20,000 tunnels."""
_PORTION: Final = 500
"""Tunnels that are looked at in one turn of the loop, which others wait for; some 30 µs each."""


class Ground(Protocol):
    """Where edges are stated; `DeclaredElements` is one."""

    def state(self, elements: Mapping[str, Element | None]) -> None: ...


class Underlay:
    """Keeps the edges equal to what the graph's tunnels and addresses say; `run` may be called again."""

    def __init__(self, graph: Graph, ground: Ground, health: Health) -> None:
        self._graph = graph
        self._ground = ground
        self._health = health
        self._tunnels = Tunnels(graph)
        self._pending: set[str] = set()
        self._stated: dict[str, dict[str, Edge]] = {}
        """Edges by tunnel and id."""
        self._holders: dict[str, set[str]] = {}
        """Tunnels that an edge was found at, by its id: both ends of a tunnel tell of the edge between them."""
        self._left_out: set[str] = set()
        """Tunnels with an edge for which there was no room."""
        self._woken = asyncio.Event()

    async def run(self, _: HealthSink) -> None:
        """Follow the graph until cancelled."""
        self._tunnels = Tunnels(self._graph)
        self._pending = self._tunnels.take(self._graph.nodes()) | self._stated.keys()
        self._woken.set()
        unsubscribe = self._graph.subscribe(self._follow)
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._pending:
                    self._write([self._pending.pop() for _ in range(min(_PORTION, len(self._pending)))])
                    await asyncio.sleep(0)
                    if self._left_out and not self._is_full:
                        self._pending |= self._left_out
                        self._left_out.clear()
                self._tell()
        finally:
            unsubscribe()

    @property
    def _is_full(self) -> bool:
        return len(self._holders) >= MOST_EDGES

    def _follow(self, events: Sequence[Event]) -> None:
        self._pending |= self._tunnels.follow(events)
        if self._pending:
            self._woken.set()

    def _write(self, tunnels: Sequence[str]) -> None:
        elements: dict[str, Element | None] = {}
        for tunnel in tunnels:
            self._pending |= self._tunnels.settle(tunnel)
            before, after = self._stated.get(tunnel, {}), self._tunnels.edges(tunnel)
            self._left_out.discard(tunnel)
            if self._is_full and not after.keys() <= before.keys():
                self._left_out.add(tunnel)
                after = {edge: after[edge] for edge in after.keys() & before.keys()}
            for gone in before.keys() - after.keys():
                if self._let_go(gone, tunnel):
                    elements[_key(gone)] = None
            for edge in after.values():
                self._holders.setdefault(edge.id, set()).add(tunnel)
                if before.get(edge.id) != edge:
                    elements[_key(edge.id)] = edge
            if after:
                self._stated[tunnel] = after
            else:
                self._stated.pop(tunnel, None)
        if elements:
            self._ground.state(elements)

    def _let_go(self, edge: str, tunnel: str) -> bool:
        """Forget that a tunnel tells of an edge; return whether none does any more."""
        holders = self._holders[edge]
        holders.discard(tunnel)
        if holders:
            return False
        del self._holders[edge]
        return True

    def _tell(self) -> None:
        health, unclear = self._health, len(self._tunnels.ambiguous)
        health.gauge("tunnels", len(self._tunnels))
        health.gauge("edges", len(self._holders))
        health.gauge("ambiguous", unclear)
        reasons = []
        if unclear:
            reasons.append(f"{unclear} tunnels lead to addresses that several interfaces have: these are not drawn")
        if self._left_out:
            reasons.append(f"only {MOST_EDGES} edges are drawn, those of {len(self._left_out)} tunnels are missing")
        health.running("; ".join(reasons))


def _key(edge: str) -> str:
    return f"{UNDERLAY}.{edge}"
