# SPDX-License-Identifier: Apache-2.0
"""What users state about the topology: elements of their own, annotations on what probes show, imports.

Stored in the buckets `nodes` and `edges` (key: the element's id, value: the element), `annotations` (key: the node's
id) and `imports` (key: `<import>.<chunk>`).
"""

from typing import Literal

import msgspec

from netsonde.model.elements import Edge, Metadata, Node

ElementKind = Literal["node", "edge"]


class Annotation(msgspec.Struct, frozen=True):
    """What users say about a node that a probe shows; it lies above what probes say, key by key."""

    id: str = msgspec.field(name="ID")
    metadata: Metadata = msgspec.field(name="Metadata")
    updated_at: int = msgspec.field(name="UpdatedAt", default=0)
    """Unix ms."""


class ImportChunk(msgspec.Struct, frozen=True):
    """Some elements of an import: one message on the bus instead of thousands."""

    nodes: int
    edges: int
    data: bytes
    """zlib-compressed JSON of `ChunkContent`."""


class ChunkContent(msgspec.Struct, frozen=True, rename="pascal"):
    """The elements of a chunk."""

    nodes: list[Node]
    edges: list[Edge]


class Refusal(msgspec.Struct, frozen=True, rename="pascal"):
    """An element that was not imported, and why."""

    kind: ElementKind
    id: str = msgspec.field(name="ID")
    reason: str
    hint: str = ""


class ImportReport(msgspec.Struct, frozen=True, rename="pascal"):
    """What became of one batch of elements; each was taken as a whole or not at all."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    waiting: int = 0
    """Edges among them whose ends are not there yet."""
    removed: int = 0
    refused: int = 0
    refusals: list[Refusal] = []
    """The first 100 of the refused."""


class ImportSummary(msgspec.Struct, frozen=True, rename="pascal"):
    """One import as it is stored."""

    name: str
    nodes: int
    edges: int
