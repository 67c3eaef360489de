# SPDX-License-Identifier: Apache-2.0
"""What a query reads from: the live graph, flows, packets and metrics of agents, and history. All are Protocols."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netsonde.graph.reader import GraphReader
from netsonde.model.changes import ElementChange
from netsonde.model.elements import Json
from netsonde.model.flows import FlowAnswer, FlowPeriod, FlowRequest, PacketRequest, Talker
from netsonde.model.openflow import OpenFlowAnswer, OpenFlowRequest
from netsonde.model.topology import InterfaceMetric
from netsonde.query.kinds import Kind
from netsonde.query.remembered import Remembered


class FlowSource(Protocol):
    """The flow tables of the agents."""

    async def flows(self, request: FlowRequest) -> FlowAnswer: ...


class PacketSource(Protocol):
    """The packets that captures keep on the agents."""

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        """Return Arrow IPC streams of packets."""


class OpenFlowSource(Protocol):
    """The switches of the hosts."""

    async def openflow(self, request: OpenFlowRequest, hosts: Mapping[str, str]) -> OpenFlowAnswer:
        """Return the rules or groups of the request's nodes; `hosts` tells where each is."""


class MetricSource(Protocol):
    """The counters of interfaces."""

    async def interface_metrics(
        self, node_ids: Sequence[str], start_ms: int | None, last_ms: int | None
    ) -> Sequence[InterfaceMetric]:
        """Return the metrics of an interval (inclusive, Unix ms); the latest one of each node when it is None."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The elements of a past graph that a query looks at. A source may give others too; it must not leave out any."""

    kind: Kind = Kind.NODES
    id: str | None = None
    """The only one that is looked at; None = any."""
    texts: tuple[tuple[str, ...], ...] = ()
    """For each tuple, the JSON of the metadata of what is looked at contains at least one of its texts."""
    nothing: bool = False
    """The query does not look at the graph at all."""


class HistorySource(Protocol):
    """What was, at one time (`start_ms` equals `last_ms`) or over an interval; Unix ms, both ends included.

    A revision is valid from its `updated_at` until, exclusively, the next one or the deletion; an interval also
    shows what was deleted at its very start.
    """

    async def graph(self, start_ms: int, last_ms: int, wanted: Wanted | None = None) -> GraphReader:
        """Return what was; no edge in it leads to a node that is not there, unless only some elements are wanted."""

    async def changes(
        self, start_ms: int, last_ms: int, ids: Sequence[str] | None, limit: int
    ) -> Sequence[ElementChange]:
        """Return the changes after `start_ms` up to `last_ms`, of all elements or of some, oldest first."""

    async def difference(self, before_ms: int, after_ms: int, limit: int) -> Sequence[ElementChange]:
        """Return how what was at one time differs from what was at another."""

    async def top_talkers(self, start_ms: int, last_ms: int, limit: int) -> Sequence[Talker]:
        """Return the addresses with most traffic in the reports of an interval, the greatest first."""

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer: ...

    async def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> Sequence[bytes]: ...

    async def flow_periods(self, uuids: Sequence[str], start_ms: int, last_ms: int, limit: int) -> Sequence[FlowPeriod]:
        """Return what the reports of some flows counted in periods that lie in the interval, the oldest first."""


class WorkflowSource(Protocol):
    """The workflows that may be called, with the rights of whoever asks."""

    async def call(self, reference: str, arguments: Sequence[Json]) -> Json:
        """Return what a workflow (name or UUID) returns. Raises UserError when there is none, or when it fails."""


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
    workflows: WorkflowSource | None = None
    openflow: OpenFlowSource | None = None
    now_ms: Callable[[], int] = field(default=_unix_ms)
    remembered: Remembered = field(default_factory=Remembered)
    """JSON of the graph's nodes and edges."""


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
    """Packets asked of agents and history; 0 = whoever asks may not see any."""
    of_rules: int = 10_000
    """OpenFlow rules, or groups, asked of one bridge."""
    memory: int = 512 * 1024 * 1024
    """Bytes by which the process may grow while it computes this query."""
