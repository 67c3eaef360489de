# SPDX-License-Identifier: Apache-2.0
"""What flows between steps: a list of items, all of the kind that the plan says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netsonde.model.elements import Edge, Json, Metadata, Node


@dataclass(frozen=True, slots=True)
class Series:
    """Metrics of one node or flow, in order of their start."""

    key: str
    """Node id or flow UUID."""
    points: tuple[Metadata, ...]


@dataclass(frozen=True, slots=True)
class Packets:
    """Kept packets as Arrow IPC batches, of the flows with these UUIDs."""

    batches: Sequence[bytes]
    flow_uuids: frozenset[str]


Nodes: TypeAlias = tuple[Node, ...]
Item: TypeAlias = Node | Edge | Nodes | Json | Series | Packets
Rows: TypeAlias = Sequence[Item]
