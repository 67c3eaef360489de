# SPDX-License-Identifier: Apache-2.0
"""Standing queries: a plan asked again at each change of a graph, without looking at the graph again.

A query that consists of `V` or `E`, filters and moves along edges is made into levels, one per move, and a change is
followed through the levels (`incremental.py`). Any other query is run anew, whenever something changed that it reads.

A query is *local* when it has levels and can only gain matches as the graph grows, since no filter in it matches what
lacks a key: then an agent may judge it on its own graph.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.graph.events import Event
from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Node
from netsonde.query.errors import LimitReached, QueryError
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
from netsonde.query.steps.folding import Same
from netsonde.query.steps.graph_sources import Back, Elements
from netsonde.query.steps.moving import Move
from netsonde.query.steps.ordering import DedupById, Sorted, SortedByCreation
from netsonde.query.steps.ordering_by import OrderedBy

_MOST_LEVELS: Final = 9
"""Each level keeps what it is reached by; a chain without end must not fill an agent's memory."""
_SAME_SET: Final = (DedupById, Sorted, SortedByCreation, OrderedBy, Same)
"""Steps that change the order or the number of nodes, but not which there are."""
_WHOLE: Final = Limits(seconds=0.15)
"""What one run of a query without levels may cost the loop that all else waits for."""


@dataclass(frozen=True, slots=True)
class StandingQuery:
    """A plan whose result is a set of nodes that changes with the graph."""

    plan: Plan
    levels: tuple[Level, ...]
    """What changes are followed through; empty when the plan must be run as a whole."""
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
    levels, reason = levels_of(plan.steps)
    return StandingQuery(plan, levels, reason)


class Matcher:
    """The ids of the nodes that a standing query matches on one graph, kept up to date by the graph's events.

    Make it and subscribe it in the same turn of the loop, so that no event is missed in between. One that is not
    `filled` knows what was there from the beginning when its `fill` has come to an end.
    """

    def __init__(
        self, standing: StandingQuery, graph: GraphReader, limits: Limits | None = None, *, filled: bool = True
    ) -> None:
        self.standing = standing
        self._follower: LevelMatcher | _WholeMatcher
        if standing.levels:
            self._follower = LevelMatcher(standing.levels, graph, filled=filled)
        else:
            self._follower = _WholeMatcher(standing.plan, graph, limits or _WHOLE)

    @property
    def matching(self) -> set[str]:
        """Ids of the nodes that match now; read it, do not change it."""
        return self._follower.matching

    def fill(self, size: int) -> Iterator[set[str]]:
        """Take in what is there, `size` elements at a time, and yield the ids that match because of them.

        `update` may be called in between. A query without levels was run as a whole, within its limit.
        """
        if isinstance(self._follower, LevelMatcher):
            for gained, _ in self._follower.fill(size):
                yield gained
        else:
            yield set(self.matching)

    def update(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        """Follow the events of one batch; return the ids that began and that ceased to match.

        Raises LimitReached, from then on every time, when a query without levels cost too much.
        """
        return self._follower.update(events)


class _WholeMatcher:
    """Runs the plan again when something changed that it reads."""

    def __init__(self, plan: Plan, graph: GraphReader, limits: Limits) -> None:
        self._plan = plan
        self._graph = graph
        self._limits = limits
        self._interest = Interest(plan)
        self._failed: LimitReached | None = None
        self.matching = self._run()

    def update(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        if self._failed is not None:
            # A new error each time: one object would keep the frames of all who ever raised it.
            raise LimitReached(self._failed.message, hint=self._failed.hint, text=self._plan.text)
        if not any(map(self._interest.concerns, events)):
            return set(), set()
        before = self.matching
        try:
            self.matching = self._run()
        except LimitReached as e:
            # It would cost as much again at each event, and everything else waits meanwhile.
            self._failed = e
            raise
        return self.matching - before, before - self.matching

    def _run(self) -> set[str]:
        rows = evaluate(self._plan, self._graph, self._limits)
        if self._plan.kind is Kind.PATHS:
            return {node.id for path in cast("Sequence[Nodes]", rows) for node in path}
        return {node.id for node in cast("Sequence[Node]", rows)}


def levels_of(steps: Sequence[PlannedStep]) -> tuple[tuple[Level, ...], str]:
    """Return the levels, none when the plan cannot be made into them, and why the query is not local."""
    levels: list[Level] = []
    undone = ""
    for step in steps:
        operation = step.operation
        chosen: Filter | None = None
        if isinstance(operation, Elements) and not levels:
            levels.append(Level(operation.kind, id=operation.id))
        elif isinstance(operation, Move):
            chosen = operation.filter
            levels.append(Level(operation.gives, direction=operation.direction))
        elif isinstance(operation, Keep):
            chosen = operation.filter
        elif isinstance(operation, Back | Elements):
            return (), f"{step.name} begins anew in the middle of the query"
        elif step.takes is Kind.PATHS or not isinstance(operation, _SAME_SET):
            return (), f"{step.name} depends on more than each node by itself"
        if chosen is not None:
            levels[-1] = levels[-1].with_filter(chosen)
            undone = undone or ("" if chosen.growing else _undone(step.name, chosen))
    if len(levels) > _MOST_LEVELS:
        return (), f"the query moves more than {_MOST_LEVELS - 1} times"
    return tuple(levels), undone


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
