# SPDX-License-Identifier: Apache-2.0
"""Tables for people and dashboards: `Group` and `GroupCount` by anything, `Project`.

A group is one object, its members named by what the items have in common. What has a list there is in a group for each
member, what lacks the key in none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from netsonde.graph.paths import Found, Missing
from netsonde.model.elements import Json
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.fields import reader
from netsonde.query.kinds import Kind
from netsonde.query.order import sort_key
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.steps._by import By, bys, key_text, weight
from netsonde.query.syntax import Call


@dataclass(frozen=True, slots=True)
class GroupBy(Operation):
    """One object: for each value of `key` what `shown` makes of the items that have it, in the order of the values."""

    key: By
    shown: By

    def apply(self, rows: Rows, context: Context) -> Rows:
        grouped = _grouped(rows, self.key, context)
        return ({name: self.shown.of_all(items, context) for name, items in grouped.items()},) if grouped else ()

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return [*self.key.reads(), *self.shown.reads()]


@dataclass(frozen=True, slots=True)
class CountBy(Operation):
    """One object: for each value of `key` how many items have it, in the order of the values."""

    key: By

    def apply(self, rows: Rows, context: Context) -> Rows:
        grouped = _grouped(rows, self.key, context)
        return ({name: len(items) for name, items in grouped.items()},) if grouped else ()

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return self.key.reads()


@dataclass(frozen=True, slots=True)
class ProjectTo(Operation):
    """One object for each item; a member for which there is nothing is left out."""

    effect = Effect.MOVES

    members: tuple[tuple[str, By], ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        objects: list[Item] = []
        total = 0
        for row in rows:
            made = self._object(row, context)
            objects.append(made)
            total += sum(map(weight, made.values()))
            context.check(total)
        return objects

    def reads(self, takes: Kind) -> Iterable[tuple[Kind, str]]:
        return [read for _, by in self.members for read in by.reads()]

    def _object(self, row: Item, context: Context) -> dict[str, Json]:
        found: list[tuple[str, Found]] = [(name, by.value(row, context)) for name, by in self.members]
        return {name: value for name, value in found if not isinstance(value, Missing)}


def _grouped(rows: Rows, key: By, context: Context) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    values: dict[str, Json] = {}
    for at, row in enumerate(rows):
        value = key.value(row, context)
        if isinstance(value, Missing):
            continue
        named = {key_text(member): member for member in (value if isinstance(value, list) else (value,))}
        for name, member in named.items():
            groups.setdefault(name, []).append(row)
            values.setdefault(name, member)
        if at % 1024 == 0:
            context.check()
    return {name: groups[name] for name in sorted(groups, key=lambda name: (sort_key(values[name]), name))}


def build_group(call: Call, building: Building) -> Operation:
    """Return `Group` with its `By`s: the items by what they have at a key, as one object of lists."""
    building.gives = Kind.VALUES
    key, given = _key(call, building)
    shown = given[0] if given else By(building.takes)
    return GroupBy(key, shown)


def build_group_count(call: Call, building: Building) -> Operation:
    """How many items have each value of a key, as one object: `G.V().GroupCount('Type')`.

    Also by a traversal: `G.V().GroupCount().By(__.Out().Count())`. The largest first:
    `G.V().GroupCount('Type').Unfold().Sort(DESC, 'Value')`.
    """
    key, given = _key(call, building)
    if given:
        raise QueryError(f"{call.name} goes by one key only", span=building.modulators[-1].span)
    return CountBy(key)


def build_project(call: Call, building: Building) -> Operation:
    """One object for each item, its members named here, each filled by a `By`; of members without one, all.

    `G.V().Has('Type', 'netns').Project('name', 'interfaces').By('Name').By(__.Out().Values('Name').Fold())`
    """
    if not call.arguments:
        hint = f"such as {call.name}('name').By('Name')"
        raise QueryError(f"{call.name} needs at least one name", hint=hint, span=call.span)
    names = [arguments.text_of(argument, "a name in quotes") for argument in call.arguments]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise QueryError(f"the name '{name}' is there twice", span=call.arguments[at].span)
    given = bys(building, most=len(names)) or [By(building.takes)]
    return ProjectTo(tuple((name, given[at % len(given)]) for at, name in enumerate(names)))


def _key(call: Call, building: Building) -> tuple[By, list[By]]:
    """Return what a grouping step goes by, and the `By` that are left."""
    kind = building.takes
    given = arguments.at_most(call, 1, "at most one key; more goes into By(…)")
    modulators = list(bys(building, most=1 if given else 2))
    if given:
        name = arguments.key_of(given[0])
        return By(kind, name, reader(kind, name, given[0].span)), modulators
    if modulators:
        return modulators.pop(0), modulators
    if kind in (Kind.NODES, Kind.EDGES):
        return By(kind, "@ID", reader(kind, "@ID", call.span)), modulators
    return By(kind), modulators
