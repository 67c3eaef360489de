# SPDX-License-Identifier: Apache-2.0
"""What alerts meet: queries on a real graph, receivers that remember, stores in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netsonde.aio.clock import Clock
from netsonde.alerts.service import AlertService
from netsonde.alerts.settings import AlertSettings
from netsonde.errors import SourceLost, UserError
from netsonde.graph import Batch, Graph, SnapshotGraph
from netsonde.model.alerts import Alert, Transition
from netsonde.model.changes import ElementChange
from netsonde.model.elements import Json
from netsonde.model.flows import FlowAnswer, FlowPeriod, FlowRequest, PacketRequest, Talker
from netsonde.model.notices import Notice
from netsonde.observe import Health
from netsonde.query import Limits, Result, Sources, Wanted, parse, run
from unit.captures.fakes import FakeLease, FakeStore

T = TypeVar("T")

QUICK = AlertSettings(pace=0.001, flow_interval=0.001, settle=0.0, max_alerts=3)


@dataclass
class PastGraphs:
    """History whose graph at a moment is what `at` returns."""

    at: Callable[[int], SnapshotGraph]

    async def graph(self, start_ms: int, last_ms: int, wanted: Wanted | None = None) -> SnapshotGraph:
        return self.at(last_ms)

    async def changes(
        self, start_ms: int, last_ms: int, ids: Sequence[str] | None, limit: int
    ) -> Sequence[ElementChange]:
        return []

    async def difference(self, before_ms: int, after_ms: int, limit: int) -> Sequence[ElementChange]:
        return []

    async def top_talkers(self, start_ms: int, last_ms: int, limit: int) -> Sequence[Talker]:
        return []

    async def flows(self, request: FlowRequest, start_ms: int, last_ms: int) -> FlowAnswer:
        return FlowAnswer([])

    async def packets(self, request: PacketRequest, start_ms: int, last_ms: int) -> Sequence[bytes]:
        return []

    async def flow_periods(self, uuids: Sequence[str], start_ms: int, last_ms: int, limit: int) -> Sequence[FlowPeriod]:
        return []


@dataclass
class FakeFlowTables:
    """Flows of agents."""

    found: list[dict[str, Json]] = field(default_factory=list)

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        return FlowAnswer([*self.found])


@dataclass
class GraphQueries:
    """Runs queries on a graph at once; `away` makes them fail."""

    graph: Graph
    history: PastGraphs | None = None
    flows: FakeFlowTables = field(default_factory=FakeFlowTables)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def answer(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Callable[[Result, Callable[[], None]], T],
        *,
        client: str = "",
        packets: bool = True,
    ) -> T:
        self.asked.append(text)
        if self.away:
            raise SourceLost("no agent answers")
        sources = Sources(self.graph, flows=self.flows, history=self.history)
        limits = Limits() if packets else Limits(packets=0)
        return into(await run(parse(text, bindings), sources, limits), lambda: None)


@dataclass
class FakeNotifier:
    """Remembers notices; posts one of the same id once."""

    posted: dict[str, Notice] = field(default_factory=dict)
    repeated: list[Notice] = field(default_factory=list)
    away: bool = False
    silent: set[str] = field(default_factory=set)
    """Receivers that do not answer when they are told again."""

    def check(self, action: str) -> None:
        if not action.startswith(("http://", "alertmanager+http://", "workflow:")):
            raise UserError(f"Action {action!r} is not understood")

    async def post(self, notice: Notice) -> None:
        if self.away:
            raise SourceLost("the bus is away")
        self.posted.setdefault(notice.id, notice)

    def repeats(self, action: str) -> bool:
        return action.startswith("alertmanager+")

    async def repeat(self, notice: Notice) -> bool:
        self.repeated.append(notice)
        return notice.action not in self.silent

    def undelivered(self, source: str) -> Sequence[str]:
        return []

    @property
    def states(self) -> list[str]:
        return [notice.message.state for notice in self.posted.values()]


@dataclass
class FakeScripts:
    """Gives one value to every expression."""

    value: Json = None
    wrong: str = ""
    crash: Exception | None = None

    async def check(self, expression: str) -> None:
        if self.wrong:
            raise UserError(self.wrong)

    async def evaluate(self, expression: str) -> Json:
        if self.crash is not None:
            raise self.crash
        return self.value


@dataclass
class Held:
    """An alert service over all of these."""

    graph: Graph
    clock: Clock = field(default_factory=Clock)
    settings: AlertSettings = QUICK
    definitions: FakeStore[Alert] = field(default_factory=FakeStore)
    history: FakeStore[Transition] = field(default_factory=FakeStore)
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    scripts: FakeScripts | None = None
    lease: FakeLease = field(default_factory=FakeLease)
    health: Health = field(default_factory=lambda: Health("alerts"))
    ready: bool = True
    past: PastGraphs | None = None
    resend: float = 60.0

    def __post_init__(self) -> None:
        self.queries = GraphQueries(self.graph, self.past)

    def service(self) -> AlertService:
        return AlertService(
            self.graph,
            self.definitions,
            self.history,
            queries=self.queries,
            notifier=self.notifier,
            lease=self.lease,
            settings=self.settings,
            counters=self.health,
            is_ready=lambda: self.ready,
            scripts=self.scripts,
            resend=self.resend,
            clock=self.clock,
        )

    def put(self, node_id: str, **metadata: Any) -> None:
        batch = Batch()
        batch.put_node(node_id, "test", {"Name": node_id, **metadata})
        self.graph.apply(batch)

    def drop(self, node_id: str) -> None:
        batch = Batch()
        batch.delete_node(node_id)
        self.graph.apply(batch)


def new_graph() -> Graph:
    return Graph("a1", "analyzer.a1", Clock().now_ms)
