# SPDX-License-Identifier: Apache-2.0
"""`Dedup`, `Limit`, `Range`, `Sort`, `Count`: how many of the results, which, and in what order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.graph.paths import Found, Missing
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.fields import Reader, list_reader, reader
from netsonde.query.kinds import Kind
from netsonde.query.order import SortKey, newer, same_key, sort_key
from netsonde.query.predicates import number_of
from netsonde.query.rows import COMPOUND, Entry, Group, Item, Nodes, Packet, Rows, Series, members
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.syntax import Call, Word

_ELEMENTS: Final = frozenset({Kind.NODES, Kind.EDGES})


@dataclass(frozen=True, slots=True)
class Slice(Operation):
    """The results from one position to another."""

    first: int
    end: int

    def apply(self, rows: Rows, context: Context) -> Rows:
        return rows[self.first : self.end]

    def cut(self) -> slice:
        return slice(self.first, self.end)


@dataclass(frozen=True, slots=True)
class CountRows(Operation):
    """How many results there are."""

    def apply(self, rows: Rows, context: Context) -> Rows:
        return (len(rows),)


@dataclass(frozen=True, slots=True)
class DedupById(Operation):
    """One result per element, its newest revision, in the order of first occurrence; nodes of paths one by one."""

    effect = Effect.KEEPS

    takes: Kind

    def apply(self, rows: Rows, context: Context) -> Rows:
        if self.takes is Kind.PATHS:
            elements: Iterable[Node | Edge] = (node for path in cast("Sequence[Nodes]", rows) for node in path)
        else:
            elements = cast("Sequence[Node | Edge]", rows)
        found: dict[str, Node | Edge] = {}
        for element in elements:
            seen = found.get(element.id)
            if seen is None or newer(element, seen):
                found[element.id] = element
        context.check()
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class DedupBy(Operation):
    """The first of the results that have the same values; one that has none of the keys is always kept."""

    effect = Effect.KEEPS

    takes: Kind
    readers: tuple[Reader, ...]
    names: tuple[str, ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        seen: set[tuple[object, ...]] = set()

        def is_new(row: Item) -> bool:
            # Missing values are left out, so ("x", nothing) and (nothing, "x") are the same, as in the reference.
            found = (read(row) for read in self.readers)
            key = tuple(same_key(value) for value in found if not isinstance(value, Missing))
            if not key:
                return True
            if key in seen:
                return False
            seen.add(key)
            return True

        found = context.collected(members(self.takes, rows)) if self.takes is Kind.PATHS else rows
        return context.kept(found, is_new)

    def keys(self) -> Iterable[str]:
        return self.names


@dataclass(frozen=True, slots=True)
class DedupValues(Operation):
    """The first of equal values, sockets or next hops; series, groups and packets differ from each other anyway."""

    effect = Effect.KEEPS

    takes: Kind

    def apply(self, rows: Rows, context: Context) -> Rows:
        if self.takes in (Kind.METRICS, Kind.GROUPS, Kind.PACKETS):
            return rows
        found: dict[object, Item] = {}
        for row in rows:
            value = row.data if isinstance(row, Entry) else cast("Json", row)
            found.setdefault(same_key(value), row)
        context.check()
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Sorted(Operation):
    """The results by one value; those without it last, equal ones in the order they had."""

    effect = Effect.KEEPS

    read: Reader
    descending: bool
    name: str

    def apply(self, rows: Rows, context: Context) -> Rows:
        having: list[tuple[SortKey, Item]] = []
        lacking: list[Item] = []
        for row in rows:
            found = self.read(row)
            if isinstance(found, Missing) or found is None:
                lacking.append(row)
            else:
                having.append((sort_key(found), row))
        ordered = context.ordered(having, lambda pair: pair[0], descending=self.descending)
        return [row for _, row in ordered] + lacking

    def keys(self) -> Iterable[str]:
        return (self.name,) if self.name else ()


@dataclass(frozen=True, slots=True)
class SortedByCreation(Operation):
    """Elements by time of creation, then by id."""

    effect = Effect.KEEPS

    descending: bool

    def apply(self, rows: Rows, context: Context) -> Rows:
        elements = cast("Sequence[Node | Edge]", rows)
        return context.ordered(elements, lambda element: (element.created_at, element.id), descending=self.descending)


def build_limit(call: Call, building: Building) -> Operation:
    """The first n results: `G.V().Sort('Name').Limit(3)`."""
    (most,) = arguments.exactly(call, 1, "one whole number")
    return Slice(0, arguments.count_of(most))


def build_range(call: Call, building: Building) -> Operation:
    """The results from one position, counted from 0, up to another, excluded: `G.V().Sort('Name').Range(2, 4)`."""
    first, end = arguments.exactly(call, 2, "two whole numbers: from, and up to (excluded)")
    begin = arguments.count_of(first)
    return Slice(begin, max(begin, arguments.count_of(end)))


def build_count(call: Call, building: Building) -> Operation:
    """The number of results: `G.V().Has('Type', 'veth').Count()`."""
    arguments.none(call)
    return CountRows()


def build_dedup(call: Call, building: Building) -> Operation:
    """Each element, flow conversation or value once; or once for each value of the keys: `G.V().Dedup('Type')`.

    Of paths the nodes, each once.
    """
    kind = building.takes
    names = arguments.keys_of(call)
    if not names and kind in (Kind.NODES, Kind.EDGES, Kind.PATHS):
        return DedupById(kind)
    if not names and kind is not Kind.FLOWS:
        return DedupValues(kind)
    names = names or ["TrackingID"]
    read = reader if kind is Kind.PATHS else list_reader
    return DedupBy(kind, tuple(read(kind, name, call.span) for name in names), tuple(names))


def build_sort(call: Call, building: Building) -> Operation:
    """In order of a key, ascending or descending: `G.V().Sort('Name')`, `G.V().Sort(DESC, 'MTU')`.

    Without a key, elements by their time of creation, flows by their last packet, values by themselves, metrics by
    their first start, packets and changes by their time, groups by their size, paths by their length. Numbers come
    before strings, strings before booleans, and what lacks the key comes last. Series, groups and paths are ordered by
    the sum of what their members have at the key.
    """
    given = list(arguments.at_most(call, 2, "ASC or DESC, and a key"))
    descending = False
    if given and not _is_key(given[0]):
        descending = _is_descending(given.pop(0))
    if len(given) > 1:
        raise QueryError("Sort takes ASC or DESC before one key", span=given[1].span)
    kind = building.takes
    if not given and kind in _ELEMENTS:
        return SortedByCreation(descending)
    if not given and kind in _NATURAL:
        return Sorted(_NATURAL[kind], descending, "")
    key = arguments.key_of(given[0]) if given else "Time" if kind is Kind.CHANGES else "Last"
    read = list_reader(kind, key, given[0].span if given else call.span)
    return Sorted(_summed(read) if kind in COMPOUND else read, descending, key)


def _summed(read: Reader) -> Reader:
    def total(row: Item) -> Found:
        found = read(row)
        if not isinstance(found, list):
            return found
        numbers = [number_of(value) for value in found]
        return sum(number for number in numbers if number is not None) if None not in numbers else found[0]

    return total


def _itself(row: Item) -> Json:
    return cast("Json", row)


def _size(row: Item) -> Json:
    return len(row.members) if isinstance(row, Group) else len(cast("Nodes", row))


def _first_start(row: Item) -> Json:
    points = cast("Series", row).points
    return points[0].get("Start") if points else None


def _owner(row: Item) -> Json:
    return cast("Entry", row).key


_NATURAL: Final[Mapping[Kind, Reader]] = {
    Kind.VALUES: _itself,
    Kind.PATHS: _size,
    Kind.GROUPS: _size,
    Kind.METRICS: _first_start,
    Kind.PACKETS: lambda row: cast("Packet", row).data["Timestamp"],
    Kind.SOCKETS: _owner,
    Kind.NEXT_HOPS: _owner,
    Kind.OF_RULES: _owner,
    Kind.OF_GROUPS: _owner,
}
"""What is sorted by when no key is given."""


def _is_key(argument: object) -> bool:
    return not isinstance(argument, Word | Call)


def _is_descending(argument: object) -> bool:
    if isinstance(argument, Word) and argument.name.upper() in ("ASC", "DESC"):
        return argument.name.upper() == "DESC"
    span = argument.span if isinstance(argument, Word | Call) else None
    raise QueryError("Sort takes ASC or DESC, and a key in quotes", hint="such as Sort(DESC, 'MTU')", span=span)
