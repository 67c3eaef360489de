# SPDX-License-Identifier: Apache-2.0
"""Why a query finds nothing: the first step after which nothing is left, and a key in it that nobody has."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice

from netsonde.errors import Span
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node
from netsonde.query.context import Context
from netsonde.query.errors import closest
from netsonde.query.executor import apply_all, computed, fetched
from netsonde.query.filters import Condition
from netsonde.query.kinds import Kind
from netsonde.query.plan import Plan, PlannedStep
from netsonde.query.rows import Rows
from netsonde.query.sources import Limits, Sources
from netsonde.query.steps._api import Fetch

_SAMPLE = 2000
"""Elements whose keys are compared with a key that nobody has."""


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Why nothing was found."""

    reason: str
    """Such as: no node has the key 'ExtID.vm-id'."""
    hint: str
    """What was perhaps meant, "" when there is no guess."""
    span: Span


def why_empty(plan: Plan, graph: GraphReader, limits: Limits | None = None) -> Emptiness | None:
    """Return why a plan finds nothing on a graph, None when it does find something or looks beyond the graph.

    Raises QueryError as running the plan would.
    """
    context = Context(graph, Sources(graph), limits or Limits())
    if any(isinstance(step.operation, Fetch) for step in plan.steps):
        return None
    _, found = _through(plan.stages, (), context)
    return found


async def why_empty_at(plan: Plan, context: Context) -> Emptiness | None:
    """Return why a plan finds nothing, now or in the past; None when it does, or asks for more than a graph.

    Raises QueryError as running the plan would.
    """
    rows: Rows = ()
    for is_fetch, some in groupby(plan.stages, lambda step: isinstance(step.operation, Fetch)):
        steps = list(some)
        if not is_fetch:
            rows, found = await computed(context, partial(_through, steps, rows, context))
            if found is not None:
                return found
            continue
        if any(step.gives is not Kind.GRAPH for step in steps):
            return None
        for step in steps:
            rows = await fetched(step, rows, context)
    return None


def _through(steps: Iterable[PlannedStep], rows: Rows, context: Context) -> tuple[Rows, Emptiness | None]:
    for step in steps:
        had_some = len(rows) > 0
        rows = apply_all((step,), rows, context)
        if not rows and step.gives in (Kind.NODES, Kind.EDGES, Kind.PATHS):
            return rows, _explain(step, context.graph, had_some=had_some)
    return rows, None


def _explain(step: PlannedStep, graph: GraphReader, *, had_some: bool) -> Emptiness:
    for kind, chosen in step.operation.filters():
        if kind not in (Kind.NODES, Kind.EDGES):
            continue
        unmet = [condition for condition in chosen.conditions if not _is_known(kind, condition, graph)]
        if unmet and (not chosen.any_of or len(unmet) == len(chosen.conditions)):
            return _no_key(kind, unmet[0], graph)
    if not had_some:
        return Emptiness(f"{step.name} finds no {_noun(step.gives)}", "", step.span)
    return Emptiness(f"{step.name} leaves none of the {step.takes.noun} before it", "", step.span)


def _is_known(kind: Kind, condition: Condition, graph: GraphReader) -> bool:
    if condition.predicate.absent or condition.path.field:
        return True
    path = condition.path.text
    having: Collection[object] = graph.nodes_having(path) if kind is Kind.NODES else graph.edges_having(path)
    return len(having) > 0


def _no_key(kind: Kind, condition: Condition, graph: GraphReader) -> Emptiness:
    noun = "node" if kind is Kind.NODES else "edge"
    near = closest(condition.key, _keys(kind, graph))
    return Emptiness(
        f"no {noun} has the key '{condition.key}'", f"did you mean '{near}'?" if near else "", condition.span
    )


def _keys(kind: Kind, graph: GraphReader) -> set[str]:
    every: Iterable[Node] | Iterable[Edge] = graph.nodes() if kind is Kind.NODES else graph.edges()
    elements: list[Node | Edge] = list(islice(every, _SAMPLE))
    top = {key for element in elements for key in element.metadata}
    nested = {
        f"{key}.{inner}"
        for element in elements
        for key, value in element.metadata.items()
        if isinstance(value, dict)
        for inner in value
    }
    return top | nested


def _noun(kind: Kind) -> str:
    return "edge" if kind is Kind.EDGES else "path" if kind is Kind.PATHS else "node"
