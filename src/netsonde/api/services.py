# SPDX-License-Identifier: Apache-2.0
"""What the API needs from the rest of the analyzer, as Protocols; `analyzer.py` passes the real ones.

Everything runs on one event loop. A method that may wait is async; the others answer from memory at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from netsonde.access.gate import Gate
from netsonde.api.inside import InsideApi
from netsonde.api.resources import Alerts, Captures, Checks, Declared, Injections, Rules, Unsubscribe, Workflows
from netsonde.api.settings import ApiSettings
from netsonde.graph.events import Event
from netsonde.model.elements import Edge, Element, Json, Node
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketAnswer, PacketRequest
from netsonde.model.presence import ComponentHealth, Presence
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView
from netsonde.model.topology import InterfaceMetric
from netsonde.query import Delta

T = TypeVar("T")


class GraphView(Protocol):
    """Part of `graph.reader.GraphReader` that the API reads."""

    def node(self, node_id: str) -> Node | None: ...
    def edge(self, edge_id: str) -> Edge | None: ...
    def nodes(self) -> Iterable[Node]: ...
    def edges(self) -> Iterable[Edge]: ...
    def node_count(self) -> int: ...
    def edge_count(self) -> int: ...


class LiveGraph(GraphView, Protocol):
    """The analyzer's merged graph (`graph.Graph` is one)."""

    def subscribe(self, listener: Callable[[Sequence[Event]], None]) -> Unsubscribe:
        """Call `listener` after each batch, in order, on the event loop; it must not block."""
        ...


class QueryResult(Protocol):
    """What a query gave."""

    @property
    def kind(self) -> str:
        """One of graph, nodes, edges, paths, value, flows, … as the planner names them."""
        ...

    def json(self, look: Callable[[], None], *, end: bytes) -> bytes:
        """Return the answer as JSON and `end` after it; calls `look` between pieces of a large one."""
        ...

    @property
    def graph(self) -> GraphView | None:
        """The sub-graph, for a result of kind graph."""
        ...

    @property
    def raw_packets(self) -> Sequence[bytes] | None:
        """Packet batches (Arrow IPC) for a result of RawPackets(), else None."""
        ...

    @property
    def missing_hosts(self) -> Sequence[str]:
        """Hosts that did not answer, whose flows are therefore missing."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether more flows existed than were looked at."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What else is missing, and why, for people."""
        ...


class QueryCheck(msgspec.Struct, frozen=True):
    """What the planner knows of a query without running it."""

    kind: str
    local: bool
    """Whether agents can judge it alone, as a standing query."""
    reason: str = ""
    """Why it is not local."""
    calls_workflow: bool = False
    """Whether to run it may change something."""


class ClientGone(Exception):
    """The client hung up while it waited; there is nobody to tell."""


class CalledWorkflows(Protocol):
    """Workflows that run with the rights of whoever asks a query."""

    async def call(self, reference: str, arguments: Sequence[Json]) -> Json:
        """Return what a workflow (name or UUID) returns. Raises UserError."""
        ...


class Queries(Protocol):
    """The query engine over the live graph, flows and history."""

    async def run(self, text: str, bindings: Mapping[str, Json] | None = None) -> QueryResult:
        """Raises UserError with a span for any mistake and limit, Busy when too many long queries wait already."""
        ...

    async def answer(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Callable[[QueryResult, Callable[[], None]], T],
        *,
        client: str,
        gone: Callable[[], Awaitable[None]],
        packets: bool,
        workflows: CalledWorkflows | None,
    ) -> T:
        """Return what `into` makes of the result; it may run in a thread, and calls its second argument often.

        `client` is whom the queue of long queries treats as one; `gone` raises when the client has hung up, which
        ends the query; `packets` is whether it may see what is in packets, else NotAllowed; `workflows` are those
        that it may call. Raises as `run` does.
        """
        ...

    async def explain(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        *,
        profile: bool,
        client: str,
        gone: Callable[[], Awaitable[None]],
        packets: bool,
    ) -> Mapping[str, Json]:
        """Return Gives, Reads, Steps, and Reason, Hint, Span when it finds nothing; with `profile` what it cost."""
        ...

    def check(self, text: str) -> QueryCheck:
        """Parse only; raises UserError with a span."""
        ...


class FollowedFilter(Protocol):
    """What a filter shows of the live graph, from event to event (`query.FollowedView` is one)."""

    def fill(self) -> Iterator[None]:
        """Take in the graph, with pauses in which events are fed already.

        Raises UserError for a filter that costs too much.
        """
        ...

    def elements(self) -> Iterable[Element]:
        """Return what is shown now, nodes first."""
        ...

    def update(self, events: Sequence[Event]) -> Sequence[Delta]:
        """Follow the events of one batch; by the order of the deltas no edge is ever without its ends."""
        ...


