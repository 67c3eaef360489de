# SPDX-License-Identifier: Apache-2.0
"""JSON of all nodes and edges, remembered from one answer to the next: most of a large graph has not changed since.

The elements are cut into runs, and a run is found again by its first element. What was added, changed or removed
costs the encoding of the runs it was in. The texts are kept packed: LZ4 makes a quarter of them or less, and unpacks
faster than memory could be filled with them anew.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from netsonde.model.elements import Edge, Node
from netsonde.query.pace import Look

if TYPE_CHECKING:
    import pyarrow as pa

E = TypeVar("E", Node, Edge)

_RUN: Final = 256
"""Elements encoded in one call, which takes some 0.2 ms."""
_SHORTEST: Final = 64
"""Elements a run has on average; below that, all runs are cut anew."""
_ENCODER: Final = msgspec.json.Encoder()


class Run(NamedTuple):
    """Some elements and their JSON, packed; `length` is that of the text."""

    elements: Sequence[Any]
    packed: bytes
    length: int


class RememberedElements(Generic[E]):
    """Encodes the nodes, or the edges, of one graph. Threads may use it, one after the other or in turns."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    @property
    def size(self) -> int:
        """Bytes that are kept: texts, and lists of what they are of."""
        return sum(len(run.packed) + run.elements.__sizeof__() for run in self._runs.values())

    def parts(self, elements: Sequence[E], look: Look) -> Iterator[bytes]:
        """Yield the JSON of the elements in parts, to be joined by commas."""
        codec = _codec()
        before, after = self._runs, dict[str, Run]()
        at = 0
        while at < len(elements):
            run = before.get(elements[at].id)
            # Two lists are compared by identity first; a changed element is another one.
            if run is not None and elements[at : at + len(run.elements)] == run.elements:
                yield codec.decompress(run.packed, run.length, asbytes=True)
            else:
                some = _until_known(elements, at, before)
                text = _ENCODER.encode(some)[1:-1]
                run = Run(some, codec.compress(text, asbytes=True), len(text))
                yield text
                look()
            after[elements[at].id] = run
            at += len(run.elements)
        self._runs = after if len(after) * _SHORTEST <= len(elements) + _RUN else {}
        look()


class Remembered:
    """What is remembered of one graph."""

    def __init__(self) -> None:
        self.nodes: RememberedElements[Node] = RememberedElements()
        self.edges: RememberedElements[Edge] = RememberedElements()

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self.nodes.size + self.edges.size


def _codec() -> "pa.Codec":
    # Importing pyarrow takes 0.1 s, which a query on a small dump need not pay.
    import pyarrow as pa

    return pa.Codec("lz4_raw")


def _until_known(elements: Sequence[E], at: int, runs: dict[str, Run]) -> Sequence[E]:
    """Return the elements from a place on, up to the beginning of a known run."""
    some = elements[at : at + _RUN]
    ends = (number for number, element in enumerate(some) if number and element.id in runs)
    return some[: next(ends, len(some))]
