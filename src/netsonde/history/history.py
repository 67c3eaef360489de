# SPDX-License-Identifier: Apache-2.0
"""History for the rest of the program: everything is asked and written through `History`, on the loop.

Writes run one after the other in a thread; reads run beside them in threads of their own, so a long one holds up no
write. A write returns when its rows are in the database's files: then it may be acknowledged on the bus. kill -9 of the
process loses nothing that was written; what was not acknowledged comes again, and rows are idempotent.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from netsonde.errors import SourceLost, WireError
from netsonde.flows.records import flow_dicts
from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history import past
from netsonde.history.batches import to_stream
from netsonde.history.database import Database
from netsonde.history.flow_periods import read_flow_periods
from netsonde.history.schema import migrate
from netsonde.history.settings import HistorySettings
from netsonde.history.topology import TopologyStore
from netsonde.history.traffic import TrafficReader, TrafficStore, Written
from netsonde.history.workers import Beside, Readers, Worker
from netsonde.model.changes import ElementChange
from netsonde.model.flows import FlowAnswer, FlowPeriod, FlowRequest, PacketRequest, Talker
from netsonde.model.topology import InterfaceMetric, TopologyBatch, TopologySnapshot
from netsonde.observe import Health, logger
from netsonde.query import Wanted

R = TypeVar("R")
log = logger("history")

READERS: Final = 2
"""Statements that read at once; each may take `memory_mib`."""


class History:
    """Implements HistorySource and MetricSource of `netsonde.query`. Raises SourceLost while the database is away."""

    def __init__(self, settings: HistorySettings, directory: Path, health: Health) -> None:
        self._settings = settings
        self._directory = directory
        self.health = health
        self._worker = Worker()
        self._database: Database | None = None
        self._topology: TopologyStore | None = None
        self._traffic: TrafficStore | None = None
        self._readers: Readers | None = None
        self._beside: Beside | None = None

    @classmethod
    async def open(cls, settings: HistorySettings, directory: Path, health: Health | None = None) -> "History":
        """Open the database in `directory`, or at `settings.url`, and bring its tables up to date.

        Raises UserError when another process owns the directory, SourceLost when the server does not answer.
        """
        history = cls(settings, directory, health or Health("history"))
        try:
            await history._worker.run(history._open)
        except BaseException as failed:
            history.health.failed(str(failed))
            history._worker.shutdown()
            raise
        history.health.running(settings.url or f"in {directory}")
        return history

    def _open(self) -> None:
        with ExitStack() as opened:
            database = Database.open(self._settings, self._directory)
            opened.callback(database.close)
            migrate(database, self._settings)
            topology = TopologyStore(database, self._settings.keyframe_ms)
            topology.load()
            traffic = TrafficStore(database)
            opened.callback(traffic.close)
            if not self._settings.url and min(self._settings.threads, len(os.sched_getaffinity(0))) > 1:
                self._beside = Beside(database.another())
                opened.callback(self._beside.close)
            self._readers = Readers(database.others(READERS))
            opened.pop_all()
        self._database, self._topology, self._traffic = database, topology, traffic

    async def close(self) -> None:
        """Finish what was asked for and close; what was written stays."""

        def close() -> None:
            if self._readers is not None:
                self._readers.close()
            if self._beside is not None:
                self._beside.close()
            if self._traffic is not None:
                self._traffic.close()
            if self._database is not None:
                self._database.close()
            self._database = self._topology = self._traffic = self._readers = self._beside = None

        await self._worker.run(close)
        self._worker.shutdown()
        self.health.stopped()

    # Topology

    @property
    def topology_position(self) -> int:
        """How far the topology stream of the bus is recorded: go on after it."""
        return self._topo.position

    @property
    def unsettled(self) -> list[str]:
        """Publishers whose snapshot is to be written, since they began anew or batches of theirs were lost."""
        return self._topo.revisions.unsettled

    async def reload_topology(self) -> None:
        """Read what is recorded anew: another analyzer wrote before this one took over."""
        await self._run(self._topo.load)

    async def write_changes(self, batches: Sequence[TopologyBatch], position: int | None = None) -> list[str]:
        """Record batches in their order; returns the publishers whose snapshot is to be written next.

        `position` is that of the last batch in the topology stream. What is recorded already adds nothing, so a
        publisher that says everything again after its restart makes no new revisions.
        """
        at = self._topo.position if position is None else position
        await self._run(lambda: self._topo.write_batches(list(batches), at))
        self.health.count("topology_batches", len(batches))
        if self._topo.refused:
            self.health.gauge("topology_rows_refused", self._topo.refused)
        return self.unsettled

    async def write_snapshot(self, snapshot: TopologySnapshot) -> None:
        """Record what differs from a publisher's whole graph; what it lacks ends now."""
        await self._run(lambda: self._topo.write_snapshot(snapshot))
        self.health.count("topology_snapshots")

    async def write_gone(self, host: str) -> None:
        """Record that a publisher went away, and with it all that it published."""
        await self._run(lambda: self._topo.write_gone(host))

    async def graph(self, start_ms: int, last_ms: int, wanted: Wanted | None = None) -> SnapshotGraph:
        """Return what was at a time (both equal) or in an interval.

        At a time t a revision is visible from its `updated_at` until, exclusively, the next one or the deletion. In
        an interval every revision that held at any moment of it is visible, both ends included; so is what was
        deleted at its very start.
        """
        return await self._read(lambda database: past.graph(database, start_ms, last_ms, wanted))

    async def changes(
        self, start_ms: int, last_ms: int, ids: Sequence[str] | None = None, limit: int = 10_000
    ) -> list[ElementChange]:
        """Return the changes after `start_ms` up to `last_ms`, of all elements or of some, oldest first."""
        return await self._read(lambda database: past.changes(database, start_ms, last_ms, ids, limit))

    async def difference(self, before_ms: int, after_ms: int, limit: int = 10_000) -> list[ElementChange]:
        """Return how what was at one time differs from what was at another."""
        return await self._read(lambda database: past.difference(database, before_ms, after_ms, limit))

    # Traffic

    async def write_flows(self, streams: Sequence[bytes]) -> None:
        """Record Arrow streams of flow reports. What is no such stream is counted and left out."""
        self._count("flow", await self._insert(self._flow.write_flows, streams))

    async def write_packets(self, streams: Sequence[bytes]) -> None:
        """Record Arrow streams of packets."""
        self._count("packet", await self._insert(self._flow.write_packets, streams))

    async def _insert(self, write: Callable[[Sequence[bytes]], Written], streams: Sequence[bytes]) -> Written:
        """Insert streams together; when the engine refuses that, one by one, so that one cannot hold up the rest."""
        try:
            return await self._run(lambda: write(streams))
        except WireError as refused:
            if len(streams) > 1:
                parts = [await self._insert(write, [stream]) for stream in streams]
                return Written(sum(part.rows for part in parts), sum(part.refused for part in parts))
            log.error("a batch is refused", reason=str(refused)[:500])
            return Written(0, 1)

    def _count(self, what: str, written: Written) -> None:
        self.health.count(f"{what}_rows", written.rows)
        self._count_refused(f"{what}_batches_refused", written.refused)

    def _count_refused(self, counter: str, refused: int) -> None:
        if refused:
            self.health.count(counter, refused)
            log.warning("history refused what it was given", counter=counter, count=refused)

    async def write_metrics(self, metrics: Sequence[InterfaceMetric]) -> None:
        """Record counters of interfaces."""
        if metrics:
            refused = await self._run(lambda: self._flow.write_metrics(metrics))
            self.health.count("metric_rows", len(metrics) - refused)
            self._count_refused("metric_rows_refused", refused)

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer:
        """Return the flows that had packets in an interval, in their last state."""

        def read(database: Database) -> FlowAnswer:
            table, truncated = TrafficReader(database, self._beside).flows(request, start_ms, last_ms)
            return FlowAnswer(flow_dicts([to_stream(table)]), truncated=truncated)

        return await self._read(read)

    async def top_talkers(self, start_ms: int, last_ms: int, limit: int) -> list[Talker]:
        """Return the addresses with most traffic in the reports of an interval, the greatest first."""
        return await self._read(lambda database: TrafficReader(database).top_talkers(start_ms, last_ms, limit))

    async def flow_periods(self, uuids: Sequence[str], start_ms: int, last_ms: int, limit: int) -> list[FlowPeriod]:
        """Return what the reports of some flows counted in periods that lie in an interval, the oldest first."""
        return await self._read(lambda database: read_flow_periods(database, uuids, start_ms, last_ms, limit))

    async def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> Sequence[bytes]:
        """Return kept packets of an interval as Arrow IPC streams."""
        return await self._read(
            lambda database: [to_stream(TrafficReader(database).packets(request, start_ms, last_ms))]
        )

    async def interface_metrics(
        self, node_ids: Sequence[str], start_ms: int | None, last_ms: int | None, *, limit: int = 100_000
    ) -> list[InterfaceMetric]:
        """Return counters of an interval, oldest first; the latest of each node when it is None."""
        if start_ms is None or last_ms is None:
            return await self._read(lambda database: TrafficReader(database).latest_metrics(node_ids))
        return await self._read(lambda database: TrafficReader(database).metrics(node_ids, start_ms, last_ms, limit))

    # Inside

    @property
    def _topo(self) -> TopologyStore:
        if self._topology is None:
            raise SourceLost("history is closed")
        return self._topology

    @property
    def _flow(self) -> TrafficStore:
        if self._traffic is None:
            raise SourceLost("history is closed")
        return self._traffic

    async def _run(self, work: Callable[[], R]) -> R:
        with self._watched():
            return await self._worker.run(work)

    async def _read(self, work: Callable[[Database], R]) -> R:
        if self._readers is None:
            raise SourceLost("history is closed")
        with self._watched():
            return await self._readers.run(work)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Let the health tell whether the database answers."""
        try:
            yield
        except SourceLost as lost:
            self.health.failed(str(lost))
            raise
        if self.health.state == "failed":
            self.health.running(self._settings.url or f"in {self._directory}")
