# SPDX-License-Identifier: Apache-2.0
"""`Group` and `MoreThan`: items with the same value at a key together, and those groups that are large enough."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from netsonde.graph.paths import Found, Missing
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.fields import Reader, readers
from netsonde.query.kinds import Kind
from netsonde.query.rows import Group, Rows
from netsonde.query.steps import grouping_by
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call, Literal


@dataclass(frozen=True, slots=True)
class GroupBy(Operation):
    """One group for each value, in the order in which the values appear; an item without a value is in none.

    An item whose value is a list is in a group for each member, a flow grouped by a layer in one for each end.
    """

    readers: tuple[Reader, ...]
    key: str

    def apply(self, rows: Rows, context: Context) -> Rows:
        groups: dict[str, list[Node | Edge | Json]] = {}
        size = 0
        for row in rows:
            labels = dict.fromkeys(label for read in self.readers for label in _labels(read(row)))
            for label in labels:
                groups.setdefault(label, []).append(cast("Node | Edge | Json", row))
            size += len(labels)
            if size % 1024 == 0:
                context.check(size)
        context.check(size)
        return [Group(label, tuple(members)) for label, members in groups.items()]

    def keys(self) -> Iterable[str]:
        return (self.key,)


@dataclass(frozen=True, slots=True)
class LargerThan(Operation):
    """The groups with more members than a number."""

    number: int

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.kept(cast("Sequence[Group]", rows), lambda group: len(group.members) > self.number)


def _labels(found: Found) -> Iterable[str]:
    if isinstance(found, Missing):
        return ()
    return map(_label, found) if isinstance(found, list) else (_label(found),)


def _label(value: Json) -> str:
    """Return the text under which a value stands as the key of a JSON object."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def build_group(call: Call, building: Building) -> Operation:
    """Items with the same value at a key together: `G.V().Group('Type')`, `G.Flows().Group()`.

    Flows without a key by `TrackingID`: one group for each conversation. What lacks the key is in no group.

    With `By` it gives one object of lists. `Group()` takes the key from the first `By`; the next one says what is shown
    of a group, a key or a traversal of all its items: `G.V().Group('Type').By('Name')`,
    `G.V().Group().By('Type').By(__.Values('MTU').Max())`.
    """
    if building.modulators:
        return grouping_by.build_group(call, building)
    given = arguments.at_most(call, 1, "at most one key in quotes")
    if not given and building.takes is not Kind.FLOWS:
        raise QueryError(
            f"{call.name} needs a key for {building.takes.noun}", hint="such as Group('Type')", span=call.span
        )
    argument = given[0] if given else Literal("TrackingID", call.span)
    key = arguments.key_of(argument)
    return GroupBy(readers(building.takes, key, argument.span), key)


def build_more_than(call: Call, building: Building) -> Operation:
    """The groups with more than so many members, 1 when no number is given: `G.Flows().Group().MoreThan(1)`."""
    given = arguments.at_most(call, 1, "at most one whole number")
    return LargerThan(arguments.count_of(given[0]) if given else 1)
