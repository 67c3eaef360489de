# SPDX-License-Identifier: Apache-2.0
"""`explain`: what a query reads and gives, step by step; what each step really gave and cost; why nothing is found."""

from collections.abc import Sequence

from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.query.context import Context
from netsonde.query.emptiness import Emptiness, why_empty_at
from netsonde.query.errors import with_text
from netsonde.query.executor import StepCost, follow
from netsonde.query.plan import Plan


async def explain(plan: Plan, context: Context, *, profile: bool = False) -> dict[str, Json]:
    """Return the plan with the index that each step uses, and the reason when the query finds nothing.

    With `profile` the query is run, and each step has its Rows and Milliseconds, the whole their sum. Raises
    QueryError as running the query would.
    """
    told = plan.explain()
    if profile:
        costs: list[StepCost] = []
        graph, moment = context.graph, context.slice
        await follow(plan, context, costs)
        context.graph, context.slice = graph, moment
        context.saved.clear()
        told |= _profile(told, costs)
    try:
        return _reason(await why_empty_at(plan, context)) | told
    except UserError as e:
        raise with_text(e, plan.text) from e.__cause__


def _profile(told: dict[str, Json], costs: Sequence[StepCost]) -> dict[str, Json]:
    steps = told["Steps"]
    if not isinstance(steps, list):
        raise TypeError("a plan explains its steps as a list")
    return {
        "Steps": [
            {**step, "Rows": cost.rows, "Milliseconds": _milliseconds(cost.seconds)}
            for step, cost in zip(steps, costs, strict=True)
            if isinstance(step, dict)
        ],
        "Rows": costs[-1].rows if costs else 0,
        "Milliseconds": _milliseconds(sum(cost.seconds for cost in costs)),
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _reason(found: Emptiness | None) -> dict[str, Json]:
    if found is None:
        return {"Reason": "", "Hint": "", "Span": None}
    return {"Reason": found.reason, "Hint": found.hint, "Span": [found.span.start, found.span.end]}
