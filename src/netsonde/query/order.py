# SPDX-License-Identifier: Apache-2.0
"""Total orders and identities of JSON values and elements, for `Sort` and `Dedup`."""

import json
from typing import Any, TypeAlias, cast

from netsonde.graph.paths import Found, Missing
from netsonde.model.elements import Edge, Json, Node
from netsonde.query.rows import Item

SortKey: TypeAlias = tuple[int, Any]


def sort_key(value: Json) -> SortKey:
    """Return a key that orders any JSON values: numbers, strings, booleans, then the rest by its JSON text."""
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, json_text(value))


def same_key(value: Found) -> object:
    """Return a hashable that is equal for equal JSON values only: true is not 1, "1" is not 1."""
    if isinstance(value, Missing):
        return value
    if isinstance(value, bool | list | dict) or value is None:
        return (type(value).__name__, json_text(value))
    return value


def identity(item: Item) -> object:
    """Return a hashable that is equal for the same element (in any revision), or for equal values."""
    if isinstance(item, Node | Edge):
        return (type(item), item.id)
    if isinstance(item, tuple):
        return tuple(identity(member) for member in item)
    return same_key(cast("Json", item))


def newer(one: Node | Edge, other: Node | Edge) -> bool:
    """Tell whether `one` is a later revision than `other`; both have the same id."""
    # Revisions begin anew when an agent lost its state, so time comes first.
    return (one.updated_at, one.revision) > (other.updated_at, other.revision)


def json_text(value: Json) -> str:
    """Return the JSON of a value, members of objects in order of their names."""
    return json.dumps(value, sort_keys=True)
