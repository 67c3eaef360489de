# SPDX-License-Identifier: Apache-2.0
"""What the topology batches of publishers mean for history: rows of revisions. Pure: no I/O, no clock.

A publisher (an agent) starts again with revision 1 and a new epoch, and says once more what is there. Only what
differs from what is recorded makes rows. What vanished while it was away is found out by its next snapshot.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import Change, NodeChange, TopologyBatch, TopologySnapshot

Kind = Literal["node", "edge"]

_encoder = msgspec.json.Encoder(order="deterministic")


class RevisionRow(msgspec.Struct, omit_defaults=True):
    """One row of `node_revisions` or `edge_revisions`; times are Unix ms, `recorded` Unix ns."""

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

    def of(self, kind: Kind) -> list[RevisionRow]:
        return self.nodes if kind == "node" else self.edges


def digest_of(metadata: str, parent: str = "", child: str = "") -> bytes:
    """Return what tells two contents of an element apart; the database computes the same (`MD5`)."""
    return hashlib.md5(f"{metadata}\n{parent}\n{child}".encode(), usedforsecurity=False).digest()


class Revisions:
    """What is recorded of every living element, and the rows that a change adds to it."""

    def __init__(self) -> None:
        self.known: dict[Kind, dict[str, Known]] = {"node": {}, "edge": {}}
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
        present: dict[Kind, set[str]] = {
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
        kind: Kind = "node" if isinstance(change, NodeChange) else "edge"
        element: Element = change.node if isinstance(change, NodeChange) else change.edge
        if change.kind == "deleted":
            at = element.deleted_at if element.deleted_at is not None else batch.at_ns // 1_000_000
            self._end(rows, kind, element.id, at, change.probe, element.host)
        else:
            self._put(rows, kind, element, batch.host, change.probe)

    def _put(self, rows: Rows, kind: Kind, element: Element, publisher: str, probe: str) -> None:
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

    def _end(self, rows: Rows, kind: Kind, element_id: str, at_ms: int, probe: str = "", host: str = "") -> None:
        before = self.known[kind].get(element_id)
        if before is None or at_ms < before.valid_from:
            return
        del self.known[kind][element_id]
        rows.of(kind).append(
            RevisionRow(
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


def amendments(rows: Iterable[RevisionRow], keyframes: list[int]) -> Iterator[RevisionRow]:
    """Yield copies of late rows for the keyframes that were taken after they began to hold.

    The rows come from an agent that was cut off. If one of them is not the last before the keyframe, then the order
    by valid_from keeps the right one.
    """
    for row in rows:
        for keyframe in keyframes:
            if row.valid_from < keyframe:
                yield msgspec.structs.replace(row, at=keyframe, keyframe=1)


def element_of(kind: Kind, row: "StoredRevision", deleted_at: int | None) -> Node | Edge:
    """Return the element that a stored row describes."""
    metadata = msgspec.json.decode(row.metadata or b"{}")
    common = {
        "id": row.id,
        "metadata": metadata,
        "host": row.host,
        "origin": row.origin,
        "created_at": row.created,
        "updated_at": row.valid_from,
        "deleted_at": deleted_at,
        "revision": row.revision,
    }
    return Node(**common) if kind == "node" else Edge(**common, parent=row.parent, child=row.child)


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A row as it is read back."""

    id: str
    valid_from: int
    revision: int
    created: int
    deleted: int
    host: str
    origin: str
    metadata: bytes
    parent: str = ""
    child: str = ""


def visible(rows: Iterable[StoredRevision], kind: Kind) -> list[Node | Edge]:
    """Return the elements of rows that are ordered by id and time; an end sets `deleted_at` of the one before."""
    found: list[Node | Edge] = []
    pending: StoredRevision | None = None
    for row in rows:
        ended = row.valid_from if pending is not None and row.id == pending.id and row.deleted else None
        if pending is not None and not pending.deleted:
            found.append(element_of(kind, pending, ended))
        pending = row
    if pending is not None and not pending.deleted:
        found.append(element_of(kind, pending, None))
    return found
