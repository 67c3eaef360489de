# SPDX-License-Identifier: Apache-2.0
"""Which rules a batch of events is about, told from what their queries read: most batches are about none."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netsonde.graph import Event
from netsonde.graph.events import EventBatch
from netsonde.graph.paths import Path, parse_path
from netsonde.query import Kind, StandingQuery
from netsonde.query.steps._api import EVERYTHING as ANY_KEY


@dataclass(frozen=True, slots=True)
class Reads:
    """What a rule's queries look at: top-level keys of nodes (None = any change), and whether edges matter."""

    keys: frozenset[str] | None = frozenset()
    edges: bool = False

    def __or__(self, other: "Reads") -> "Reads":
        keys = None if self.keys is None or other.keys is None else self.keys | other.keys
        return Reads(keys, self.edges or other.edges)


EVERYTHING: Final = Reads(None, edges=True)


def reads_of(standing: StandingQuery) -> Reads:
    """Return what a standing query looks at."""
    levels = standing.levels
    if not levels:
        return EVERYTHING
    keys = standing.plan.reads().get(Kind.NODES, frozenset())
    if ANY_KEY in keys:
        return EVERYTHING
    return Reads(keys_of(map(parse_path, keys)), len(levels) > 1 or levels[0].kind is Kind.EDGES)


def keys_of(paths: Iterable[Path]) -> frozenset[str] | None:
    """Return the top-level keys of paths, None when one is a field that changes with every revision."""
    found = tuple(paths)
    if any(path.field for path in found):
        return None
    return frozenset(root for path in found for root in path.roots)


class Readers:
    """Rules by what they read."""

    def __init__(self) -> None:
        self._reads: dict[str, Reads] = {}
        self._by_key: dict[str, set[str]] = {}
        self._any: set[str] = set()

    def put(self, uuid: str, reads: Reads) -> None:
        self.drop(uuid)
        self._reads[uuid] = reads
        if reads.keys is None:
            self._any.add(uuid)
        for key in reads.keys or ():
            self._by_key.setdefault(key, set()).add(uuid)

    def drop(self, uuid: str) -> None:
        reads = self._reads.pop(uuid, None)
        if reads is None:
            return
        self._any.discard(uuid)
        for key in reads.keys or ():
            self._by_key[key].discard(uuid)

    def concerned(self, events: Sequence[Event]) -> Collection[str]:
        """Return the rules that a batch may be about."""
        keys = events.updated_keys if isinstance(events, EventBatch) else None
        if keys is not None:
            return self._any.union(*(self._by_key.get(key, ()) for key in keys))
        if all(not event.is_node for event in events):
            return [uuid for uuid, reads in self._reads.items() if reads.edges]
        return list(self._reads)
