# SPDX-License-Identifier: Apache-2.0
"""`Values`, `ValueMap`, `Keys`, `Sum`: from items to the JSON values in them, exactly as they are stored."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from netsonde.graph.paths import Missing, quote_key
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError, shown
from netsonde.query.fields import Reader, reader
from netsonde.query.flow_columns import FLOW_FIELDS
from netsonde.query.kinds import Kind
from netsonde.query.predicates import Number, number_of
from netsonde.query.rows import Entry, Item, Packet, Rows, members
from netsonde.query.steps import maps, metrics
from netsonde.query.steps._api import EVERYTHING, Building, Effect, Operation
from netsonde.query.syntax import Call

_NODE_FIELDS: Final = ("@CreatedAt", "@DeletedAt", "@Host", "@ID", "@Origin", "@Revision", "@UpdatedAt")
_EDGE_FIELDS: Final = ("@Child", "@Parent")
_DEEPEST_KEY: Final = 16


@dataclass(frozen=True, slots=True)
class ValuesOf(Operation):
    """What is at a key, of every item (or member) that has it; empty lists and objects are left out."""

    effect = Effect.MOVES

    kind: Kind
    read: Reader
    key: str

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(self._values(rows))

    def keys(self) -> Iterable[str]:
        return (self.key,)

    def _values(self, rows: Rows) -> Iterator[Json]:
        for row in members(self.kind, rows):
            found = self.read(row)
            if not isinstance(found, Missing) and found != [] and found != {}:
                yield found


@dataclass(frozen=True, slots=True)
class ValueMaps(Operation):
    """One object for every item (or member) that has at least one of the keys, named as the query writes them."""

    effect = Effect.MOVES

    kind: Kind
    readers: tuple[tuple[str, Reader], ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(filter(None, map(self._object, members(self.kind, rows))))

    def keys(self) -> Iterable[str]:
        return (key for key, _ in self.readers)

    def _object(self, row: Item) -> dict[str, Json]:
        found = ((key, read(row)) for key, read in self.readers)
        return {key: value for key, value in found if not isinstance(value, Missing)}


@dataclass(frozen=True, slots=True)
class KeysOf(Operation):
    """The distinct keys of all items, dotted where objects are nested, sorted; of flows all that a flow can have."""

    kind: Kind

    def keys(self) -> Iterable[str]:
        return (EVERYTHING,)

    def apply(self, rows: Rows, context: Context) -> Rows:
        found: set[str] = set(FLOW_FIELDS) if self.kind is Kind.FLOWS and rows else set()
        for at, row in enumerate(members(self.kind, rows)):
            if isinstance(row, Node | Edge):
                found.update(_NODE_FIELDS)
                found.update(_EDGE_FIELDS if isinstance(row, Edge) else ())
                found.update(_paths(row.metadata, "", _DEEPEST_KEY))
            elif isinstance(row, Entry | Packet):
                found.update(_paths(row.data, "", _DEEPEST_KEY))
            elif isinstance(row, dict):
                found.update(_paths(row, "", _DEEPEST_KEY))
            if at % 1024 == 0:
                context.check(len(found))
        return context.ordered(list(found), str)


def _paths(data: dict[str, Json], prefix: str, depth: int) -> Iterator[str]:
    for key, value in data.items():
        quoted = quote_key(key)
        path = prefix + quoted if quoted.startswith("[") else f"{prefix}.{quoted}" if prefix else quoted
        yield path
        members = value if isinstance(value, list) else (value,)
        for member in members:
            if isinstance(member, dict) and depth:
                yield from _paths(member, path, depth - 1)


@dataclass(frozen=True, slots=True)
class SumOf(Operation):
    """The sum of the numbers at a key; items without it, or with null, add nothing."""

    kind: Kind
    read: Reader
    key: str
    call: Call

    def apply(self, rows: Rows, context: Context) -> Rows:
        total: Number = 0
        for row in members(self.kind, rows):
            found = self.read(row)
            if isinstance(found, Missing) or found is None:
                continue
            number = number_of(found)
            if number is None:
                raise QueryError(
                    f"{self.call.name} meets {shown(str(found))} in {_named(row)}, which is not a number",
                    span=self.call.span,
                )
            total += number
        context.check()
        return (total,)

    def keys(self) -> Iterable[str]:
        return (self.key,) if self.key else ()


def _named(row: Item) -> str:
    if isinstance(row, Node):
        return f"node {row.id}"
    if isinstance(row, Edge):
        return f"edge {row.id}"
    if isinstance(row, dict) and isinstance(row.get("UUID"), str):
        return f"flow {row['UUID']}"
    return "a value"


def build_values(call: Call, building: Building) -> Operation:
    """What is at a key, of every item that has it: `G.V().Values('IPV4')`."""
    (key,) = arguments.exactly(call, 1, "one key in quotes")
    name = arguments.key_of(key)
    return ValuesOf(building.takes, reader(building.takes, name, key.span), name)


def build_value_map(call: Call, building: Building) -> Operation:
    """An object with the given keys for every item that has one of them: `G.V().ValueMap('Name', 'MTU')`.

    Without keys all metadata of each element: `G.V('br0').ValueMap()`.
    """
    names = arguments.keys_of(call)
    if not names and building.takes in (Kind.NODES, Kind.EDGES):
        return maps.build_metadata_map(call, building)
    if not names:
        raise QueryError("ValueMap needs at least one key", span=call.span)
    given: Sequence[tuple[str, Reader]] = [
        (name, reader(building.takes, name, argument.span))
        for name, argument in zip(names, call.arguments, strict=True)
    ]
    return ValueMaps(building.takes, tuple(given))


def build_keys(call: Call, building: Building) -> Operation:
    """The distinct keys that the items have, nested ones with dots, sorted: `G.V('br0').Keys()`."""
    arguments.none(call)
    return KeysOf(building.takes)


def build_sum(call: Call, building: Building) -> Operation:
    """The sum of the numbers at a key: `G.V().Sum('MTU')`; of values, of themselves; of metrics, field by field."""
    if building.takes is Kind.METRICS:
        return metrics.build_sum(call)
    given = arguments.at_most(call, 1, "one key in quotes")
    if not given and building.takes is Kind.VALUES:
        return SumOf(building.takes, lambda row: cast("Json", row), "", call)
    (key,) = arguments.exactly(call, 1, "one key in quotes")
    name = arguments.key_of(key)
    return SumOf(building.takes, reader(building.takes, name, key.span), name, call)
