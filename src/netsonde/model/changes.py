# SPDX-License-Identifier: Apache-2.0
"""What happened to nodes and edges between two times, key by key, as history tells it and queries serve it."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from netsonde.model.elements import Json

ElementKind = Literal["node", "edge"]
WhatHappened = Literal["added", "updated", "removed"]


class KeyChange(msgspec.Struct, frozen=True, rename="pascal"):
    """One key of an element; a value is left out where the key was not there, null is a value."""

    key: str
    """Path as queries spell it: `State`, `ExtID.vm-id`; `@Parent` and `@Child` for the ends of an edge."""
    old: Json | UnsetType = UNSET
    new: Json | UnsetType = UNSET


class ElementChange(msgspec.Struct, frozen=True, rename="pascal"):
    """One element was added, updated or removed at `time` (Unix ms)."""

    time: int
    change: WhatHappened
    kind: ElementKind
    id: str = msgspec.field(name="ID")
    name: str
    type: str
    """Type of a node, RelationType of an edge."""
    host: str
    origin: str
    probe: str
    """Owner of the layer that changed, such as `netlink`, `ovsdb` or `user`; "" when several did, or nobody told."""
    keys: list[KeyChange]
    parent: str | UnsetType = UNSET
    """Of edges, as is `child`."""
    child: str | UnsetType = UNSET
