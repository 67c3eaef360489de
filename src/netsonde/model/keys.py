# SPDX-License-Identifier: Apache-2.0
"""How a metadata key, or a field of a flow or a metric, is described: once, beside the code that writes it.

`schema` collects the descriptions; `GET /api/schema`, the reference page, completion and the validation of external
writers are made from them.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from netsonde.model.elements import Json

ValueType: TypeAlias = Literal[
    "string",
    "string or null",
    "integer",
    "number",
    "boolean",
    "object",
    "list of string",
    "list of integer",
    "list of object",
    "any",
]
"""Types of JSON; an integer is a number without a fraction, `any` is left to whoever writes it."""

On: TypeAlias = Literal["node", "edge"]

ANY_MEMBER: Final = "*"
"""As the last part of a path: every member of an object whose names are not ours, such as external ids."""


class Key(msgspec.Struct, frozen=True, rename="pascal"):
    """One metadata key. The path of a list's members leads through the list, as in a query."""

    key: str
    type: ValueType
    description: str
    example: Json
    types: tuple[str, ...] = ()
    """Values of `Type` of the nodes or edges that have it; empty = all."""
    unit: str = ""
    on: On = "node"
    producer: str = ""
    """Probe or layer that writes it."""


class Field(msgspec.Struct, frozen=True, rename="pascal"):
    """One field of a flow or of a metric."""

    key: str
    type: ValueType
    description: str
    example: Json
    unit: str = ""


def written_by(producer: str, *keys: Key) -> tuple[Key, ...]:
    """Return the keys with their producer."""
    return tuple(msgspec.structs.replace(key, producer=producer) for key in keys)


def of_types(types: Iterable[str], *keys: Key) -> tuple[Key, ...]:
    """Return the keys as keys of these types of nodes only."""
    return tuple(msgspec.structs.replace(key, types=tuple(types)) for key in keys)
