# SPDX-License-Identifier: Apache-2.0
"""`By`: what stands for an item when others count, group, order or show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import msgspec

from netsonde.graph.paths import MISSING, Found, Missing, parse_path
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import LimitReached, QueryError, shown
from netsonde.query.fields import Reader, reader
from netsonde.query.kinds import Kind
from netsonde.query.order import json_text
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import EVERYTHING, Building, Traversal, Traversers
from netsonde.query.steps._traversal import begin
from netsonde.query.syntax import Argument, Call, Literal, Word

LONGEST_NAME: Final = 4096
"""Characters of the name of a group or branch."""
_NAMES: Final = {
    kind: tuple((field.name, field.encode_name) for field in msgspec.structs.fields(kind)) for kind in (Node, Edge)
}
_NODES_IN: Final = {Kind.NODES: Kind.NODES, Kind.EDGES: Kind.EDGES, Kind.PATHS: Kind.NODES}


@dataclass(frozen=True, slots=True)
class By:
    """The item itself (no key, no traversal), what is at a key, or the first that a traversal gives."""

    kind: Kind
    key: str = ""
    read: Reader | None = None
    traversal: Traversal | None = None
    descending: bool = False

    def value(self, item: Item, context: Context) -> Found:
        """Return what stands for one item, as JSON; MISSING when there is nothing."""
        if self.read is not None:
            return self.read(item)
        if self.traversal is None:
            return as_json(item)
        found = self._run((item,), context)
        return as_json(found[0]) if found else MISSING

    def of_all(self, items: Rows, context: Context) -> Json:
        """Return what stands for a group: the number that a traversal ends with, else the list of what it gives."""
        if self.traversal is None:
            found = (self.value(item, context) for item in items)
            return [cast("Json", value) for value in context.collected(found) if value is not MISSING]
        rows = self._run(items, context)
        if self.traversal.gives is Kind.VALUE:
            return as_json(rows[0]) if rows else None
        return [as_json(row) for row in rows]

    def _run(self, items: Rows, context: Context) -> Rows:
        if self.traversal is None:
            return items
        # What stands for an item does not depend on how the query came to it.
        start = begin(items) if self.traversal.follows_trails else Traversers(items)
        return self.traversal.run(start, context).rows

    def reads(self) -> Iterable[tuple[Kind, str]]:
        """Return the keys that it reads."""
        if self.traversal is None:
            return ((self.kind, self.key),) if self.key else everything(self.kind)
        steps = self.traversal.steps
        inner = [read for step in steps for read in step.operation.reads(step.takes)]
        return [*inner, *everything(self.traversal.gives)]


def everything(kind: Kind) -> Iterable[tuple[Kind, str]]:
    """Return what is read of items that become part of a value as a whole."""
    return ((_NODES_IN[kind], EVERYTHING),) if kind in _NODES_IN else ()


def as_json(item: Item) -> Json:
    """Return an item as it is served: an element as an object, a path as a list of objects."""
    if isinstance(item, Node | Edge):
        # The metadata itself, not a copy: nobody changes it in place.
        return {name: getattr(item, field) for field, name in _NAMES[type(item)]}
    if isinstance(item, tuple):
        return [as_json(member) for member in item]
    return cast("Json", item)


def weight(value: Found) -> int:
    """Return as how many results a value counts."""
    return len(value) if isinstance(value, list) else 1


def key_text(value: Json | Missing) -> str:
    """Return a value as the name of a member of an object: text as it is, anything else as JSON; missing as ""."""
    if isinstance(value, Missing):
        return ""
    name = value if isinstance(value, str) else json_text(value)
    if len(name) > LONGEST_NAME:
        # Names made of names would double their length with each step.
        raise LimitReached(
            f"{shown(name)} is longer than {LONGEST_NAME:,} characters, too long to name something",
            hint="give By(…) a key or a traversal with a short value",
        )
    return name


def any_reader(key: str) -> Reader:
    """Return how to read a key of elements and of JSON objects alike."""
    path = parse_path(key)

    def read(item: Item) -> Found:
        if isinstance(item, Node | Edge):
            return path.get(item)
        if not isinstance(item, dict):
            return MISSING
        found: Found = item.get(key, MISSING)
        return path.get_in(item) if isinstance(found, Missing) and path.keys else found

    return read


def read_by(call: Call, kind: Kind, building: Building, *, ordered: bool = False) -> By:
    """What the step before goes by: a key, a traversal, or nothing for the item itself; `Order` takes ASC or DESC too.

    `G.V().Has('MTU').Order().By('MTU', DESC).By('Name').Values('@ID')`
    """
    most = "a key or a traversal, and ASC or DESC" if ordered else "a key or a traversal"
    given = list(arguments.at_most(call, 2 if ordered else 1, most))
    descending = ordered and bool(given) and _is_direction(given[-1]) and _is_descending(given.pop())
    if not given:
        return By(kind, descending=descending)
    if len(given) > 1:
        raise QueryError(f"{call.name} takes {most}", hint="such as By('MTU', DESC)", span=given[1].span)
    (what,) = given
    if isinstance(what, Literal):
        key = arguments.key_of(what)
        return By(kind, key, reader(kind, key, what.span), descending=descending)
    return By(kind, traversal=replace(building, before=()).traversal(what, kind), descending=descending)


def bys(building: Building, *, ordered: bool = False, most: int = arguments.MOST_KEYS) -> Sequence[By]:
    """Return the `By(…)` that were written after a step; refuse more than `most` of them."""
    calls = building.modulators
    if len(calls) > most:
        raise QueryError(f"at most {most} By(…) can stand here", span=calls[most].span)
    return [read_by(call, building.takes, building, ordered=ordered) for call in calls]


def _is_direction(argument: Argument) -> bool:
    return isinstance(argument, Word) and argument.name.upper() in ("ASC", "DESC")


def _is_descending(argument: Argument) -> bool:
    return isinstance(argument, Word) and argument.name.upper() == "DESC"
