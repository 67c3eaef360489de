# SPDX-License-Identifier: Apache-2.0
"""What the topology batches of publishers mean for history: rows of revisions. Pure: no I/O, no clock.

A publisher (an agent) starts again with revision 1 and a new epoch, and says once more what is there. Only what
differs from what is recorded makes rows. What vanished while it was away is found out by its next snapshot.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from netsonde.model.changes import ElementKind
from netsonde.model.elements import Edge, Element
from netsonde.model.topology import Change, NodeChange, TopologyBatch, TopologySnapshot

_encoder = msgspec.json.Encoder(order="deterministic")


class RevisionRow(msgspec.Struct, omit_defaults=True):
    """One row of `revisions`; times are Unix ms, `recorded` Unix ns."""

    kind: ElementKind
    id: str
    at: int
    valid_from: int
    recorded: int
    revision: int
    created: int
    host: str
    origin: str
    publisher: str
    metadata: str
    probe: str = ""
    deleted: int = 0
    keyframe: int = 0
    parent: str = ""
    child: str = ""
    epoch: int = 0
    """The keyframe at or before `at`, which the store fills in."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last recorded revision of a living element."""

    digest: bytes
    revision: int
    created: int
    valid_from: int
    publisher: str


@dataclass(slots=True)
class PublisherPosition:
    """The last batch of a publisher that was recorded, and whether its graph was compared with the records since."""

    epoch: str
    sequence: int
    settled: bool = False


@dataclass(slots=True)
class Rows:
    """Rows to be written together."""

    nodes: list[RevisionRow] = field(default_factory=list)
    edges: list[RevisionRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.nodes) + len(self.edges)

    def of(self, kind: ElementKind) -> list[RevisionRow]:
        return self.nodes if kind == "node" else self.edges


def digest_of(metadata: str, parent: str = "", child: str = "") -> bytes:
    """Return what tells two contents of an element apart; the database computes the same (`MD5`)."""
    return hashlib.md5(f"{metadata}\n{parent}\n{child}".encode(), usedforsecurity=False).digest()


