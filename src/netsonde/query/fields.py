# SPDX-License-Identifier: Apache-2.0
"""How a key reads an item: elements through graph paths, flows through their schema's names, values as objects.

Items that consist of members (`rows.COMPOUND`) are read member by member.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from netsonde.errors import Span, UserError
from netsonde.graph.paths import MISSING, Found, Missing, Path, parse_path
from netsonde.model.elements import Edge, Json, Node
from netsonde.query.errors import QueryError, shown
from netsonde.query.flow_fields import either_end, flow_field
from netsonde.query.kinds import Kind
from netsonde.query.rows import COMPOUND, Entry, Item, Packet, members_of

Reader: TypeAlias = Callable[[Item], Found]

_ENTRIES: Final = frozenset({Kind.SOCKETS, Kind.NEXT_HOPS, Kind.PACKETS, Kind.OF_RULES, Kind.OF_GROUPS})
"""Kinds whose items carry their data beside what they belong to."""

LONGEST_KEY: Final = 1024
"""Characters; a path of many thousand parts costs the square of its length to prepare."""


@dataclass(frozen=True, slots=True)
class KeyReader:
    """Reads a top-level key of elements, the common case."""

    key: str

    def __call__(self, element: Node | Edge) -> Found:
        return element.metadata.get(self.key, MISSING)


def element_path(key: str, span: Span) -> Path:
    """Return the path that a key spells. Raises QueryError at the key's place in the query."""
    if len(key) > LONGEST_KEY:
        raise QueryError(f"the key {shown(key)} is longer than {LONGEST_KEY} characters", span=span)
    try:
        return parse_path(key)
    except UserError as e:
        raise QueryError(e.message, hint=e.hint, span=span) from e


def readers(kind: Kind, key: str, span: Span) -> tuple[Reader, ...]:
    """Return how to read what a test of `key` looks at; for both ends of a flow's layer there are two."""
    if kind is Kind.FLOWS:
        element_path(key, span)
        return tuple(cast("Reader", flow_field(name)) for name in either_end(key))
    if kind is Kind.GROUPS:
        path = element_path(key, span)
        return tuple(_grouped_reader(name, path) for name in either_end(key))
    return (reader(kind, key, span),)


def reader(kind: Kind, key: str, span: Span) -> Reader:
    """Return how to read the one value of `key` at an item, or at a member of a compound one."""
    path = element_path(key, span)
    if kind is Kind.FLOWS:
        return cast("Reader", flow_field(key))
    if kind in (Kind.NODES, Kind.EDGES, Kind.PATHS):
        return cast("Reader", _element_reader(path))
    if kind is Kind.GROUPS:
        return _grouped_reader(key, path)
    read = _value_reader(key, path)
    if kind in _ENTRIES:
        return lambda row: read(cast("Entry | Packet", row).data)
    return cast("Reader", read)


def list_reader(kind: Kind, key: str, span: Span) -> Reader:
    """Return how to read `key` at a whole item: of a compound one what its members have, as a list."""
    read = reader(kind, key, span)
    if kind not in COMPOUND:
        return read

    def read_members(row: Item) -> Found:
        found = [value for member in members_of(row) if not isinstance(value := read(member), Missing)]
        return found if found else MISSING

    return read_members


def _grouped_reader(key: str, path: Path) -> Reader:
    of_element, of_flow = _element_reader(path), flow_field(key)

    def read(member: Item) -> Found:
        if isinstance(member, Node | Edge):
            return of_element(member)
        if not isinstance(member, dict):
            return MISSING
        found: Found = member.get(key, MISSING)
        return of_flow(member) if isinstance(found, Missing) else found

    return read


def _element_reader(path: Path) -> Callable[[Node | Edge], Found]:
    if path.field or path.edge_field or len(path.keys) != 1:
        return path.get
    return KeyReader(path.keys[0])


def _value_reader(key: str, path: Path) -> Callable[[Json], Found]:
    def read(value: Json) -> Found:
        if not isinstance(value, dict):
            return MISSING
        # ValueMap names its members as the query wrote them, dots included.
        found: Found = value.get(key, MISSING)
        return path.get_in(value) if isinstance(found, Missing) and path.keys else found

    return read
