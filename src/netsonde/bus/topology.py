# SPDX-License-Identifier: Apache-2.0
"""Graphs over the bus: an agent publishes numbered batches and serves snapshots; followers never miss a change.

A batch belongs to an epoch (one run of an agent) and has a number. A follower that sees a new epoch, a gap or
rubbish asks the agent for a snapshot and goes on from there.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netsonde.aio import backoff, spawn
from netsonde.bus.jetstream import Delivery
from netsonde.bus.ordered import deliveries
from netsonde.bus.publisher import SpooledPublisher
from netsonde.bus.subjects import REPORT_BYTES, STREAMS, host_of
from netsonde.errors import NotFound, SourceLost, WireError
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.plain import flaw_in
from netsonde.model.topology import Change, NodeChange, TopologyBatch, TopologySnapshot
from netsonde.observe import logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

log = logger("bus.topology")

_CHANGES = 2000
_ALIVE_INTERVAL = 30.0
_SNAPSHOT_TIMEOUT = 10.0
_SNAPSHOT_PART = 5000
_LATEST = 253_402_300_800_000
"""Unix ms of the year 10,000, which nothing after us can write as a date."""
_LATEST_NS = 2**63
"""Unix ns beyond what history keeps them in."""

_encoder = msgspec.msgpack.Encoder()
_batches = msgspec.msgpack.Decoder(TopologyBatch)
_snapshots = msgspec.msgpack.Decoder(TopologySnapshot)

SNAPSHOT = "snapshot"
GraphContent = Callable[[], tuple[Sequence[Node], Sequence[Edge]]]


def encode_batch(batch: TopologyBatch) -> bytes:
    return _encoder.encode(batch)


def decode_batch(data: bytes, host: str) -> TopologyBatch:
    """Raises WireError for bytes that are no batch of the agent of `host`, under whose name they came."""
    try:
        batch = _batches.decode(data)
    except msgspec.MsgspecError as bad:
        raise WireError(f"no topology batch: {bad}") from bad
    if batch.host != host:
        raise WireError(f"{host} published a batch of {batch.host}")
    if not 0 <= batch.at_ns < _LATEST_NS:
        raise WireError(f"a batch of {host} is from no time: {batch.at_ns}")
    _check([one.node if isinstance(one, NodeChange) else one.edge for one in batch.changes], host)
    return batch


def _check(elements: Sequence[Element], host: str) -> None:
    """Raise WireError unless the agent of `host` may say all this: an agent speaks for its own host only.

    One value that cannot be encoded again would keep everybody from the graph, and all hosts out of the history.
    """
    origin = f"agent.{host}"
    for one in elements:
        if one.origin != origin or one.host not in ("", host):
            raise WireError(f"{host} speaks of {one.id} for {one.origin} on {one.host}")
        numbers = (one.created_at, one.updated_at, one.deleted_at or 0, one.revision)
        if not all(0 <= number < _LATEST for number in numbers):
            raise WireError(f"{host} says of {one.id} what is no time, or no revision: {numbers}")
    flaw = flaw_in(one.metadata for one in elements)
    if flaw:
        raise WireError(f"{host} sends metadata that are no JSON: {flaw}")


class TopologyPublisher(SpooledPublisher):
    """An agent's side. `run` it in a task group; call `publish` in the turn of the loop that changed the graph.

    `content` returns the present nodes and edges: a snapshot is taken between two batches, hence `content` and
    `publish` have to agree: every change that `content` shows was published before.
    Start it when the probes have seen everything once: until then, followers keep what they knew of this host.
    """

    def __init__(self, bus: "Bus", host: str, directory: Path, content: GraphContent) -> None:
        super().__init__(bus, "topology", host, directory)
        self.host = host
        self.epoch = secrets.token_hex(8)
        self.sequence = 0
        self._content = content

    def publish(self, changes: list[Change], at_ns: int | None = None) -> None:
        """Publish changes that happened together; an empty list says that this agent is there."""
        at = time.time_ns() if at_ns is None else at_ns
        if len(changes) > _CHANGES:
            self._publish_halves(changes, at)
            return
        data = encode_batch(TopologyBatch(self.host, self.epoch, self.sequence + 1, at, changes))
        if len(data) > REPORT_BYTES and len(changes) > 1:
            self._publish_halves(changes, at)
            return
        self.sequence += 1
        self.offer(data)

    def _publish_halves(self, changes: list[Change], at_ns: int) -> None:
        middle = len(changes) // 2
        self.publish(changes[:middle], at_ns)
        # History orders by time and place in the batch: a nanosecond a change keeps the order over the cut.
        self.publish(changes[middle:], at_ns + middle)

    async def run(self) -> None:
        """Serve snapshots, announce this epoch, publish until cancelled."""
        responder = await self._bus.serve(self.host, SNAPSHOT, self._snapshot)
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, super().run(), "bus.topology.publish")
                spawn(group, self._stay_known(), "bus.topology.alive")
        finally:
            await self._bus.stop_serving(responder)

    async def _stay_known(self) -> None:
        """Publish an empty batch now and then: newcomers learn of this host, and a lost last batch is noticed."""
        while True:
            self.publish([])
            await asyncio.sleep(_ALIVE_INTERVAL)

    async def _snapshot(self, request: bytes) -> AsyncIterator[bytes]:
        nodes, edges = self._content()
        sequence = self.sequence
        for begin in range(0, max(len(nodes), 1), _SNAPSHOT_PART):
            part = list(nodes[begin : begin + _SNAPSHOT_PART])
            yield _encoder.encode(TopologySnapshot(self.host, self.epoch, sequence, part, []))
        for begin in range(0, len(edges), _SNAPSHOT_PART):
            part_of_edges = list(edges[begin : begin + _SNAPSHOT_PART])
            yield _encoder.encode(TopologySnapshot(self.host, self.epoch, sequence, [], part_of_edges))


async def fetch_snapshot(bus: "Bus", host: str, *, timeout: float = _SNAPSHOT_TIMEOUT) -> TopologySnapshot:
    """Ask the agent of `host` for its graph; SourceLost when it does not answer."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    part = None
    async with aclosing(bus.call(host, SNAPSHOT, b"", timeout=timeout)) as parts:
        async for data in parts:
            try:
                part = _snapshots.decode(data)
                _check([*part.nodes, *part.edges], host)
            except (msgspec.MsgspecError, WireError) as bad:
                raise SourceLost(f"{host} sent no snapshot: {bad}") from bad
            nodes += part.nodes
            edges += part.edges
    if part is None:
        raise SourceLost(f"{host} sent an empty snapshot")
    return TopologySnapshot(host, part.epoch, part.sequence, nodes, edges)


