# SPDX-License-Identifier: Apache-2.0
"""What agents publish, on its way into history: taken off the bus, stored, acknowledged, shown to subscribers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from netsonde.aio import spawn
from netsonde.aio.tasks import HealthSink
from netsonde.analyzer.flows import FlowService
from netsonde.analyzer.recorded import RecordedTopology
from netsonde.bus.connection import Bus
from netsonde.bus.lease import Lease
from netsonde.bus.reports import ReportConsumer
from netsonde.bus.subjects import ReportKind
from netsonde.bus.topology import TopologyLog, fetch_snapshot
from netsonde.declared import DeclaredElements
from netsonde.graph import Graph
from netsonde.history.history import History
from netsonde.history.recording import metrics_writer, record_reports, record_topology

Write = Callable[[Sequence[bytes]], Awaitable[None]]


class Intake:
    """Consumes every stream until cancelled. Without a history, reports are shown and let go."""

    def __init__(
        self,
        bus: Bus,
        graph: Graph,
        declared: DeclaredElements,
        history: History | None,
        flows: FlowService,
        *,
        holder: str,
    ) -> None:
        self._bus = bus
        self._graph = graph
        self._declared = declared
        self._history = history
        self._flows = flows
        self._lease = Lease(bus, "history-topology", holder)

    async def run(self, health: HealthSink) -> None:
        health.running()
        async with asyncio.TaskGroup() as group:
            for kind, write in self._writers().items():
                spawn(group, record_reports(ReportConsumer(self._bus, kind), write), f"record.{kind}")
            if self._history is not None:
                spawn(group, self._lease.run(self._record_topology), "record.topology")

    def _writers(self) -> dict[ReportKind, Write]:
        history = self._history
        if history is None:
            return {"flows": self._write_flows, "metrics": _let_go, "packets": _let_go}
        return {
            "flows": self._write_flows,
            "metrics": metrics_writer(history, history.health),
            "packets": history.write_packets,
        }

    async def _write_flows(self, payloads: Sequence[bytes]) -> None:
        if self._history is not None:
            await self._history.write_flows(payloads)
        self._flows.publish(payloads)

    async def _record_topology(self) -> None:
        assert self._history is not None
        log, bus = TopologyLog(self._bus), self._bus
        topology = RecordedTopology(log, lambda host: fetch_snapshot(bus, host), self._graph, self._declared)
        await record_topology(self._history, topology, topology.fetch)


async def _let_go(payloads: Sequence[bytes]) -> None:
    """Acknowledge reports that nobody keeps, so that the bus does not fill up with them."""
