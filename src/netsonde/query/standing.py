# SPDX-License-Identifier: Apache-2.0
"""Standing queries: a plan asked again at each change of a graph, without looking at the graph again.

A query is *local* when its steps look only at nodes and edges one after the other and can only gain matches as the
graph grows: `V` or `E`, filters that more keys cannot undo, and moves along edges. Such a query is made into levels,
one per move, and a change is followed through the levels (`incremental.py`). Any other query is run anew, whenever
something changed that it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from netsonde.graph.events import Event
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Node
from netsonde.query.errors import QueryError
from netsonde.query.executor import evaluate
from netsonde.query.filters import Filter
from netsonde.query.incremental import LevelMatcher
from netsonde.query.interest import Interest
from netsonde.query.kinds import Kind
from netsonde.query.levels import Level
from netsonde.query.plan import Plan, PlannedStep
from netsonde.query.rows import Nodes
from netsonde.query.sources import Limits
from netsonde.query.steps._api import Fetch
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.graph_sources import Back, Elements
from netsonde.query.steps.moving import Move
from netsonde.query.steps.ordering import DedupById, Sorted, SortedByCreation


@dataclass(frozen=True, slots=True)
class StandingQuery:
    """A plan whose result is a set of nodes that changes with the graph."""

    plan: Plan
    levels: tuple[Level, ...]
    """Empty when the query is not local."""
    reason: str
    """Why it is not local, "" when it is."""

    @property
    def local(self) -> bool:
        """Whether an agent can judge it on its own graph, change by change."""
        return not self.reason

    @property
    def node_result(self) -> bool:
        """Whether it gives nodes; always true, since compile_standing refuses the others."""
        return True

    @property
    def crosses_hosts(self) -> bool:
        """Whether edges between hosts, which only an analyzer sees, may add to what agents find."""
        return len(self.levels) > 1


def compile_standing(plan: Plan) -> StandingQuery:
    """Return the standing form of a plan. Raises QueryError when it can never give nodes of the live graph."""
    last = plan.steps[-1] if plan.steps else None
    span = last.span if last is not None else None
    for step in plan.steps:
        if isinstance(step.operation, Fetch):
            raise QueryError(
                f"{step.name} cannot be in a standing query, which looks at the graph as it is now",
                hint="choose nodes by what they are: G.V().Has('Name', 'eth0')",
                span=step.span,
                text=plan.text,
            )
    if plan.kind not in (Kind.NODES, Kind.PATHS):
        raise QueryError(
            f"the query gives {plan.kind.noun}, but nodes are needed",
            hint=_towards_nodes(plan.kind),
            span=span,
            text=plan.text,
        )
    levels, reason = _levels(plan.steps)
    return StandingQuery(plan, levels if not reason else (), reason)


class Matcher:
    """The ids of the nodes that a standing query matches on one graph, kept up to date by the graph's events.

    Make it and subscribe it in the same turn of the loop, so that no event is missed in between.
    """

    def __init__(self, standing: StandingQuery, graph: GraphReader, limits: Limits | None = None) -> None:
        self.standing = standing
        limits = limits or Limits()
        self._follower = (
            LevelMatcher(standing.levels, graph) if standing.local else _WholeMatcher(standing.plan, graph, limits)
        )

    @property
    def matching(self) -> set[str]:
        """Ids of the nodes that match now; read it, do not change it."""
        return self._follower.matching

    def update(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        """Follow the events of one batch; return the ids that began and that ceased to match.

        May raise LimitReached for a query that is not local, when the whole graph is too much for it.
        """
        return self._follower.update(events)


class _WholeMatcher:
    """Runs the plan again when something changed that it reads."""

    def __init__(self, plan: Plan, graph: GraphReader, limits: Limits) -> None:
        self._plan = plan
        self._graph = graph
        self._limits = limits
        self._interest = Interest(plan)
        self.matching = self._run()

    def update(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        if not any(map(self._interest.concerns, events)):
            return set(), set()
        before, self.matching = self.matching, self._run()
        return self.matching - before, before - self.matching

    def _run(self) -> set[str]:
        rows = evaluate(self._plan, self._graph, self._limits)
        if self._plan.kind is Kind.PATHS:
            return {node.id for path in cast("Sequence[Nodes]", rows) for node in path}
        return {node.id for node in cast("Sequence[Node]", rows)}


def _levels(steps: Sequence[PlannedStep]) -> tuple[tuple[Level, ...], str]:
    levels: list[Level] = []
    for step in steps:
        operation = step.operation
        if isinstance(operation, Back | Elements):
            if levels or isinstance(operation, Back):
                return (), f"{step.name} begins anew in the middle of the query"
            levels.append(Level(operation.kind, id=operation.id))
        elif isinstance(operation, Move):
            if operation.filter is not None and not operation.filter.growing:
                return (), _undone(step.name, operation.filter)
            filters = (operation.filter,) if operation.filter is not None else ()
            levels.append(Level(operation.gives, direction=operation.direction, filters=filters))
        elif isinstance(operation, Keep):
            if not operation.filter.growing:
                return (), _undone(step.name, operation.filter)
            levels[-1] = levels[-1].with_filter(operation.filter)
        elif not isinstance(operation, DedupById | Sorted | SortedByCreation):
            return (), f"{step.name} depends on more than each node by itself"
        elif step.takes is Kind.PATHS:
            return (), f"{step.name} of paths depends on more than each node by itself"
    return tuple(levels), ""


def _undone(name: str, chosen: Filter) -> str:
    tests = {condition.predicate.name for condition in chosen.conditions if not condition.predicate.growing}
    what = name if tests == {"absent"} else f"{name} with {', '.join(sorted(tests))}"
    return f"{what} matches what lacks a key, so a node may match only until its key arrives"


def _towards_nodes(kind: Kind) -> str:
    if kind is Kind.EDGES:
        return "add BothV(), InV() (parents) or OutV() (children)"
    if kind is Kind.GRAPH:
        return "add V()"
    return "remove the steps after the last one that gives nodes"
