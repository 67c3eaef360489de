# SPDX-License-Identifier: Apache-2.0
"""JSON of all nodes, remembered from one answer to the next: most of a large graph has not changed in between.

The nodes are cut into runs, and a run is found again by its first node. What was added, changed or removed since costs
the encoding of the runs it was in. It takes the size of the JSON, some 300 bytes a node, from the first answer on.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from netsonde.model.elements import Node
from netsonde.query.pace import Look

_RUN: Final = 128
"""Nodes encoded in one call, which takes some 0.1 ms."""
_SHORTEST: Final = 32
"""Nodes a run has on average; below that, all runs are cut anew."""
_ENCODER: Final = msgspec.json.Encoder()

Run: TypeAlias = tuple[list[Node], bytes]


class RememberedNodes:
    """Encodes the nodes of one graph. Threads may use it, one after the other or in turns."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    @property
    def size(self) -> int:
        """Bytes of JSON that are kept."""
        return sum(len(text) for _, text in self._runs.values())

    def json(self, nodes: Sequence[Node], look: Look, *, end: bytes = b"") -> bytes:
        """Return the nodes as a JSON array, and `end` after it."""
        before, after = self._runs, dict[str, Run]()
        at = 0
        while at < len(nodes):
            run = before.get(nodes[at].id)
            # Two lists are compared by identity first; a changed node is another one.
            if run is None or nodes[at : at + len(run[0])] != run[0]:
                run = _encoded(_until_known(nodes, at, before))
                look()
            after[nodes[at].id] = run
            at += len(run[0])
        self._runs = after if len(after) * _SHORTEST <= len(nodes) + _RUN else {}
        look()
        return _array([text for _, text in after.values()], end)


def _until_known(nodes: Sequence[Node], at: int, runs: dict[str, Run]) -> list[Node]:
    """Return the nodes from a place on, up to the beginning of a known run."""
    some = list(nodes[at : at + _RUN])
    ends = (number for number, node in enumerate(some) if number and node.id in runs)
    return some[: next(ends, len(some))]


def _array(texts: list[bytes], end: bytes) -> bytes:
    """Return the members as an array, copied once only."""
    first, *others = texts or [b""]
    return b",".join([b"[" + first, *others[:-1], others[-1] + b"]" + end]) if others else b"[" + first + b"]" + end


def _encoded(nodes: list[Node]) -> Run:
    return nodes, _ENCODER.encode(nodes)[1:-1]
