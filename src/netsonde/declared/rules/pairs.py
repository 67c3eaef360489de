# SPDX-License-Identifier: Apache-2.0
"""Which nodes an edge rule links: those of one query with those of another, all or where two values are the same.

A change costs what it touches: the pairs of the node that entered, left, or got another value.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from netsonde.graph import Event, GraphReader
from netsonde.graph.paths import Path, values_at
from netsonde.query import Matcher

Pair = tuple[str, str]
"""Ids of parent and child."""
_EVERY: Final = frozenset({b""})
_READ: Final = 250
"""Nodes that a query is asked about at once."""

_encoder = msgspec.json.Encoder()


class _Side:
    """The nodes of one query, by the values that they are joined by."""

    def __init__(self, matcher: Matcher, path: Path | None) -> None:
        self.matcher = matcher
        self.path = path
        self.keys: dict[str, frozenset[bytes]] = {}
        self.by_key: dict[bytes, dict[str, None]] = {}
        self.linked: dict[str, set[str]] = {}
        """The other ends of the pairs that are kept."""

    def changed(self, events: Sequence[Event]) -> set[str]:
        """Follow a batch; return the nodes that entered, left, or may have another value."""
        gained, lost = self.matcher.update(events)
        changed = gained | lost
        if self.path is not None:
            changed.update(
                event.element.id
                for event in events
                if event.is_node and event.element.id in self.matcher.matching and self.path.touched_by(event.touched)
            )
        return changed

    def put(self, node_id: str, keys: frozenset[bytes]) -> None:
        for key in self.keys.get(node_id, frozenset()) - keys:
            del self.by_key[key][node_id]
            if not self.by_key[key]:
                del self.by_key[key]
        for key in keys:
            self.by_key.setdefault(key, {})[node_id] = None
        if keys:
            self.keys[node_id] = keys
        else:
            self.keys.pop(node_id, None)

    def partners(self, keys: Iterable[bytes]) -> Iterator[str]:
        """Yield who has one of the keys, again for each key in common; who has enough of them stops."""
        return (node_id for key in keys for node_id in self.by_key.get(key, ()))

    def link(self, node_id: str, partner: str) -> None:
        self.linked.setdefault(node_id, set()).add(partner)

    def unlink(self, node_id: str, partner: str) -> None:
        self.linked[node_id].discard(partner)
        if not self.linked[node_id]:
            del self.linked[node_id]


class Pairs:
    """The pairs of one rule, at most `most` of them; none before `fill` was called until all is filled.

    The matchers are those of queries that have looked at nothing yet.
    """

    def __init__(
        self, graph: GraphReader, parents: Matcher, children: Matcher, join: tuple[Path, Path] | None, most: int
    ) -> None:
        self._graph = graph
        self._parents = _Side(parents, join[0] if join else None)
        self._children = _Side(children, join[1] if join else None)
        self._most = most
        self.pairs: set[Pair] = set()
        self.is_full = False
        """Whether there are more pairs than are kept."""
        self._unread = [(side, side.matcher.fill(_READ)) for side in (self._children, self._parents)]
        self._unfilled: list[tuple[_Side, str]] = []

    @property
    def is_filled(self) -> bool:
        """Whether all nodes that were there from the beginning have been looked at."""
        return not (self._unread or self._unfilled)

    def fill(self, size: int) -> set[Pair]:
        """Look at some `size` of the nodes that were there from the beginning; `update` may be called in between."""
        changed: set[Pair] = set()
        left = size
        while left > 0 and not self.is_filled:
            if self._unfilled:
                self._move(*self._unfilled.pop(), changed)
                left -= 1
            else:
                self._read()
                left -= _READ
        return changed

    def _read(self) -> None:
        """Find which of the next nodes match."""
        side, portions = self._unread[-1]
        found = next(portions, None)
        if found is None:
            self._unread.pop()
        else:
            self._unfilled += ((side, node_id) for node_id in found)

    def update(self, events: Sequence[Event]) -> set[Pair]:
        """Follow a batch; return the pairs that entered or left. Raises LimitReached as matchers do."""
        changed: set[Pair] = set()
        for side in (self._parents, self._children):
            for node_id in side.changed(events):
                self._move(side, node_id, changed)
        if self.is_full and len(self.pairs) < self._most:
            self._fill(changed)
        return changed

    def _move(self, side: _Side, node_id: str, changed: set[Pair]) -> None:
        other = self._children if side is self._parents else self._parents
        keys = self._keys(side, node_id)
        side.put(node_id, keys)
        # Not all that could be linked are looked at, only those that are: everything with everything is too many.
        for partner in tuple(side.linked.get(node_id, ())):
            if keys.isdisjoint(other.keys.get(partner, ())):
                self._drop(self._pair(side, node_id, partner), changed)
        self._link(side, node_id, keys, changed)

    def _link(self, side: _Side, node_id: str, keys: Iterable[bytes], changed: set[Pair]) -> None:
        """Add the pairs of a node while there is room for them."""
        other = self._children if side is self._parents else self._parents
        for partner in other.partners(keys):
            pair = self._pair(side, node_id, partner)
            if partner == node_id or pair in self.pairs:
                continue
            if len(self.pairs) >= self._most:
                self.is_full = True
                return
            self.pairs.add(pair)
            self._parents.link(*pair)
            self._children.link(*reversed(pair))
            changed.add(pair)

    def _drop(self, pair: Pair, changed: set[Pair]) -> None:
        self.pairs.discard(pair)
        self._parents.unlink(*pair)
        self._children.unlink(*reversed(pair))
        changed.add(pair)

    def _fill(self, changed: set[Pair]) -> None:
        self.is_full = False
        for parent, keys in self._parents.keys.items():
            self._link(self._parents, parent, keys, changed)
            if self.is_full:
                return

    def _pair(self, side: _Side, node_id: str, partner: str) -> Pair:
        return (node_id, partner) if side is self._parents else (partner, node_id)

    def _keys(self, side: _Side, node_id: str) -> frozenset[bytes]:
        """Return what a node is joined by, nothing when it is not of the query."""
        node = self._graph.node(node_id)
        if node is None or node_id not in side.matcher.matching:
            return frozenset()
        if side.path is None:
            return _EVERY
        return frozenset(_encoder.encode(value) for value in values_at(node, side.path))
