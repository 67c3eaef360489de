# SPDX-License-Identifier: Apache-2.0
"""How much of a past graph a plan looks at, so that history need not load all of it.

`G.At(t).V().Has('Name', 'eth0').Values('MTU')` looks at some nodes by themselves; `….Out()` looks at the graph. What
history gives may be more than is wanted, never less: the filters of the plan still run.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from netsonde.model.elements import Json
from netsonde.query.filters import Condition, Filter
from netsonde.query.kinds import Kind
from netsonde.query.sources import Wanted
from netsonde.query.steps.changes import FetchChanges
from netsonde.query.steps.filtering import Keep
from netsonde.query.steps.graph_sources import Elements, IndexedElements
from netsonde.query.steps.ordering import Slice
from netsonde.query.steps.time_travel import TravelTo

if TYPE_CHECKING:
    from netsonde.query.plan import PlannedStep

_BY_THEMSELVES: Final = frozenset(
    {
        *("Has", "HasKey", "HasNot", "HasEither", "Dedup", "Limit", "Range", "Sort", "Count", "Values", "ValueMap"),
        *("Keys", "Sum", "As", "Select", "Flows", "Metrics", "RawPackets", "Changes", "Diff", "TopTalkers"),
    }
)
"""Steps that look at what they are given, never at the graph around it."""
_ELEMENTS: Final = frozenset({Kind.NODES, Kind.EDGES})
_MOST_TEXTS: Final = 16
_WHOLE: Final = 10**15
"""Integers from here on may be written in other ways, as floats are."""
_NOTHING: Final = Wanted(nothing=True)


def narrowed(steps: Sequence["PlannedStep"]) -> list["PlannedStep"]:
    """Return the steps that run, with each `At` told what is looked at until the next one."""
    done: list[PlannedStep] = []
    for at, step in enumerate(steps):
        operation = step.operation
        if isinstance(operation, TravelTo):
            wanted = _wanted(_until_next(steps[at + 1 :]))
            done.append(replace(step, operation=replace(operation, wanted=wanted)))
        elif isinstance(operation, FetchChanges) and at + 1 < len(steps):
            done.append(replace(step, operation=_first_of(operation, steps[at + 1])))
        else:
            done.append(step)
    return done


def _until_next(steps: Sequence["PlannedStep"]) -> Sequence["PlannedStep"]:
    ends = (at for at, step in enumerate(steps) if isinstance(step.operation, TravelTo))
    return steps[: next(ends, len(steps))]


def _first_of(changes: FetchChanges, after: "PlannedStep") -> FetchChanges:
    cut = after.operation
    return changes.limited(cut.end) if isinstance(cut, Slice) else changes


def _wanted(steps: Sequence["PlannedStep"]) -> Wanted | None:
    if not steps:
        return None
    first, rest = steps[0], steps[1:]
    if any(step.name not in _BY_THEMSELVES for step in rest):
        return None
    operation = first.operation
    if isinstance(operation, FetchChanges):
        return _NOTHING
    if isinstance(operation, Elements):
        return Wanted(operation.kind, operation.id, _texts(_filters_of(rest)))
    if isinstance(operation, IndexedElements):
        return Wanted(operation.kind, None, _texts([operation.filter, *_filters_of(rest)]))
    # `Flows` of the graph, `Diff` and the like do not look at its nodes.
    return _NOTHING if first.name in _BY_THEMSELVES else None


def _filters_of(steps: Iterable["PlannedStep"]) -> list[Filter]:
    """Return the filters that stand before anything else: what fails one of them has no part in the result."""
    found: list[Filter] = []
    for step in steps:
        if not isinstance(step.operation, Keep) or step.operation.kind not in _ELEMENTS:
            break
        found.append(step.operation.filter)
    return found


def _texts(filters: Iterable[Filter]) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    for chosen in filters:
        each = [_needs(condition) for condition in chosen.conditions]
        if not chosen.any_of:
            found += [one for needs in each for one in needs]
        elif all(each):
            # Of any one condition, one need must be met.
            found.append(tuple(text for needs in each for text in needs[0]))
    return tuple(dict.fromkeys(texts for texts in found if len(texts) <= _MOST_TEXTS))


def _needs(condition: Condition) -> list[tuple[str, ...]]:
    """Return texts of which the JSON of what passes has at least one, for each tuple."""
    predicate, path = condition.predicate, condition.path
    if predicate.absent or path.field or path.edge_field or not path.keys:
        return []
    key = _json(path.keys[-1])
    # A key may have dots in it, so that the last part of the path is only the end of it.
    needs: list[tuple[str, ...]] = [(key[1:] + ":",)]
    if predicate.lookups:
        written = [_written(value) for value in predicate.lookups]
        if all(written):
            needs.insert(0, tuple(dict.fromkeys(filter(None, written))))
    return needs


def _written(value: Json) -> str | None:
    """Return what stands in JSON where the value is; None when that may be one of several texts."""
    if isinstance(value, str):
        # Numbers are looked up as texts too, and "20" is found in "Vlan":20 as well.
        return value if re.fullmatch(r"-?[0-9]{1,15}", value) else _json(value)
    if value is None or isinstance(value, bool):
        return _json(value)
    return str(value) if isinstance(value, int) and abs(value) < _WHOLE else None


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
