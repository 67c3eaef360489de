# SPDX-License-Identifier: Apache-2.0
"""Revisions of nodes and edges in the database: written, kept bounded by keyframes, read at a time or an interval."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.history.database import Database
from netsonde.history.revisions import (
    Kind,
    Known,
    PublisherPosition,
    RevisionRow,
    Revisions,
    Rows,
    StoredRevision,
    amendments,
    visible,
)
from netsonde.model.elements import Edge, Json, Node
from netsonde.model.topology import ChangeKind, TopologyBatch, TopologySnapshot

_ENDS = ", parent, child"
_COMMON = "id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin, publisher, probe, metadata"
_STREAM = "stream"
_KINDS: tuple[Kind, ...] = ("node", "edge")


def _table(kind: Kind) -> str:
    return f"{kind}_revisions"


def _columns(kind: Kind) -> str:
    return _COMMON + (_ENDS if kind == "edge" else "")


def _read_columns(kind: Kind) -> str:
    return "id, valid_from, revision, created, deleted, host, origin, metadata" + (_ENDS if kind == "edge" else "")


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change that history holds."""

    at_ms: int
    kind: ChangeKind
    element: Kind
    id: str
    revision: int
    host: str
    probe: str
    metadata: Json


class TopologyStore:
    """Blocking; used in the thread of the database. `now_ms` is a parameter for tests."""

    def __init__(
        self, database: Database, keyframe_ms: int, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._database = database
        self._keyframe_ms = keyframe_ms
        self._now_ms = now_ms
        self.revisions = Revisions()
        self.position = 0
        self._keyframes: list[int] = []
        self.refused = 0
        """Rows that the database could not take: a publisher sent values beyond any sense."""

    def load(self) -> None:
        """Read what is living, and how far the stream was recorded."""
        self.revisions = Revisions()
        self._keyframes = [int(row[0]) for row in self._database.rows("SELECT DISTINCT at FROM keyframes ORDER BY at")]
        for kind in _KINDS:
            self._load_known(kind)
        for name, position, epoch in self._database.rows("SELECT name, position, epoch FROM positions FINAL"):
            if name == _STREAM:
                self.position = int(position)
            else:
                self.revisions.publishers[name] = PublisherPosition(epoch, int(position))

    def _load_known(self, kind: Kind) -> None:
        ends = "parent, '\\n', child" if kind == "edge" else "'\\n'"
        sql = (
            f"SELECT id, revision, created, valid_from, publisher, hex(MD5(concat(metadata, '\\n', {ends}))) FROM ("
            f"{self._at(kind, _columns(kind))}) WHERE deleted = 0"
        )
        last = 1 << 62
        known = self.revisions.known[kind]
        for element_id, revision, created, valid_from, publisher, digest in self._database.rows(
            sql, since=self._keyframe(last), until=last
        ):
            known[element_id] = Known(bytes.fromhex(digest), revision, created, valid_from, publisher)

    def write_batches(self, batches: list[TopologyBatch], position: int) -> None:
        """Record batches; `position` is how far the stream is recorded then."""
        rows = Rows()
        for batch in batches:
            added = self.revisions.batch(batch)
            rows.nodes += added.nodes
            rows.edges += added.edges
        self._write(rows)
        self._write_positions(position, {batch.host for batch in batches})
        # Also when nothing changes: what the last keyframe holds expires one day.
        if any(self.revisions.known.values()):
            self.take_keyframe_if_due()

    def write_snapshot(self, snapshot: TopologySnapshot) -> None:
        """Record what differs from a publisher's whole graph."""
        self._write(self.revisions.snapshot(snapshot, self._now_ms()))
        self._write_positions(self.position, {snapshot.host})

    def write_gone(self, publisher: str) -> None:
        """Record that everything of a publisher ended now."""
        self._write(self.revisions.gone(publisher, self._now_ms()))
        self._write_positions(self.position, {publisher})

    def _write(self, rows: Rows) -> None:
        # Nodes first: an edge whose ends are missing would show in what is read between two inserts.
        for kind in _KINDS:
            new = rows.of(kind)
            if new:
                self._insert(kind, new + list(amendments(new, self._keyframes)))

    def _insert(self, kind: Kind, rows: list[RevisionRow]) -> None:
        encoded = list(map(msgspec.json.encode, rows))
        self.refused += self._database.insert_rows(_table(kind), _columns(kind).split(", "), encoded)

    def _write_positions(self, position: int, publishers: set[str]) -> None:
        written = time.time_ns()
        known = self.revisions.publishers
        rows: list[dict[str, Json]] = [
            {"name": name, "position": known[name].sequence, "epoch": known[name].epoch, "written": written}
            for name in publishers
        ]
        rows.append({"name": _STREAM, "position": position, "epoch": "", "written": written})
        encoded = list(map(msgspec.json.encode, rows))
        self._database.insert_rows("positions", ["name", "position", "epoch", "written"], encoded)
        self.position = position

    def take_keyframe_if_due(self) -> bool:
        """Record the whole graph of now when the last keyframe is old enough."""
        now = self._now_ms()
        if self._keyframes and now - self._keyframes[-1] < self._keyframe_ms:
            return False
        since = self._keyframe(now)
        for kind in _KINDS:
            copied = _columns(kind).replace(" at,", " {until:Int64},").replace("keyframe,", "1,")
            inner = self._at(kind, _columns(kind))
            self._database.command(
                f"INSERT INTO {_table(kind)} ({_columns(kind)}) SELECT {copied} FROM ({inner}) WHERE deleted = 0",
                since=since,
                until=now,
            )
        self._database.command("INSERT INTO keyframes VALUES ({at:Int64})", at=now)
        self._keyframes.append(now)
        return True

    def _keyframe(self, at_ms: int) -> int:
        """Return the time of the last keyframe at or before `at_ms`, whoever took it; 0 when there is none."""
        return int(self._database.rows("SELECT max(at) FROM keyframes WHERE at <= {at:Int64}", at=at_ms)[0][0])

    @staticmethod
    def _at(kind: Kind, columns: str) -> str:
        """Return the SQL of the last revision of every id at {until}, whose last keyframe is {since}."""
        return (
            f"SELECT {columns} FROM {_table(kind)} WHERE at >= {{since:Int64}} AND at <= {{until:Int64}} "
            "ORDER BY id, valid_from DESC, recorded DESC LIMIT 1 BY id"
        )

    def graph(self, start_ms: int, last_ms: int) -> SnapshotGraph:
        """Return what was at a time, or everything that was visible in an interval."""
        nodes = visible(self._read("node", start_ms, last_ms), "node")
        edges = visible(self._read("edge", start_ms, last_ms), "edge")
        return SnapshotGraph(
            [node for node in nodes if isinstance(node, Node)], [edge for edge in edges if isinstance(edge, Edge)]
        )

    def _read(self, kind: Kind, start_ms: int, last_ms: int) -> list[StoredRevision]:
        columns = _read_columns(kind)
        if start_ms >= last_ms:
            sql, until = f"SELECT {columns} FROM ({self._at(kind, _columns(kind))}) WHERE deleted = 0", last_ms
            since = self._keyframe(last_ms)
        else:
            # What held just before the interval, and every change in it, both ends included.
            sql = (
                f"SELECT {columns} FROM (SELECT {_columns(kind)} FROM ({self._at(kind, _columns(kind))}) UNION ALL "
                f"SELECT {_columns(kind)} FROM {_table(kind)} WHERE at > {{until:Int64}} AND at <= {{last:Int64}} "
                "AND keyframe = 0) ORDER BY id, valid_from, recorded LIMIT 1 BY id, valid_from, recorded"
            )
            until = start_ms - 1
            since = self._keyframe(until)
        table = self._database.arrow(sql, since=since, until=until, last=last_ms)
        columns_of = [column.to_pylist() for column in table.columns]
        return [_stored(row) for row in zip(*columns_of, strict=True)]

    def changes(self, start_ms: int, last_ms: int, limit: int) -> list[RecordedChange]:
        """Return the changes after `start_ms` up to `last_ms`, oldest first, at most `limit`."""
        found: list[RecordedChange] = []
        for kind in _KINDS:
            sql = (
                f"SELECT valid_from, id, revision, created, deleted, host, probe, metadata FROM {_table(kind)} "
                "WHERE at > {start:Int64} AND at <= {last:Int64} AND keyframe = 0 "
                "ORDER BY valid_from, recorded LIMIT 1 BY id, valid_from, recorded LIMIT {limit:UInt64}"
            )
            for at, element_id, revision, created, deleted, host, probe, metadata in self._database.rows(
                sql, start=start_ms, last=last_ms, limit=limit
            ):
                change: ChangeKind = "deleted" if deleted else "added" if created == at else "updated"
                content = msgspec.json.decode(metadata) if metadata else None
                found.append(RecordedChange(at, change, kind, element_id, revision, host, probe, content))
        return sorted(found, key=lambda change: change.at_ms)[:limit]


def _stored(row: tuple[object, ...]) -> StoredRevision:
    element_id, valid_from, revision, created, deleted, host, origin, metadata, *ends = row
    return StoredRevision(
        _text(element_id), valid_from, revision, created, deleted, _text(host), _text(origin), metadata,  # type: ignore[arg-type]
        *map(_text, ends),
    )  # fmt: skip


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
