# SPDX-License-Identifier: Apache-2.0
"""Revisions of nodes and edges on their way into the database, and the keyframes that bound what reading costs."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from netsonde.history import past
from netsonde.history.database import Database
from netsonde.history.revisions import (
    Known,
    PublisherPosition,
    Revisions,
    Rows,
    amendments,
    epoch_of,
)
from netsonde.model.elements import Json
from netsonde.model.topology import TopologyBatch, TopologySnapshot

_COLUMNS: Final = (
    "epoch, kind, id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin, publisher, probe, "
    "parent, child, metadata"
)
_STREAM: Final = "stream"
_LEAST_ROWS: Final = 50_000
"""A keyframe is also due after as many rows as it has itself, but not for fewer than these."""


class TopologyStore:
    """Blocking; used in the thread that writes. `now_ms` is a parameter for tests."""

    def __init__(
        self, database: Database, keyframe_ms: int, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._database = database
        self._keyframe_ms = keyframe_ms
        self._now_ms = now_ms
        self.revisions = Revisions()
        self.position = 0
        self._keyframes: list[int] = []
        self._rows_since = 0
        """Rows after the last keyframe, which reading goes through."""
        self.refused = 0
        """Rows that the database could not take: a publisher sent values beyond any sense."""

    def load(self) -> None:
        """Read what is living, and how far the stream was recorded."""
        self.revisions = Revisions()
        self._keyframes = [int(row[0]) for row in self._database.rows("SELECT DISTINCT at FROM keyframes ORDER BY at")]
        self._load_known()
        for name, position, epoch in self._database.rows("SELECT name, position, epoch FROM positions FINAL"):
            if name == _STREAM:
                self.position = int(position)
            else:
                self.revisions.publishers[name] = PublisherPosition(epoch, int(position))

    def _load_known(self) -> None:
        last = 1 << 62
        since = past.keyframe_before(self._database, last)
        self._rows_since = int(
            self._database.rows(
                "SELECT count() FROM revisions WHERE epoch = {since:Int64} AND keyframe = 0", since=since
            )[0][0]
        )
        inner = past.AT.format(columns=_COLUMNS, where="")
        digest = "hex(MD5(concat(metadata, '\\n', parent, '\\n', child)))"
        sql = f"SELECT kind, id, revision, created, valid_from, publisher, {digest} FROM ({inner}) WHERE deleted = 0"
        for kind, element_id, revision, created, valid_from, publisher, found in self._database.rows(
            sql, since=since, until=last
        ):
            known = Known(bytes.fromhex(found), revision, created, valid_from, publisher)
            self.revisions.known[kind][element_id] = known

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
        new = rows.nodes + rows.edges
        if not new:
            return
        placed = [msgspec.structs.replace(row, epoch=epoch_of(row.at, self._keyframes)) for row in new]
        # One insert: whoever reads meanwhile sees all of it or nothing.
        encoded = list(map(msgspec.json.encode, [*placed, *amendments(new, self._keyframes)]))
        self.refused += self._database.insert_rows("revisions", _COLUMNS.split(", "), encoded)
        self._rows_since += len(encoded)

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
        """Record the whole graph of now when the last keyframe is old enough, or reading on from it costs too much."""
        now = self._now_ms()
        living = sum(map(len, self.revisions.known.values()))
        if (
            self._keyframes
            and now - self._keyframes[-1] < self._keyframe_ms
            and self._rows_since < max(living, _LEAST_ROWS)
        ):
            return False
        since = past.keyframe_before(self._database, now)
        self._copy(past.AT.format(columns=_COLUMNS, where=""), "deleted = 0", keyframe="1", since=since, until=now)
        # Rows of agents whose clock is ahead are read from this keyframe on, too.
        ahead = f"SELECT {_COLUMNS} FROM revisions WHERE epoch = {{since:Int64}} AND at > {{until:Int64}}"
        self._copy(ahead, "1", keyframe="keyframe", at="at", since=since, until=now)
        self._database.command("INSERT INTO keyframes VALUES ({at:Int64})", at=now)
        if not self._keyframes or self._keyframes[-1] < now:
            self._keyframes.append(now)
        self._rows_since = 0
        return True

    def _copy(self, rows: str, where: str, *, keyframe: str, since: int, until: int, at: str = "{until:Int64}") -> None:
        """Copy rows into the epoch that begins at `until`."""
        copied = _COLUMNS.replace("epoch,", "{until:Int64},").replace(" at,", f" {at},")
        copied = copied.replace("keyframe,", f"{keyframe},")
        self._database.command(
            f"INSERT INTO revisions ({_COLUMNS}) SELECT {copied} FROM ({rows}) WHERE {where}",
            since=since,
            until=until,
        )
