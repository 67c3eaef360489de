# SPDX-License-Identifier: Apache-2.0
"""What flows between steps: a list of items, all of the kind that the plan says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from netsonde.model.elements import Edge, Json, Metadata, Node
from netsonde.query.kinds import Kind


@dataclass(frozen=True, slots=True)
class Series:
    """Metrics of one node or flow, in order of their start."""

    key: str
    """Node id or flow UUID."""
    points: tuple[Metadata, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items that have the same value at the key they were grouped by."""

    key: str
    members: "tuple[Node | Edge | Json, ...]"


@dataclass(frozen=True, slots=True)
class Entry:
    """One socket, OpenFlow rule or group, or the next hop of a node."""

    key: str
    """Id of the node, or UUID of the flow, that it belongs to."""
    data: Metadata


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """Kept packets as they came: one Arrow IPC stream."""

    stream: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """One kept packet."""

    key: str
    """UUID of its flow."""
    data: Metadata
    """`Timestamp` (Unix ms), `Index`, `Data` (base64), `LinkType`, and what else can be asked of it."""
    batch: PacketBatch
    row: int
    """Its place in the batch."""


Nodes: TypeAlias = tuple[Node, ...]
Item: TypeAlias = Node | Edge | Nodes | Json | Series | Group | Entry | Packet
Rows: TypeAlias = Sequence[Item]

COMPOUND = frozenset({Kind.PATHS, Kind.METRICS, Kind.GROUPS})
"""Kinds whose items consist of members, at which keys are read: nodes, points, grouped items."""


def members_of(row: Item) -> Sequence[Item]:
    """Return the members of an item of a compound kind; of any other item the item itself."""
    if isinstance(row, Series):
        return row.points
    if isinstance(row, Group):
        return cast("Sequence[Item]", row.members)
    return cast("Sequence[Item]", row) if isinstance(row, tuple) else (row,)


def members(kind: Kind, rows: Rows) -> Iterable[Item]:
    """Yield what keys are read at, one by one."""
    return (member for row in rows for member in members_of(row)) if kind in COMPOUND else rows
