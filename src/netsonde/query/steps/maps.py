# SPDX-License-Identifier: Apache-2.0
"""Elements as objects of their fields and metadata: `ElementMap`, `Properties`, and `ValueMap` without keys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from netsonde.graph.paths import Missing, Path, parse_path
from netsonde.model.elements import Edge, Json, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.fields import Reader, reader
from netsonde.query.kinds import Kind
from netsonde.query.rows import Item, Rows
from netsonde.query.steps._api import EVERYTHING, Building, Effect, Operation
from netsonde.query.syntax import Call

_FIELDS: Final = tuple(
    parse_path(name)
    for name in ("@ID", "@Host", "@Origin", "@CreatedAt", "@UpdatedAt", "@DeletedAt", "@Revision", "@Parent", "@Child")
)


@dataclass(frozen=True, slots=True)
class Maps(Operation):
    """One object for each item: its metadata, with its fields too when asked for, or some keys of it and its id."""

    effect = Effect.MOVES

    readers: tuple[tuple[str, Reader], ...]
    """The keys to show; none: all."""
    fields: bool

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected(map(self._object, rows))

    def keys(self) -> Iterable[str]:
        return [key for key, _ in self.readers] or (EVERYTHING,)

    def _object(self, row: Item) -> dict[str, Json]:
        if not isinstance(row, Node | Edge):
            return dict(row) if isinstance(row, dict) else {}
        if not self.readers:
            return {**_fields(row, _FIELDS), **row.metadata} if self.fields else dict(row.metadata)
        found = ((key, read(row)) for key, read in self.readers)
        shown = {key: value for key, value in found if not isinstance(value, Missing)}
        return {**_fields(row, _FIELDS[:1]), **shown} if self.fields else shown


def _fields(element: Node | Edge, paths: Iterable[Path]) -> dict[str, Json]:
    found = ((path.text, path.get(element)) for path in paths)
    return {name: value for name, value in found if not isinstance(value, Missing)}


@dataclass(frozen=True, slots=True)
class PropertiesOf(Operation):
    """One object `{"Key", "Value"}` for each key of each item."""

    effect = Effect.MOVES

    readers: tuple[tuple[str, Reader], ...]

    def apply(self, rows: Rows, context: Context) -> Rows:
        return context.collected({"Key": key, "Value": value} for row in rows for key, value in self._members(row))

    def keys(self) -> Iterable[str]:
        return [key for key, _ in self.readers] or (EVERYTHING,)

    def _members(self, row: Item) -> Iterator[tuple[str, Json]]:
        if not self.readers:
            yield from (row.metadata if isinstance(row, Node | Edge) else row if isinstance(row, dict) else {}).items()
        for key, read in self.readers:
            value = read(row)
            if not isinstance(value, Missing):
                yield key, value


def build_element_map(call: Call, building: Building) -> Operation:
    """One flat object for each element: its fields, as `@ID` and `@Host`, and its metadata: `G.V('br0').ElementMap()`.

    With keys only these and `@ID`: `G.E('l5').ElementMap('RelationType', '@Parent')`.
    """
    return Maps(_readers(call, building.takes), fields=True)


def build_metadata_map(call: Call, building: Building) -> Operation:
    """Return the operation of `ValueMap()` without keys."""
    return Maps((), fields=False)


def build_properties(call: Call, building: Building) -> Operation:
    """One object with `Key` and `Value` for each key, or each of the keys given, of each item.

    `G.V('br0').Properties('Name', 'MTU')`, `G.V('br0').Properties().Values('Key')`
    """
    return PropertiesOf(_readers(call, building.takes))


def _readers(call: Call, kind: Kind) -> tuple[tuple[str, Reader], ...]:
    names = arguments.keys_of(call)
    given = zip(names, call.arguments, strict=True)
    return tuple((name, reader(kind, name, argument.span)) for name, argument in given)
