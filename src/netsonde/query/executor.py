# SPDX-License-Identifier: Apache-2.0
"""Runs plans, step by step, left to right, within limits.

One query sees one state of the graph. A query that only reads the graph is attempted at once, on the event loop, for
some milliseconds; most are done by then. What takes longer, or waits for sources, begins anew at a place of its own: a
frozen graph, and a thread for its steps (`workers`). Without workers everything runs where it is called.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final, TypeVar

from netsonde.errors import UserError
from netsonde.graph.index import NotIndexed
from netsonde.graph.indexed import IndexedElements
from netsonde.graph.reader import GraphReader
from netsonde.query.context import Context
from netsonde.query.errors import LimitReached, QueryError, with_text
from netsonde.query.kinds import Kind
from netsonde.query.plan import Plan, PlannedStep
from netsonde.query.result import Result
from netsonde.query.rows import Rows
from netsonde.query.sources import Limits, Sources
from netsonde.query.steps._api import Fetch
from netsonde.query.steps.graph_sources import Elements
from netsonde.query.workers import Place

T = TypeVar("T")

_DEFAULT = Limits()
_ATTEMPT: Final = 0.004
"""Seconds of the event loop that a query may take; three times the usual one."""
_FEW: Final = 5_000
"""Rows that any step handles within some milliseconds, also one that does not look at the clock."""
_GRACE: Final = 0.25
"""Seconds after the limit in which a thread looks at the clock and says itself what it has met."""


class TooLong(Exception):
    """An attempt on the event loop takes too long."""


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one step of a run gave, and how long it took."""

    step: PlannedStep
    rows: int
    seconds: float


async def run(plan: Plan, sources: Sources, limits: Limits = _DEFAULT) -> Result:
    """Return what the query gives, computed here. Raises QueryError, or LimitReached when it costs too much."""
    context = Context(graph=sources.graph, sources=sources, limits=limits)
    return result_of(plan, await follow(plan, context), context)


def attempt(plan: Plan, sources: Sources, limits: Limits = _DEFAULT) -> Result | None:
    """Return what a query gives if it takes only some milliseconds and waits for nothing, else None."""
    if any(isinstance(step.operation, Fetch) for step in plan.pipeline) or _begins_with_many(plan, sources.graph):
        return None
    context = Context(graph=sources.graph, sources=sources, limits=limits)
    context.beat = partial(_be_quick, context, context.clock() + _ATTEMPT)
    rows: Rows = ()
    graph = sources.graph
    try:
        with graph.hurried() if isinstance(graph, IndexedElements) else nullcontext():
            for step in plan.pipeline:
                if len(rows) > _FEW:
                    return None
                rows = _apply(step, rows, context)
    except (TooLong, NotIndexed):
        return None
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__
    return result_of(plan, rows, context)


def _begins_with_many(plan: Plan, graph: GraphReader) -> bool:
    first = plan.pipeline[0].operation if plan.pipeline else None
    if not isinstance(first, Elements) or first.id is not None:
        return False
    return (graph.node_count() if first.kind is Kind.NODES else graph.edge_count()) > _FEW


def _be_quick(context: Context, end: float) -> None:
    if context.clock() > end:
        raise TooLong


def at_place(place: Place, sources: Sources, limits: Limits) -> Context:
    """Return the context of a query that runs at a place, on the graph as it is now."""
    return Context(graph=place.freeze(sources.graph), sources=sources, limits=limits, computes=place.compute)


async def follow(plan: Plan, context: Context, costs: list[StepCost] | None = None) -> Rows:
    """Return the rows after the last step; `costs` gets what each step cost. Raises QueryError."""
    rows: Rows = ()
    try:
        for is_fetch, steps in groupby(plan.pipeline, lambda step: isinstance(step.operation, Fetch)):
            for some in ([step] for step in steps) if is_fetch else [list(steps)]:
                if is_fetch:
                    rows = await fetched(some[0], rows, context, costs)
                else:
                    rows = await computed(context, partial(apply_all, some, rows, context, costs))
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__
    return rows