class Filters(Protocol):
    """Filters of subscriptions: queries that give a part of the live graph."""

    def whole(self, text: str) -> bool:
        """Tell whether a filter lets everything through. Raises UserError for a mistake."""
        ...

    def follow(self, text: str) -> FollowedFilter | None:
        """Return what follows a filter, to be filled; None when it has to be asked anew at changes."""
        ...

    def interest(self, text: str) -> Callable[[Event], bool]:
        """Return the test of events after which asking anew can give something else."""
        ...


class Packets(Protocol):
    """Packets that captures keep: on agents while they live, and in history. Batches are Arrow IPC streams."""

    async def packets(self, request: PacketRequest) -> PacketAnswer: ...

    def follow(self, request: PacketRequest) -> AsyncIterator[Sequence[bytes]]:
        """Yield what is kept, then what arrives, until the caller stops; an empty yield means "still nothing"."""
        ...

    def to_pcapng(self, batches: Sequence[bytes], comment: str) -> bytes:
        """Merge batches in time order into one pcapng section with one interface block per node."""
        ...

    def describe(self, batch: bytes) -> Sequence[Mapping[str, Json]]:
        """Decode each packet of a batch to Number, Time (ns), Source, Destination, Protocol, Info, Length."""
        ...


class Flows(Protocol):
    """Flows of agents and of history, in the JSON shape of the reference."""

    async def flows(self, request: FlowRequest) -> FlowAnswer: ...

    def subscribe(self, listener: Callable[[Sequence[Mapping[str, Json]]], None]) -> Unsubscribe:
        """Call `listener` with each batch of flow reports; nothing is decoded while nobody listens."""
        ...


class InterfaceMetrics(Protocol):
    """Counters of interfaces over time."""

    async def node_metrics(self, node_id: str, *, since_ms: int) -> Sequence[InterfaceMetric]:
        """Return the intervals that end after `since_ms`, oldest first."""
        ...


class PcapSummary(msgspec.Struct, frozen=True):
    """What was read from an imported packet file. Times are Unix ms, 0 when it holds no packet."""

    capture_id: str
    """CaptureID under which its flows can be queried."""
    packets: int
    flows: int
    start_ms: int
    last_ms: int
    damage: str = ""
    """Where and why reading stopped before the end of the file, "" for a sound file."""


class PcapImport(Protocol):
    """Meters a packet file into history."""

    async def import_file(self, path: Path) -> PcapSummary:
        """Raises UserError when it is no pcap or pcapng file at all."""
        ...


class Status(Protocol):
    """What is known of the processes."""

    def presences(self) -> Sequence[Presence]:
        """Return every agent and analyzer on the bus, this one included."""
        ...

    def clock_ahead_ms(self, one: Presence) -> int | None:
        """Return by how much the clock of a process is ahead of this one's, negative = behind; None = not known."""
        ...

    def components(self) -> Sequence[ComponentHealth]:
        """Return the parts of this process with state, reason, since when."""
        ...

    def is_captures_master(self) -> bool:
        """Tell whether this analyzer holds the lease for captures that agents cannot judge alone."""
        ...

    def not_ready(self) -> Sequence[str]:
        """Return what is still missing for the topology to be in and captures to work; empty = ready."""
        ...

    def setting(self, key: str) -> Json:
        """Return a setting or a table of them by dotted path, secrets left out; None when it is not set."""
        ...

    def metrics(self) -> bytes:
        """Return the metrics of this process in Prometheus' text format."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the API serves from."""

    host: str
    """Host id of this analyzer."""
    settings: ApiSettings
    gate: Gate
    """Who may do what."""
    graph: LiveGraph
    graph_json: Callable[[], Awaitable[bytes]]
    """Return the live graph of one moment as `{"Nodes":[…],"Edges":[…]}`; raises Busy as a query does."""
    queries: Queries
    filters: Filters
    captures: Captures
    checks: Checks
    alerts: Alerts
    injections: Injections
    workflows: Workflows
    inside: InsideApi
    """Whoever asks from inside this process; told of the application when that is made."""
    declared: Declared
    node_rules: Rules[NodeRule, NodeRuleView]
    edge_rules: Rules[EdgeRule, EdgeRuleView]
    packets: Packets
    flows: Flows
    interface_metrics: InterfaceMetrics
    pcap: PcapImport
    status: Status
    page: Path
    """Directory of the built page; it may be missing."""
    now_ms: Callable[[], int]
