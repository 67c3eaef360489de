# SPDX-License-Identifier: Apache-2.0
"""`Metrics`: the counters of interfaces and flows as series; `Sum` and `Count` of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.model.elements import Json, Metadata, Node
from netsonde.model.flows import FlowPeriod
from netsonde.model.topology import InterfaceMetric
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, did_you_mean, shown
from netsonde.query.flow_fields import Flow
from netsonde.query.kinds import Kind
from netsonde.query.predicates import number_of
from netsonde.query.rows import Rows, Series, members
from netsonde.query.steps._api import AnyStep, Building, Fetch, Operation
from netsonde.query.syntax import Call

_KINDS: Final = {
    "": ("LastUpdateMetric",),
    "SFlow": ("SFlow", "LastUpdateMetric"),
    "Ovs": ("Ovs", "LastUpdateMetric"),
}
RECENT_MS: Final = 300_000
"""How far before a point in time the last counters of an interface are looked for."""
_NOT_SUMMED: Final = frozenset({"Start", "Last", "RTT", "ConntrackEntries"})


@dataclass(frozen=True, slots=True)
class NodeMetrics(Fetch):
    """The counters of each node: from the stream of metrics, and what its metadata holds."""

    takes: Kind
    path: tuple[str, ...]

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        nodes = [cast("Node", member) for member in members(self.takes, rows)]
        points: dict[str, dict[Json, Metadata]] = {node.id: {} for node in nodes}
        for node in nodes:
            found = _member(node.metadata, self.path)
            if isinstance(found, dict) and _within(found, context):
                points[node.id].setdefault(found.get("Start"), found)
        if len(self.path) == 1:
            for metric in await _from_stream(nodes, context):
                points.get(metric.node_id, {})[metric.start_ms] = _wire(metric)
        return [_series(key, found.values()) for key, found in points.items() if found]

    def keys(self) -> Iterable[str]:
        return (".".join(self.path),)


COUNTERS: Final = frozenset({"Metric", "LastUpdateMetric"})
"""Keys of a node that stand for the counters of its interface, which are kept apart from its metadata."""


@dataclass(frozen=True, slots=True)
class WithCounters(Fetch):
    """Keep the nodes that have counters: in the stream of metrics, or in their metadata."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        nodes = cast("Sequence[Node]", rows)
        counted = {metric.node_id for metric in await _from_stream(nodes, context)}
        return [node for node in nodes if node.id in counted or not COUNTERS.isdisjoint(node.metadata)]

    def keys(self) -> Iterable[str]:
        return COUNTERS


@dataclass(frozen=True, slots=True)
class FlowMetrics(Fetch):
    """The counters of each flow: now those since its last report (or its beginning), in the past of every report."""

    async def fetch(self, rows: Rows, context: Context) -> Rows:
        flows = cast("Sequence[Flow]", rows)
        if context.slice is None or context.sources.history is None:
            return [Series(_uuid(flow), (found,)) for flow in flows if (found := _last_update(flow)) is not None]
        points: dict[str, list[Metadata]] = {_uuid(flow): [] for flow in flows}
        if not points:
            return ()
        # At a point in time everything up to it counts.
        start_ms = 0 if context.slice.is_point else context.slice.start_ms
        most = context.limits.flows
        periods = await context.sources.history.flow_periods(sorted(points), start_ms, context.slice.last_ms, most + 1)
        context.truncated = context.truncated or len(periods) > most
        for period in periods[:most]:
            points[period.uuid].append(_counted(period))
        return [_series(key, each) for key, each in points.items() if each]

    def keys(self) -> Iterable[str]:
        return ("UUID", "LastUpdateMetric", "Metric")


async def _from_stream(nodes: Sequence[Node], context: Context) -> Sequence[InterfaceMetric]:
    source = context.sources.metrics
    if source is None or not nodes:
        return ()
    ids, time = sorted({node.id for node in nodes}), context.slice
    if time is None:
        return await source.interface_metrics(ids, None, None)
    if not time.is_point:
        return await source.interface_metrics(ids, time.start_ms, time.last_ms)
    found = await source.interface_metrics(ids, max(0, time.last_ms - RECENT_MS), time.last_ms)
    latest = {metric.node_id: metric for metric in sorted(found, key=lambda metric: metric.last_ms)}
    return list(latest.values())


def _uuid(flow: Flow) -> str:
    return str(flow.get("UUID", ""))


def _last_update(flow: Flow) -> Metadata | None:
    found = flow.get("LastUpdateMetric") or flow.get("Metric")
    return found if isinstance(found, dict) else None


def _counted(period: FlowPeriod) -> Metadata:
    return {
        "ABPackets": period.ab_packets,
        "ABBytes": period.ab_bytes,
        "BAPackets": period.ba_packets,
        "BABytes": period.ba_bytes,
        "Start": period.start_ms,
        "Last": period.last_ms,
    }


@dataclass(frozen=True, slots=True)
class SumMetrics(Operation):
    """All series added up, field by field, or in one field."""

    field: str | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        points = [point for series in cast("Sequence[Series]", rows) for point in series.points]
        if self.field is not None:
            return (sum(number_of(point.get(self.field)) or 0 for point in points),)
        return (_total(points) if points else None,)


def _total(points: Sequence[Metadata]) -> Json:
    total: dict[str, Json] = {}
    for point in points:
        for name, value in point.items():
            number = number_of(value)
            if number is not None and name not in _NOT_SUMMED:
                total[name] = (number_of(total.get(name)) or 0) + number
    starts = [number for point in points if (number := number_of(point.get("Start"))) is not None]
    lasts = [number for point in points if (number := number_of(point.get("Last"))) is not None]
    return total | {"Start": min(starts, default=0), "Last": max(lasts, default=0)}


def _member(data: Json, path: Sequence[str]) -> Json:
    for key in path:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def _within(point: Metadata, context: Context) -> bool:
    if context.slice is None or context.slice.is_point:
        return True
    start, last = number_of(point.get("Start")), number_of(point.get("Last"))
    return start is not None and last is not None and context.slice.start_ms <= start and last <= context.slice.last_ms


def _wire(metric: InterfaceMetric) -> Metadata:
    counters: Metadata = {name: count for name, count in metric.counters.items() if count}
    return counters | {"Start": metric.start_ms, "Last": metric.last_ms}


def _series(key: str, points: Iterable[Metadata]) -> Series:
    return Series(key, tuple(sorted(points, key=lambda point: number_of(point.get("Start")) or 0)))


def build_metrics(call: Call, building: Building) -> AnyStep:
    """The counters of interfaces or flows, as series: `G.V().Has('Name', 'eth0').Metrics()`."""
    given = arguments.at_most(call, 1, "at most one kind of metric")
    kind = arguments.text_of(given[0]) if given else ""
    if building.takes is Kind.FLOWS:
        return FlowMetrics()
    if kind not in _KINDS:
        raise QueryError(
            f"there are no metrics of the kind {shown(kind)}",
            hint=did_you_mean(kind, _KINDS, "kinds are SFlow and Ovs"),
            span=given[0].span,
        )
    return NodeMetrics(building.takes, _KINDS[kind])


def build_sum(call: Call) -> Operation:
    """Return the operation for `Sum` of metrics."""
    given = arguments.at_most(call, 1, "at most one field in quotes")
    return SumMetrics(arguments.key_of(given[0]) if given else None)
