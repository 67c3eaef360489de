# SPDX-License-Identifier: Apache-2.0
"""What a query reads from: the live graph, flows, packets and metrics of agents, and history. All are Protocols."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netsonde.graph.reader import GraphReader
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketRequest
from netsonde.model.topology import InterfaceMetric


class FlowSource(Protocol):
    """The flow tables of the agents."""

    async def flows(self, request: FlowRequest) -> FlowAnswer: ...


class PacketSource(Protocol):
    """The packets that captures keep on the agents."""

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        """Return Arrow IPC streams of packets."""


class MetricSource(Protocol):
    """The counters of interfaces."""

    async def interface_metrics(
        self, node_ids: Sequence[str], start_ms: int | None, last_ms: int | None
    ) -> Sequence[InterfaceMetric]:
        """Return the metrics of an interval (inclusive, Unix ms); the latest one of each node when it is None."""


class HistorySource(Protocol):
    """What was, at one time (`start_ms` equals `last_ms`) or over an interval; Unix ms, both ends included.

    A revision is valid from its `updated_at` until, exclusively, the next one or the deletion; an interval also
    shows what was deleted at its very start.
    """

    async def graph(self, start_ms: int, last_ms: int) -> GraphReader: ...

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer: ...

    async def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> Sequence[bytes]: ...


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where one query gets its data; None = not available here."""

    graph: GraphReader
    flows: FlowSource | None = None
    history: HistorySource | None = None
    packets: PacketSource | None = None
    metrics: MetricSource | None = None
    now_ms: Callable[[], int] = field(default=_unix_ms)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost; beyond it ends with an error that says which limit it met."""

    seconds: float = 5.0
    """Computing time and waiting for sources, together."""
    rows: int = 1_000_000
    """Items that any one step may give."""
    flows: int = 100_000
    """Flows asked of agents and history."""
    packets: int = 10_000
    """Packets asked of agents and history."""
    memory: int = 512 * 1024 * 1024
    """Bytes by which the process may grow while it computes this query."""
