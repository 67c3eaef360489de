# SPDX-License-Identifier: Apache-2.0
"""How calls make up a chain: modulators go to the step they change, arguments can be chains, stages follow trails."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netsonde.errors import Span
from netsonde.query.errors import QueryError, cover
from netsonde.query.predicates import PREDICATES
from netsonde.query.steps._api import Fetch, PlannedStep, Traversal
from netsonde.query.steps._registry import MODULATORS, STEPS
from netsonde.query.steps._traversal import Tracked
from netsonde.query.syntax import Argument, Call, Chain

_ANONYMOUS = frozenset({"__", "_"})
_EXAMPLE = "such as __.Out('Type', 'veth')"


@dataclass(frozen=True, slots=True)
class Part:
    """A call of a step, with the modulators before and behind it."""

    call: Call
    leading: tuple[Call, ...]
    modulators: tuple[Call, ...]

    @property
    def span(self) -> Span:
        every = (*self.leading, self.call, *self.modulators)
        return cover(every[0].span, every[-1].span)


def gathered(calls: Sequence[Call]) -> Iterable[Part]:
    """Yield the steps with their modulators: each belongs to the step before it, if that can have it."""
    leading: list[Call] = []
    at = 0
    while at < len(calls):
        if calls[at].name.lower() in MODULATORS:
            leading.append(calls[at])
            at += 1
            continue
        end = at + 1
        while end < len(calls) and calls[end].name.lower() in _modulators(calls[at]):
            end += 1
        yield Part(calls[at], tuple(leading), tuple(calls[at + 1 : end]))
        leading = []
        at = end
    if leading:
        name = MODULATORS[leading[0].name.lower()].name
        owners = sorted({spec.name for spec in STEPS.values() if name.lower() in spec.modulators})
        raise QueryError(
            f"{name} is no step by itself: it changes the step beside it",
            hint=f"it goes with {', '.join(owners)}",
            span=leading[0].name_span,
        )


def _modulators(call: Call) -> frozenset[str]:
    spec = STEPS.get(call.name.lower())
    return spec.modulators if spec is not None else frozenset()


def calls_of(argument: Argument) -> tuple[Call, ...]:
    """Return the calls of an anonymous traversal: `__.Out()`, `_.Out()`, or `Out()` alone. Raises QueryError."""
    if isinstance(argument, Chain) and (argument.head in _ANONYMOUS or not argument.head):
        calls = argument.calls
    elif isinstance(argument, Call):
        calls = (argument,)
    else:
        raise QueryError("a traversal should stand here", hint=_EXAMPLE, span=argument.span)
    first = calls[0].name.lower()
    if first not in STEPS and first not in MODULATORS and first in PREDICATES:
        raise QueryError(
            f"{calls[0].name} is a test; a traversal should stand here",
            hint=f"such as __.Has('MTU', {calls[0].name}(…)), or Is({calls[0].name}(…)) for values",
            span=argument.span,
        )
    return calls


def staged(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """Return the steps with those that lead up to one that follows trails made into one."""
    stages: list[PlannedStep] = []
    run: list[PlannedStep] = []
    for step in steps:
        if isinstance(step.operation, Fetch):
            stages += [*_tracked(run), step]
            run = []
        else:
            run.append(step)
    return [*stages, *_tracked(run)]


def _tracked(run: Sequence[PlannedStep]) -> list[PlannedStep]:
    last = max((at for at, step in enumerate(run) if _follows(step)), default=-1)
    if last < 0:
        return list(run)
    inner = tuple(run[: last + 1])
    span = cover(inner[0].span, inner[-1].span)
    traversal = Traversal(inner, inner[0].takes, inner[-1].gives, span)
    name = ".".join(step.name for step in inner)
    return [PlannedStep(name, span, traversal.takes, traversal.gives, Tracked(traversal)), *run[last + 1 :]]


def _follows(step: PlannedStep) -> bool:
    return not isinstance(step.operation, Fetch) and step.operation.follows_trails()