class Revisions:
    """What is recorded of every living element, and the rows that a change adds to it."""

    def __init__(self) -> None:
        self.known: dict[ElementKind, dict[str, Known]] = {"node": {}, "edge": {}}
        self.publishers: dict[str, PublisherPosition] = {}
        self._recorded = 0
        """Unix ns of the batch, and the place in it: a batch that is recorded twice makes the same rows."""

    @property
    def unsettled(self) -> list[str]:
        """Publishers whose snapshot is needed: a new epoch or a gap, so deletions may have been missed."""
        return [name for name, position in self.publishers.items() if not position.settled]

    def batch(self, batch: TopologyBatch) -> Rows:
        """Return the rows of a batch; none for what is recorded already."""
        rows = Rows()
        position = self.publishers.setdefault(batch.host, PublisherPosition(batch.epoch, batch.sequence - 1))
        if batch.epoch != position.epoch:
            position.epoch, position.sequence, position.settled = batch.epoch, batch.sequence - 1, False
        if batch.sequence > position.sequence + 1:
            position.settled = False
        position.sequence = max(position.sequence, batch.sequence)
        for place, change in enumerate(batch.changes):
            self._recorded = batch.at_ns + place
            self._change(rows, batch, change)
        return rows

    def snapshot(self, snapshot: TopologySnapshot, now_ms: int) -> Rows:
        """Return the rows that bring the records to the snapshot; what it lacks was deleted by `now_ms`."""
        rows = Rows()
        publisher = snapshot.host
        self._recorded = now_ms * 1_000_000
        for node in snapshot.nodes:
            self._put(rows, "node", node, publisher, "")
        for edge in snapshot.edges:
            self._put(rows, "edge", edge, publisher, "")
        present: dict[ElementKind, set[str]] = {
            "node": {node.id for node in snapshot.nodes},
            "edge": {edge.id for edge in snapshot.edges},
        }
        for kind in ("node", "edge"):
            lacking = [
                element_id
                for element_id, known in self.known[kind].items()
                if known.publisher == publisher and element_id not in present[kind]
            ]
            for element_id in lacking:
                # A publisher's clock may be ahead of ours.
                self._end(rows, kind, element_id, max(now_ms, self.known[kind][element_id].valid_from))
        self.publishers[publisher] = PublisherPosition(snapshot.epoch, snapshot.sequence, settled=True)
        return rows

    def gone(self, publisher: str, now_ms: int) -> Rows:
        """Return the rows that end everything of a publisher that went away; it is compared when it comes back."""
        position = self.publishers.get(publisher) or PublisherPosition("", 0)
        rows = self.snapshot(TopologySnapshot(publisher, position.epoch, position.sequence, [], []), now_ms)
        self.publishers[publisher].settled = False
        return rows

    def _change(self, rows: Rows, batch: TopologyBatch, change: Change) -> None:
        kind: ElementKind = "node" if isinstance(change, NodeChange) else "edge"
        element: Element = change.node if isinstance(change, NodeChange) else change.edge
        if change.kind == "deleted":
            at = element.deleted_at if element.deleted_at is not None else batch.at_ns // 1_000_000
            self._end(rows, kind, element.id, at, change.probe, element.host)
        else:
            self._put(rows, kind, element, batch.host, change.probe)

    def _put(self, rows: Rows, kind: ElementKind, element: Element, publisher: str, probe: str) -> None:
        metadata = _encoder.encode(element.metadata).decode()
        parent, child = (element.parent, element.child) if isinstance(element, Edge) else ("", "")
        digest = digest_of(metadata, parent, child)
        before = self.known[kind].get(element.id)
        if before is not None and before.digest == digest:
            return
        # Created once, and numbered on, whatever its publisher remembers.
        created = before.created if before is not None else element.created_at
        revision = element.revision if before is None else max(element.revision, before.revision + 1)
        late = before is not None and element.updated_at < before.valid_from
        if late:
            revision = element.revision
        if not late:
            self.known[kind][element.id] = Known(digest, revision, created, element.updated_at, publisher)
        rows.of(kind).append(
            RevisionRow(
                kind=kind,
                id=element.id,
                at=element.updated_at,
                valid_from=element.updated_at,
                recorded=self._recorded,
                revision=revision,
                created=created,
                host=element.host,
                origin=element.origin,
                publisher=publisher,
                metadata=metadata,
                probe=probe,
                parent=parent,
                child=child,
            )
        )

    def _end(self, rows: Rows, kind: ElementKind, element_id: str, at_ms: int, probe: str = "", host: str = "") -> None:
        before = self.known[kind].get(element_id)
        if before is None or at_ms < before.valid_from:
            return
        del self.known[kind][element_id]
        rows.of(kind).append(
            RevisionRow(
                kind=kind,
                id=element_id,
                at=at_ms,
                valid_from=at_ms,
                recorded=self._recorded,
                revision=before.revision,
                created=before.created,
                host=host,
                origin="",
                publisher=before.publisher,
                metadata="",
                probe=probe,
                deleted=1,
            )
        )


def epoch_of(at_ms: int, keyframes: Sequence[int]) -> int:
    """Return the last of the keyframes (in order) at or before a time, 0 when there is none."""
    before = bisect_right(keyframes, at_ms)
    return keyframes[before - 1] if before else 0


def amendments(rows: Iterable[RevisionRow], keyframes: Sequence[int]) -> Iterator[RevisionRow]:
    """Yield copies of late rows for the keyframes (in order) that were taken after they began to hold.

    The rows come from an agent that was cut off. If one of them is not the last before the keyframe, then the order
    by valid_from keeps the right one.
    """
    for row in rows:
        for keyframe in keyframes[bisect_right(keyframes, row.valid_from) :]:
            yield msgspec.structs.replace(row, at=keyframe, epoch=keyframe, keyframe=1)
