# SPDX-License-Identifier: Apache-2.0
"""Nodes and edges as the graph keeps them: immutable revisions of an identity.

Source of the shape: the JSON that the reference serves. Metadata is plain JSON data (dict, list, str, int, float,
bool, None), keys verbatim; nobody changes it in place, a change makes a new element with the next revision.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
else:
    Json = Any  # msgspec cannot resolve a recursive alias; whatever JSON decodes to is valid here
Metadata: TypeAlias = dict[str, Json]


class Node(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """One revision of a node. Times are Unix milliseconds.

    `id` is stable over restarts of the agent; `host` is the host id of the producer ("" for shared objects);
    `origin` is `<service>.<host id>`, the unit in which a publisher's elements are replaced or dropped.
    """

    id: str = msgspec.field(name="ID")
    metadata: Metadata
    host: str
    origin: str
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    revision: int = 1


class Edge(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """One revision of an edge, directed from `parent` to `child` (node ids)."""

    id: str = msgspec.field(name="ID")
    metadata: Metadata
    host: str
    origin: str
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    revision: int = 1
    parent: str = ""
    child: str = ""


Element: TypeAlias = Node | Edge
