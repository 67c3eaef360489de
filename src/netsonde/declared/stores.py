# SPDX-License-Identifier: Apache-2.0
"""Where declared elements are kept; `bus.Bucket` is such a store.

Buckets: `nodes`, `edges`, `annotations` (key: an id), `imports` (key: `<import>.<chunk>`).
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from netsonde.errors import WireError
from netsonde.model.declared import Annotation, ChunkContent, ImportChunk
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.stores import Entry, Store

T = TypeVar("T")

CHUNK_ELEMENTS = 2000
CHUNK_BYTES = 2 * 1024 * 1024
"""JSON of a chunk before it is compressed: even what does not compress fits into a message of the bus."""
_LEVEL = 3
_MOST_UNPACKED = 4 * CHUNK_BYTES

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ChunkContent)


@dataclass(frozen=True, slots=True)
class Stores:
    """The four buckets."""

    nodes: Store[Node]
    edges: Store[Edge]
    annotations: Store[Annotation]
    imports: Store[ImportChunk]


async def patiently(entries: AsyncIterator[Entry[T]]) -> AsyncIterator[Entry[T]]:
    """Yield entries, and let others work in between: a bucket that is read anew gives them without a pause."""
    async for entry in entries:
        yield entry
        await asyncio.sleep(0)


def pack(nodes: Sequence[Node], edges: Sequence[Edge]) -> ImportChunk:
    content = _encoder.encode(ChunkContent(list(nodes), list(edges)))
    return ImportChunk(len(nodes), len(edges), zlib.compress(content, _LEVEL))


def unpack(chunk: ImportChunk) -> ChunkContent:
    """Return the elements of a chunk; raises WireError for one that holds none."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(chunk.data, _MOST_UNPACKED)
        if unpacker.unconsumed_tail:
            raise WireError(f"a chunk of an import unpacks to more than {_MOST_UNPACKED} bytes")
        return _decoder.decode(content)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise WireError(f"no chunk of an import: {bad}") from bad


def cut(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[tuple[list[Node], list[Edge]]]:
    """Yield the elements in parts that each make one chunk."""
    some_nodes: list[Node] = []
    some_edges: list[Edge] = []
    octets = 0
    elements: list[Element] = [*nodes, *edges]
    for element in elements:
        size = len(_encoder.encode(element))
        if octets + size > CHUNK_BYTES or len(some_nodes) + len(some_edges) >= CHUNK_ELEMENTS:
            yield some_nodes, some_edges
            some_nodes, some_edges, octets = [], [], 0
        octets += size
        if isinstance(element, Edge):
            some_edges.append(element)
        else:
            some_nodes.append(element)
    if some_nodes or some_edges:
        yield some_nodes, some_edges