@dataclass(frozen=True, slots=True)
class LoggedBatches:
    """Batches in the order of the stream; `position` is that of the last one, to go on `after` it."""

    batches: list[TopologyBatch]
    position: int


class TopologyLog:
    """All hosts' batches from a position on, for a reader that stores how far it has come (history)."""

    def __init__(self, bus: "Bus", *, within: float = 1.0, most: int = 2000) -> None:
        self._bus = bus
        self._within = within
        self._most = most

    async def batches(self, after: int) -> AsyncGenerator[LoggedBatches, None]:
        """Yield what is stored after `after`, then what comes, gathered for up to `within` seconds.

        A position that the stream never had (it was made anew) means from its beginning.
        """
        delays = backoff(0.05, 5.0)
        position = after
        while True:
            try:
                async for found in self._life(position):
                    position = found.position
                    delays = backoff(0.05, 5.0)
                    yield found
            except (SourceLost, NotFound) as lost:
                log.debug("topology log interrupted", reason=str(lost))
                self._bus.forget_streams()
                await self._bus.wait_connected()
                await asyncio.sleep(next(delays))

    async def _life(self, after: int) -> AsyncGenerator[LoggedBatches, None]:
        jetstream = await self._bus.ensure_reports("topology")
        plan = STREAMS["topology"]
        if await jetstream.last_sequence(plan.name) < after:
            after = 0
        loop = asyncio.get_running_loop()
        pending: list[TopologyBatch] = []
        position = after
        deadline = loop.time() + self._within
        async with aclosing(deliveries(jetstream, plan.name, plan.subjects, after=after)) as reader:
            step = loop.create_task(_step(reader), name="bus.topology.log")
            try:
                while True:
                    done, _ = await asyncio.wait({step}, timeout=max(0.0, deadline - loop.time()))
                    if done:
                        delivery = step.result()
                        step = loop.create_task(_step(reader), name="bus.topology.log")
                        if delivery is not None:
                            position = delivery.sequence
                            self._keep(pending, delivery)
                    if pending and (len(pending) >= self._most or loop.time() >= deadline):
                        yield LoggedBatches(pending, position)
                        pending = []
                    if loop.time() >= deadline or not pending:
                        deadline = loop.time() + self._within
            finally:
                step.cancel()
                await asyncio.wait({step})

    def _keep(self, pending: list[TopologyBatch], delivery: Delivery) -> None:
        try:
            pending.append(decode_batch(delivery.data, host_of(delivery.subject)))
        except WireError as bad:
            self._bus.health.count("topology_refused")
            log.warning("a topology batch does not decode", reason=str(bad))


async def _step(reader: AsyncGenerator[Delivery | None, None]) -> Delivery | None:
    return await anext(reader)
