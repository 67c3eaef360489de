# SPDX-License-Identifier: Apache-2.0
"""Typed, immutable plans: every step known to take what the one before it gives, every argument checked.

A plan may run any number of times, now or in the past, at once or as a standing query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from netsonde.errors import Span, UserError
from netsonde.model.elements import Json
from netsonde.query.binding import bind
from netsonde.query.chains import Part, calls_of, gathered, staged
from netsonde.query.errors import QueryError, did_you_mean, shown, with_text
from netsonde.query.filters import Filter, merge
from netsonde.query.kinds import Kind
from netsonde.query.narrowing import narrowed
from netsonde.query.parser import read
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._api import Building, Fetch, PlannedStep, StepSpec, Traversal
from netsonde.query.steps._registry import MODULATORS, STEPS
from netsonde.query.steps._traversal import Tracked
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.flows import FetchFlows
from netsonde.query.steps.graph_sources import Elements, IndexedElements, index_for
from netsonde.query.steps.naming import Remember
from netsonde.query.steps.openflow import FetchOpenFlow
from netsonde.query.steps.workflows import CallWorkflow
from netsonde.query.syntax import Argument, Call, Query

__all__ = ["Plan", "PlannedStep", "parse"]


_SHORT: Final = 512
"""Characters of a text whose plan is remembered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked query."""

    text: str
    steps: tuple[PlannedStep, ...]
    """The steps as they were written."""
    stages: tuple[PlannedStep, ...]
    """The steps as they can run one after the other: those that follow trails are one stage."""
    pipeline: tuple[PlannedStep, ...]
    """The steps as they run: the same meaning, with filters looked up in indexes where that gives the same."""

    @property
    def kind(self) -> Kind:
        """What the query gives."""
        return self.steps[-1].gives if self.steps else Kind.GRAPH

    @property
    def calls_workflow(self) -> bool:
        """Whether to run it may change something: a workflow does whatever who asks may do."""
        return any(isinstance(step.operation, CallWorkflow) for step in self.steps)

    def reads(self) -> Mapping[Kind, frozenset[str]]:
        """Return the keys that the query looks at, by what they are keys of."""
        found: dict[Kind, set[str]] = {}
        for step in self.steps:
            for kind, key in step.operation.reads(step.takes):
                found.setdefault(kind, set()).add(key)
        return {kind: frozenset(keys) for kind, keys in found.items()}

    def explain(self) -> dict[str, Json]:
        """Return what the query gives, the keys it reads, and each step that will run with the index it uses."""
        return {
            "Gives": self.kind.value,
            "Reads": {kind.value: list(sorted(keys)) for kind, keys in self.reads().items()},
            "Steps": [
                {
                    "Step": step.name,
                    "Takes": step.takes.value,
                    "Gives": step.gives.value,
                    "Index": _index(step),
                }
                for step in self.pipeline
            ],
        }


def parse(text: str, bindings: Mapping[str, Json] | None = None) -> Plan:
    """Return the plan of a query. Raises QueryError (a UserError) with the place of any mistake."""
    try:
        if not bindings and len(text) <= _SHORT:
            return _known(text)
        return _plan(read(text), bindings or {})
    except UserError as e:
        raise with_text(e, text) from e.__cause__


@lru_cache(maxsize=1024)
def _known(text: str) -> Plan:
    """Return the plan of a short text: most queries come again and again, and reading them is most of their cost."""
    return _plan(read(text), {})


def _plan(query: Query, bindings: Mapping[str, Json]) -> Plan:
    calls = tuple(bind(call, bindings) for call in query.steps)
    steps = _chain(calls, Building(takes=Kind.GRAPH, gives=Kind.GRAPH, plan=_traversal))
    return Plan(query.text, tuple(steps), tuple(staged(steps)), tuple(narrowed(staged(_optimised(steps)))))


def _chain(calls: Sequence[Call], building: Building) -> list[PlannedStep]:
    """Return the steps that calls stand for, the first taking what `building` gives so far."""
    steps: list[PlannedStep] = []
    around = tuple(building.before)
    for part in gathered(calls):
        call = part.call
        spec = _spec(call)
        _check_modulators(part, spec)
        building.takes, building.before = building.gives, (*around, *steps)
        building.gives = _gives(spec, call, building.takes, building.before)
        building.leading, building.modulators = part.leading, part.modulators
        operation = spec.build(replace(call, name=spec.name), building)
        steps.append(PlannedStep(spec.name, part.span, building.takes, building.gives, operation))
    return steps


def _traversal(argument: Argument, takes: Kind, building: Building) -> Traversal:
    """Plan an argument of a step as a chain of steps that takes items of a kind. Raises QueryError."""
    calls = calls_of(argument)
    inner = Building(
        takes=takes,
        gives=takes,
        names=building.names,
        graph_is_root=building.graph_is_root,
        repeated=building.repeated,
        before=building.before,
        plan=_traversal,
    )
    steps = _chain(calls, inner)
    for step in steps:
        if isinstance(step.operation, Fetch | Remember) or step.gives is Kind.GRAPH:
            raise QueryError(
                f"{step.name} cannot be in an anonymous traversal",
                hint="it is run for each item; write it as a step of the query itself",
                span=step.span,
            )
    return Traversal(tuple(steps), takes, inner.gives, argument.span)


def _check_modulators(part: Part, spec: StepSpec) -> None:
    for call, allowed in [(c, spec.leading) for c in part.leading] + [(c, spec.modulators) for c in part.modulators]:
        if call.name.lower() not in allowed:
            owners = sorted({other.name for other in STEPS.values() if call.name.lower() in other.modulators})
            raise QueryError(
                f"{call.name} changes the step beside it, and {spec.name} is none that it can change",
                hint=f"it goes with {', '.join(owners)}",
                span=call.name_span,
            )


def _spec(call: Call) -> StepSpec:
    spec = STEPS.get(call.name.lower())
    if spec is None:
        raise _unknown(call)
    if not call.parentheses and spec.name != "G":
        raise QueryError(f"{spec.name} needs parentheses", hint=f"write {spec.name}()", span=call.name_span)
    return spec


def _unknown(call: Call) -> QueryError:
    if call.name.lower() in PREDICATES:
        return QueryError(
            f"{shown(call.name)} is a test, not a step",
            hint=f"tests go into Has: Has('Name', {call.name}(…))",
            span=call.name_span,
        )
    known = {spec.name for spec in STEPS.values()} | {spec.name for spec in MODULATORS.values()}
    return QueryError(
        f"there is no step named {shown(call.name)}",
        hint=did_you_mean(call.name, known, f"steps are {', '.join(sorted(known))}"),
        span=call.name_span,
    )


def _gives(spec: StepSpec, call: Call, takes: Kind, before: Sequence[PlannedStep]) -> Kind:
    gives = spec.gives.get(takes)
    if gives is not None:
        return gives
    last = f"{before[-1].name} gives" if before else "G is" if takes is Kind.GRAPH else "the items here are"
    wanted = " or ".join(kind.noun for kind in spec.gives)
    hint = f"write G.V().{spec.name}(…)" if takes is Kind.GRAPH and Kind.NODES in spec.gives else ""
    raise QueryError(f"{spec.name} works on {wanted}, but {last} {takes.noun}", hint=hint, span=call.name_span)


def _optimised(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Return the steps with filters moved into the lookups before them; never across a step that orders or cuts."""
    done: list[PlannedStep] = []
    for step in steps:
        last = done[-1] if done else None
        fused = _fused(last, step) if last is not None else None
        if fused is None:
            done.append(step)
        else:
            done[-1] = fused
    return [_narrowed(step, done[at + 1 :]) for at, step in enumerate(done)]


def _narrowed(step: PlannedStep, following: Sequence[PlannedStep]) -> PlannedStep:
    if not isinstance(step.operation, FetchFlows | FetchOpenFlow):
        return step
    return replace(step, operation=step.operation.narrowed([after.operation for after in following]))


def _fused(last: PlannedStep, step: PlannedStep) -> PlannedStep | None:
    if not isinstance(step.operation, Keep):
        return None
    before, chosen = last.operation, step.operation.filter
    name, span = f"{last.name}.{step.name}", Span(last.span.start, step.span.end)
    if isinstance(before, Elements) and before.id is None:
        by = index_for(chosen)
        indexed = IndexedElements(before.kind, by, chosen) if by is not None else None
    elif isinstance(before, IndexedElements) and not chosen.any_of:
        both: Filter = merge(before.filter, chosen)
        indexed = IndexedElements(before.kind, index_for(both) or before.by, both)
    else:
        return None
    return PlannedStep(name, span, last.takes, step.gives, indexed) if indexed is not None else None


def _index(step: PlannedStep) -> str | None:
    operation = step.operation
    if isinstance(operation, Tracked):
        return _index(operation.traversal.steps[0])
    return operation.by.key if isinstance(operation, IndexedElements) else None
