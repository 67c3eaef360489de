# SPDX-License-Identifier: Apache-2.0
"""Runs plans, step by step, left to right, within limits.

Steps that only read the graph run without a pause, so they all see one state of it. A step that waits (history, agents)
lets the graph move on: what follows sees one later state.
"""

import asyncio
from collections.abc import Sequence

from netsonde.errors import UserError
from netsonde.graph.reader import GraphReader
from netsonde.query.context import Context
from netsonde.query.errors import LimitReached, QueryError, with_text
from netsonde.query.kinds import Kind
from netsonde.query.plan import Plan, PlannedStep
from netsonde.query.result import Result
from netsonde.query.rows import Rows
from netsonde.query.sources import Limits, Sources
from netsonde.query.steps._api import Fetch

_DEFAULT = Limits()


async def run(plan: Plan, sources: Sources, limits: Limits = _DEFAULT) -> Result:
    """Return what the query gives. Raises QueryError, or LimitReached when it costs too much."""
    context = Context(graph=sources.graph, sources=sources, limits=limits)
    rows: Rows = ()
    try:
        async with asyncio.timeout(limits.seconds) as timeout:
            for step in plan.pipeline:
                rows = await _step(step, rows, context)
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__
    except TimeoutError as e:
        if not timeout.expired():
            raise
        raise LimitReached(
            f"the query took more than {limits.seconds:g} s, waiting for its sources",
            hint="ask for fewer flows or a shorter time",
            text=plan.text,
        ) from e
    return Result(
        kind=plan.kind,
        rows=rows,
        graph=context.graph if plan.kind is Kind.GRAPH else None,
        missing_hosts=tuple(sorted(context.missing_hosts)),
        truncated=context.truncated,
    )


def evaluate(plan: Plan, graph: GraphReader, limits: Limits = _DEFAULT) -> Rows:
    """Return the rows of a query that reads only the graph, at once. Raises QueryError."""
    context = Context(graph=graph, sources=Sources(graph), limits=limits)
    rows: Rows = ()
    try:
        for step in plan.pipeline:
            if isinstance(step.operation, Fetch):
                raise QueryError(f"{step.name} cannot be answered from the graph alone", span=step.span)
            rows = _checked(step, step.operation.apply(rows, context), context)
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__
    return rows


async def _step(step: PlannedStep, rows: Rows, context: Context) -> Rows:
    try:
        if isinstance(step.operation, Fetch):
            return _checked(step, await step.operation.fetch(rows, context), context)
        return _checked(step, step.operation.apply(rows, context), context)
    except LimitReached as e:
        e.span = e.span or step.span
        raise


def _checked(step: PlannedStep, rows: Rows, context: Context) -> Rows:
    counted: Sequence[object] = rows
    context.check(len(counted))
    return rows
