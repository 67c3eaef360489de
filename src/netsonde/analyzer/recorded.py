# SPDX-License-Identifier: Apache-2.0
"""The topology as history records it: what agents publish, with what users say of it, and what users declare.

Agents know nothing of annotations, of clouds and of the verdicts of checks, so these are laid upon their batches and
snapshots on the way. Declared elements are told as if one more host published them; whatever is missed is found by its
snapshot.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from netsonde.checks.overlay import OWNER as CHECKS
from netsonde.declared import DeclaredElements
from netsonde.declared.applying import DECLARED, RULE, USER
from netsonde.declared.catalogue import name_of
from netsonde.graph import Event, Graph
from netsonde.graph.layers import merge
from netsonde.history.recording import Batches, Fetch, TopologyStream
from netsonde.model.elements import Edge, Node
from netsonde.model.topology import Change, EdgeChange, NodeChange, TopologyBatch, TopologySnapshot
from netsonde.openstack import OWNER as OPENSTACK

PUBLISHER = "@declared"
"""Stands for a host in history's books; no host is called so."""
_MOST_CHANGES = 100_000
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class _Batches:
    batches: list[TopologyBatch]
    position: int


class RecordedTopology:
    """Wraps a topology log and the fetching of snapshots; `batches` is to be read by one reader at a time."""

    def __init__(self, log: TopologyStream, fetch: Fetch, graph: Graph, declared: DeclaredElements) -> None:
        self._log = log
        self._fetch = fetch
        self._graph = graph
        self._declared = declared
        self._epoch = ""
        self._sequence = 0
        self._heard: dict[str, tuple[str, int]] = {}
        """The last batch of each host that the reader has: a change told under its number does not count as one."""
        self._changes: list[Change] = []
        self._annotated: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._is_begun = False
        """Whether it is known what users declared."""
        self._is_new = True
        """Whether history must be told of an epoch or a gap, so that it asks for the snapshot."""

    async def fetch(self, host: str) -> TopologySnapshot:
        """Return the snapshot of a host with its annotations, or of what users declared."""
        if host != PUBLISHER:
            found = await self._fetch(host)
            return msgspec.structs.replace(found, nodes=[self._laid(node) for node in found.nodes])
        await self._declared.ready()
        # What is in the snapshot need not be told again; what comes later has a higher number.
        self._changes.clear()
        names = self._declared.catalogue.elements
        nodes = (self._graph.node(name.id) for name in names if name.kind == "node")
        edges = (self._graph.edge(name.id) for name in names if name.kind == "edge")
        return TopologySnapshot(
            PUBLISHER,
            self._epoch,
            self._sequence,
            [node for node in nodes if node is not None],
            [edge for edge in edges if edge is not None],
        )

    async def batches(self, after: int) -> AsyncGenerator[Batches, None]:
        """Yield what the log yields, and in between what users changed."""
        self._epoch, self._sequence, position = secrets.token_hex(8), 0, after
        self._heard.clear()
        self._is_begun, self._is_new = False, True
        unsubscribe = self._graph.subscribe(self._follow)
        loop = asyncio.get_running_loop()
        begin = loop.create_task(self._begin(), name="recorded.begin")
        try:
            async with aclosing(self._log.batches(after)) as logged:
                step = loop.create_task(_next(logged), name="recorded.log")
                woken = loop.create_task(_wait(self._woken), name="recorded.woken")
                try:
                    while True:
                        await asyncio.wait({step, woken}, return_when=asyncio.FIRST_COMPLETED)
                        found: list[TopologyBatch] = []
                        if step.done():
                            batch = step.result()
                            position = batch.position
                            found += map(self._with_annotations, batch.batches)
                            step = loop.create_task(_next(logged), name="recorded.log")
                        if woken.done():
                            self._woken.clear()
                            woken = loop.create_task(_wait(self._woken), name="recorded.woken")
                        found += self._own()
                        if found:
                            yield _Batches(found, position)
                finally:
                    step.cancel()
                    woken.cancel()
                    # The log must not be closed while it is being read.
                    await asyncio.wait({step, woken})
        finally:
            begin.cancel()
            unsubscribe()

    async def _begin(self) -> None:
        """An empty batch of a new epoch makes history ask for the snapshot, once it is known what users declared."""
        await self._declared.ready()
        self._is_begun = True
        self._annotated.update(dict.fromkeys((*self._declared.annotations(), *self._declared.ruled_nodes())))
        self._woken.set()

    def _follow(self, events: Sequence[Event]) -> None:
        before = len(self._changes) + len(self._annotated)
        for event in events:
            if event.probe in (USER, CHECKS, OPENSTACK) or event.probe.startswith(RULE):
                self._annotated[event.element.id] = None
            elif event.probe == DECLARED or name_of(event.element) in self._declared.catalogue.elements:
                self._changes.append(_change(event))
        if len(self._changes) > _MOST_CHANGES:
            # A gap in the numbers: history asks for the snapshot, which has all of it.
            self._changes.clear()
            self._sequence += 1
            self._is_new = True
        if len(self._changes) + len(self._annotated) != before:
            self._woken.set()

    def _own(self) -> list[TopologyBatch]:
        """Return what users changed, as far as history can take it now."""
        if not self._is_begun:
            return []
        changes, self._changes = self._changes, []
        parts = [changes[begin : begin + _BATCH] for begin in range(0, len(changes), _BATCH)]
        if self._is_new:
            self._is_new = False
            parts = parts or [[]]
        found: list[TopologyBatch] = []
        for part in parts:
            self._sequence += 1
            found.append(TopologyBatch(PUBLISHER, self._epoch, self._sequence, time.time_ns(), part))
        return found + list(self._annotations())

    def _annotations(self) -> list[TopologyBatch]:
        """Tell annotated nodes in the name of their hosts, of those that were heard of."""
        found: list[TopologyBatch] = []
        for node_id in tuple(self._annotated):
            node = self._graph.node(node_id)
            heard = None if node is None else self._heard.get(_publisher(node))
            if node is None:
                del self._annotated[node_id]
            elif heard is not None:
                del self._annotated[node_id]
                change = NodeChange("updated", node, USER)
                found.append(TopologyBatch(_publisher(node), *heard, time.time_ns(), [change]))
        return found

    def _with_annotations(self, batch: TopologyBatch) -> TopologyBatch:
        self._heard[batch.host] = (batch.epoch, batch.sequence)
        changes = [
            msgspec.structs.replace(change, node=self._laid(change.node))
            if isinstance(change, NodeChange) and change.kind != "deleted"
            else change
            for change in batch.changes
        ]
        return msgspec.structs.replace(batch, changes=changes)

    def _laid(self, node: Node) -> Node:
        laid = [*self._declared.ruled(node.id), self._declared.annotation(node.id), self._graph.layer(node.id, CHECKS)]
        above = [layer for layer in laid if layer]
        return msgspec.structs.replace(node, metadata=merge([node.metadata, *above])) if above else node


def _publisher(node: Node) -> str:
    return node.origin.removeprefix("agent.")


def _change(event: Event) -> Change:
    element = event.element
    if isinstance(element, Edge):
        return EdgeChange(event.kind, element, USER)
    return NodeChange(event.kind, element, USER)


async def _next(logged: AsyncGenerator[Batches, None]) -> Batches:
    return await anext(logged)


async def _wait(woken: asyncio.Event) -> None:
    await woken.wait()
