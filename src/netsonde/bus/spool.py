# SPDX-License-Identifier: Apache-2.0
"""Reports on disk until the bus has taken them: a bounded queue in SQLite, oldest dropped first and counted.

Survives kill -9 of the process (SQLite's write-ahead log is in the page cache then); after a power cut the last
moments may be missing. All calls block: they belong into the publisher's thread.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netsonde.observe import logger

log = logger("bus.spool")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS identity (name TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A stored report; `number` grows, without reuse, for as long as the file exists."""

    number: int
    payload: bytes


class Spool:
    """One file, one writer. `name` and a report's number make an id that is unique over restarts.

    Raises OSError or sqlite3.OperationalError when the file cannot be opened now.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self.dropped = 0
        self.reset = 0
        """1 when the file was damaged and had to be set aside."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
        except sqlite3.OperationalError:
            # A full disk, or a lock: nothing is wrong with what is in the file.
            raise
        except sqlite3.DatabaseError as damaged:
            self._set_aside(damaged)
            self._open()

    def _open(self) -> None:
        # The publisher's thread is the only user, but not the thread that opens and closes.
        self._base = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=WAL")
        self._base.execute("PRAGMA synchronous=NORMAL")
        self._base.executescript(_SCHEMA)
        row = self._base.execute("SELECT name FROM identity").fetchone()
        if row is None:
            row = (secrets.token_hex(8),)
            self._base.execute("INSERT INTO identity VALUES (?)", row)
        self.name: str = row[0]
        self.count, size = self._base.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM spool"
        ).fetchone()
        self.bytes: int = size

    def _set_aside(self, damaged: sqlite3.DatabaseError) -> None:
        log.error("spool is damaged and set aside", path=str(self._path), reason=str(damaged))
        self.reset = 1
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._path.replace(self._path.with_name(self._path.name + ".damaged"))

    def append(self, payloads: Sequence[bytes]) -> None:
        """Store in order; makes room by dropping the oldest. Raises sqlite3.Error when the disk is full."""
        with self._transaction():
            self._base.executemany("INSERT INTO spool (payload) VALUES (?)", ((payload,) for payload in payloads))
            count, size = self.count + len(payloads), self.bytes + sum(map(len, payloads))
            dropped = 0
            while size > self._max_bytes and count > 1:
                number, length = self._base.execute(
                    "SELECT id, length(payload) FROM spool ORDER BY id LIMIT 1"
                ).fetchone()
                self._base.execute("DELETE FROM spool WHERE id = ?", (number,))
                count, size, dropped = count - 1, size - length, dropped + 1
        self.count, self.bytes = count, size
        self.dropped += dropped

    def read(self, after: int, limit: int, max_bytes: int) -> list[Spooled]:
        """Return reports with a number above `after`, oldest first: at least one if there is, then up to the limits."""
        found: list[Spooled] = []
        size = 0
        rows = self._base.execute("SELECT id, payload FROM spool WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        for number, payload in rows:
            size += len(payload)
            if found and size > max_bytes:
                break
            found.append(Spooled(number, payload))
        rows.close()
        return found

    def remove(self, reports: Sequence[Spooled]) -> None:
        """Forget reports that the bus has stored."""
        with self._transaction():
            gone = [
                report
                for report in reports
                if self._base.execute("DELETE FROM spool WHERE id = ?", (report.number,)).rowcount
            ]
        self.count -= len(gone)
        self.bytes -= sum(len(report.payload) for report in gone)

    def close(self) -> None:
        self._base.close()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._base)


class _Transaction:
    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def __enter__(self) -> None:
        self._base.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._base.execute("COMMIT" if kind is None else "ROLLBACK")
