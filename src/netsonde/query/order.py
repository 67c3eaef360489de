# SPDX-License-Identifier: Apache-2.0
"""Total orders and identities of JSON values and elements, for `Sort` and `Dedup`."""

import json
from typing import Any, TypeAlias

from netsonde.graph.paths import Found, Missing
from netsonde.model.elements import Edge, Json, Node

SortKey: TypeAlias = tuple[int, Any]


def sort_key(value: Json) -> SortKey:
    """Return a key that orders any JSON values: numbers, strings, booleans, then the rest by its JSON text."""
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, _text(value))


def same_key(value: Found) -> object:
    """Return a hashable that is equal for equal JSON values only: true is not 1, "1" is not 1."""
    if isinstance(value, Missing):
        return value
    if isinstance(value, bool | list | dict) or value is None:
        return (type(value).__name__, _text(value))
    return value


def newer(one: Node | Edge, other: Node | Edge) -> bool:
    """Tell whether `one` is a later revision than `other`; both have the same id."""
    # Revisions begin anew when an agent lost its state, so time comes first.
    return (one.updated_at, one.revision) > (other.updated_at, other.revision)


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
