# SPDX-License-Identifier: Apache-2.0
"""Typed, immutable plans: every step known to take what the one before it gives, every argument checked.

A plan may run any number of times, now or in the past, at once or as a standing query.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from netsonde.errors import Span, UserError
from netsonde.model.elements import Json
from netsonde.query.errors import QueryError, did_you_mean, shown, with_text
from netsonde.query.filters import Filter, merge
from netsonde.query.kinds import Kind
from netsonde.query.narrowing import narrowed
from netsonde.query.parser import read
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._api import AnyStep, Building, StepSpec
from netsonde.query.steps._registry import NOT_YET, STEPS
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.flows import FetchFlows
from netsonde.query.steps.graph_sources import Elements, IndexedElements, index_for
from netsonde.query.syntax import Argument, Call, Literal, Query, Word

_MOST_IN_BINDING: Final = 100_000
"""Members of a bound list."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the query, with its place in the text."""

    name: str
    span: Span
    takes: Kind
    gives: Kind
    operation: AnyStep


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked query."""

    text: str
    steps: tuple[PlannedStep, ...]
    """The steps as they were written."""
    pipeline: tuple[PlannedStep, ...]
    """The steps as they run: the same meaning, with filters looked up in indexes where that gives the same."""

    @property
    def kind(self) -> Kind:
        """What the query gives."""
        return self.steps[-1].gives if self.steps else Kind.GRAPH

    def reads(self) -> Mapping[Kind, frozenset[str]]:
        """Return the keys that the query looks at, by what they are keys of."""
        found: dict[Kind, set[str]] = {}
        for step in self.steps:
            for kind, chosen in step.operation.filters():
                found.setdefault(kind, set()).update(condition.key for condition in chosen.conditions)
            keys = set(step.operation.keys())
            if keys:
                # What is read at a path is read at its nodes.
                takes = Kind.NODES if step.takes is Kind.PATHS else step.takes
                found.setdefault(takes, set()).update(keys)
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
                    "Index": step.operation.by.key if isinstance(step.operation, IndexedElements) else None,
                }
                for step in self.pipeline
            ],
        }


def parse(text: str, bindings: Mapping[str, Json] | None = None) -> Plan:
    """Return the plan of a query. Raises QueryError (a UserError) with the place of any mistake."""
    try:
        return _plan(read(text), bindings or {})
    except UserError as e:
        raise with_text(e, text) from e.__cause__


def _plan(query: Query, bindings: Mapping[str, Json]) -> Plan:
    steps: list[PlannedStep] = []
    building = Building(takes=Kind.GRAPH, gives=Kind.GRAPH)
    for call in query.steps:
        spec = _spec(call)
        bound = replace(call, name=spec.name, arguments=_bound(call.arguments, bindings))
        building.takes = building.gives
        building.gives = _gives(spec, call, building.takes, steps)
        operation = spec.build(bound, building)
        steps.append(PlannedStep(spec.name, call.span, building.takes, building.gives, operation))
    return Plan(query.text, tuple(steps), tuple(narrowed(_optimised(steps))))


def _spec(call: Call) -> StepSpec:
    spec = STEPS.get(call.name.lower())
    if spec is None:
        raise _unknown(call)
    if not call.parentheses and spec.name != "G":
        raise QueryError(f"{spec.name} needs parentheses", hint=f"write {spec.name}()", span=call.name_span)
    return spec


def _unknown(call: Call) -> QueryError:
    for name in NOT_YET:
        if name.lower() == call.name.lower():
            return QueryError(
                f"{name} is a step of the language that this version does not have yet", span=call.name_span
            )
    if call.name.lower() in PREDICATES:
        return QueryError(
            f"{shown(call.name)} is a test, not a step",
            hint=f"tests go into Has: Has('Name', {call.name}(…))",
            span=call.name_span,
        )
    known = {spec.name for spec in STEPS.values()}
    return QueryError(
        f"there is no step named {shown(call.name)}",
        hint=did_you_mean(call.name, known, f"steps are {', '.join(sorted(known))}"),
        span=call.name_span,
    )


def _gives(spec: StepSpec, call: Call, takes: Kind, before: Sequence[PlannedStep]) -> Kind:
    gives = spec.gives.get(takes)
    if gives is not None:
        return gives
    last = f"{before[-1].name} gives" if before else "G is"
    wanted = " or ".join(kind.noun for kind in spec.gives)
    hint = f"write G.V().{spec.name}(…)" if takes is Kind.GRAPH and Kind.NODES in spec.gives else ""
    raise QueryError(f"{spec.name} works on {wanted}, but {last} {takes.noun}", hint=hint, span=call.name_span)


def _bound(arguments: Iterable[Argument], bindings: Mapping[str, Json]) -> tuple[Argument, ...]:
    return tuple(_resolve(argument, bindings) for argument in arguments)


def _resolve(argument: Argument, bindings: Mapping[str, Json]) -> Argument:
    if isinstance(argument, Call) and not argument.arguments and argument.name.upper() in _WORDS:
        return _constant(Word(argument.name, argument.span))
    if isinstance(argument, Call):
        return replace(argument, arguments=_bound(argument.arguments, bindings))
    if isinstance(argument, Word):
        return _constant(argument)
    if isinstance(argument, Literal):
        return argument
    if argument.name not in bindings:
        raise QueryError(
            f"no value was given for ${argument.name}",
            hint=did_you_mean(argument.name, bindings, "send it in Bindings, beside the query"),
            span=argument.span,
        )
    value = bindings[argument.name]
    if isinstance(value, dict) or (isinstance(value, list) and len(value) > _MOST_IN_BINDING):
        raise QueryError(
            f"${argument.name} must be a text, a number, a boolean, null or a list of up to {_MOST_IN_BINDING:,}",
            span=argument.span,
        )
    return Literal(value, argument.span)


_CONSTANTS: Final[Mapping[str, Json]] = {"TRUE": True, "FALSE": False, "NULL": None}
_WORDS: Final = frozenset({*_CONSTANTS, "ASC", "DESC", "NOW", "FOREVER"})
"""Words that some clients write with empty parentheses."""


def _constant(word: Word) -> Argument:
    name = word.name.upper()
    return Literal(_CONSTANTS[name], word.span) if name in _CONSTANTS else word


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
    if not isinstance(step.operation, FetchFlows):
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