async def computed(context: Context, work: Callable[[], T]) -> T:
    """Return what `work` returns, computed where the context computes. Raises LimitReached when it does not end."""
    try:
        async with asyncio.timeout(_left(context) + _GRACE) as timeout:
            return await context.apart(work)
    except TimeoutError as e:
        if not timeout.expired():
            raise
        raise context.out_of_time() from e


async def fetched(step: PlannedStep, rows: Rows, context: Context, costs: list[StepCost] | None = None) -> Rows:
    """Return what a step gives that waits. Raises QueryError, or LimitReached when its sources take too long."""
    operation = step.operation
    if not isinstance(operation, Fetch):
        raise TypeError(f"{step.name} does not wait")
    began = context.clock()
    try:
        async with asyncio.timeout(_left(context)) as timeout:
            rows = _checked(step, await operation.fetch(rows, context), context)
    except LimitReached as e:
        e.span = e.span or step.span
        raise
    except TimeoutError as e:
        if not timeout.expired():
            raise
        raise LimitReached(
            f"the query took more than {context.limits.seconds:g} s, waiting for its sources",
            hint="ask for fewer flows or a shorter time",
            span=step.span,
        ) from e
    if costs is not None:
        costs.append(StepCost(step, len(rows), context.clock() - began))
    return rows


def apply_all(steps: Iterable[PlannedStep], rows: Rows, context: Context, costs: list[StepCost] | None = None) -> Rows:
    """Return what some steps give that wait for nothing."""
    for step in steps:
        began = context.clock()
        rows = _apply(step, rows, context)
        if costs is not None:
            costs.append(StepCost(step, len(rows), context.clock() - began))
    return rows


def evaluate(plan: Plan, graph: GraphReader, limits: Limits = _DEFAULT) -> Rows:
    """Return the rows of a query that reads only the graph, at once. Raises QueryError."""
    context = Context(graph=graph, sources=Sources(graph), limits=limits)
    rows: Rows = ()
    try:
        for step in plan.pipeline:
            if isinstance(step.operation, Fetch):
                raise QueryError(f"{step.name} cannot be answered from the graph alone", span=step.span)
            rows = _apply(step, rows, context)
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__
    return rows


def result_of(plan: Plan, rows: Rows, context: Context) -> Result:
    """Return the rows of a run as its result."""
    return Result(
        kind=plan.kind,
        rows=rows,
        graph=context.graph if plan.kind is Kind.GRAPH else None,
        missing_hosts=tuple(sorted(context.missing_hosts)),
        truncated=context.truncated,
        notes=tuple(dict.fromkeys(context.notes)),
        remembered=context.sources.remembered if _is_all_nodes(plan, rows) or _is_all(plan) else None,
    )


def _is_all_nodes(plan: Plan, rows: Rows) -> bool:
    """Tell whether the rows are the nodes of the live graph, without further ado."""
    operation = plan.pipeline[-1].operation if len(plan.pipeline) == 1 else None
    return isinstance(operation, Elements) and operation.kind is Kind.NODES and len(rows) > _FEW


def _is_all(plan: Plan) -> bool:
    """Tell whether the query is the live graph, `G`."""
    return plan.kind is Kind.GRAPH and not plan.pipeline


def _left(context: Context) -> float:
    return max(0.0, context.deadline - context.clock())


def _apply(step: PlannedStep, rows: Rows, context: Context) -> Rows:
    operation = step.operation
    if isinstance(operation, Fetch):
        raise TypeError(f"{step.name} waits")
    try:
        return _checked(step, operation.apply(rows, context), context)
    except LimitReached as e:
        e.span = e.span or step.span
        raise


def _checked(step: PlannedStep, rows: Rows, context: Context) -> Rows:
    counted: Sequence[object] = rows
    context.check(len(counted))
    return rows
