# SPDX-License-Identifier: Apache-2.0
"""How a key reads an item: elements through graph paths, flows through their schema's names, values as objects."""

from collections.abc import Callable
from typing import Final, TypeAlias, cast

from netsonde.errors import Span, UserError
from netsonde.graph.paths import MISSING, Found, Missing, Path, parse_path
from netsonde.model.elements import Edge, Json, Node
from netsonde.query.errors import QueryError, shown
from netsonde.query.flow_fields import either_end, flow_field
from netsonde.query.kinds import Kind
from netsonde.query.rows import Item

Reader: TypeAlias = Callable[[Item], Found]

LONGEST_KEY: Final = 1024
"""Characters; a path of many thousand parts costs the square of its length to prepare."""


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
    return (reader(kind, key, span),)


def reader(kind: Kind, key: str, span: Span) -> Reader:
    """Return how to read the one value of `key`."""
    path = element_path(key, span)
    if kind is Kind.FLOWS:
        return cast("Reader", flow_field(key))
    if kind in (Kind.NODES, Kind.EDGES):
        return cast("Reader", _element_reader(path))
    return cast("Reader", _value_reader(key, path))


def _element_reader(path: Path) -> Callable[[Node | Edge], Found]:
    if path.field or path.edge_field or len(path.keys) != 1:
        return path.get
    key = path.keys[0]
    # The common case, and the one that decides what a scan of the whole graph costs.
    return lambda element: element.metadata.get(key, MISSING)


def _value_reader(key: str, path: Path) -> Callable[[Json], Found]:
    def read(value: Json) -> Found:
        if not isinstance(value, dict):
            return MISSING
        # ValueMap names its members as the query wrote them, dots included.
        found: Found = value.get(key, MISSING)
        return path.get_in(value) if isinstance(found, Missing) and path.keys else found

    return read
