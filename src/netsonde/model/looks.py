# SPDX-License-Identifier: Apache-2.0
"""How a type of node looks on the page: listed by the probe that writes it, so that a new probe needs no page code.

The page knows pictograms and places for kinds of things; a probe says which of its types is of which kind.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

PageKind: TypeAlias = Literal[
    "host",
    "netns",
    "container",
    "vm",
    "bridge",
    "port",
    "veth",
    "tap",
    "tunnel",
    "vlan",
    "loopback",
    "interface",
    "other",
]
"""Kinds of things that the page has a pictogram and a place for."""


class Look(msgspec.Struct, frozen=True, rename="pascal"):
    """One value of `Type`."""

    type: str
    kind: PageKind
    group: bool = False
    """Whether it appears before what is inside it, so that room is kept."""


def looks_like(kind: PageKind, types: Iterable[str], *, group: bool = False) -> tuple[Look, ...]:
    """Return that these types look alike."""
    return tuple(Look(one, kind, group) for one in types)
