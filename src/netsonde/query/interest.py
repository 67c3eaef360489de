# SPDX-License-Identifier: Apache-2.0
"""Which changes can matter to a filter or a whole plan: told from the keys that were touched, without any test."""

from collections.abc import Callable, Collection, Iterable

from netsonde.graph.events import Event
from netsonde.graph.paths import Path, parse_path
from netsonde.model.elements import Edge
from netsonde.query.filters import Filter
from netsonde.query.kinds import Kind
from netsonde.query.plan import Plan
from netsonde.query.steps._api import EVERYTHING, Fetch

_FIXED = frozenset({"id", "host", "origin", "created_at", "parent", "child"})
"""Pseudo-fields that are the same in all revisions of an element."""


class Touches:
    """Whether an update of an element may change what is at some paths."""

    __slots__ = ("_always", "_roots")

    def __init__(self, paths: Iterable[Path]) -> None:
        found = tuple(paths)
        self._always = any(path.field and path.field not in _FIXED for path in found)
        self._roots = frozenset(root for path in found for root in path.roots)

    def __call__(self, touched: frozenset[str]) -> bool:
        return self._always or not self._roots.isdisjoint(touched)


def paths_of(filters: Iterable[Filter]) -> Iterable[Path]:
    """Yield the paths that filters read."""
    return (condition.path for chosen in filters for condition in chosen.conditions)


class Interest:
    """Whether an event can change what a plan gives."""

    def __init__(self, plan: Plan) -> None:
        reads = plan.reads()
        self._nodes = _touches(reads.get(Kind.NODES, ()))
        self._edges = _touches(reads.get(Kind.EDGES, ()))

    def concerns(self, event: Event) -> bool:
        if event.kind != "updated":
            return True
        if event.is_node:
            return self._nodes(event.touched)
        return self._edges(event.touched) or ends_differ(event)


def _touches(keys: Collection[str]) -> Callable[[frozenset[str]], bool]:
    return _always if EVERYTHING in keys else Touches(map(parse_path, keys))


def _always(touched: frozenset[str]) -> bool:
    return True


def interest_of(plan: Plan) -> Callable[[Event], bool]:
    """Return the test of events that can change what a plan gives; every event, when it reads more than the graph."""
    if any(isinstance(step.operation, Fetch) for step in plan.steps):
        return lambda _: True
    return Interest(plan).concerns


def ends_differ(event: Event) -> bool:
    """Tell whether an edge was led elsewhere under its old id."""
    before, after = event.previous, event.element
    return (
        isinstance(before, Edge)
        and isinstance(after, Edge)
        and (before.parent, before.child) != (after.parent, after.child)
    )
