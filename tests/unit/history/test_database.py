# SPDX-License-Identifier: Apache-2.0
"""What is made of the database's errors, with a client that fails on purpose."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from netsonde.errors import SourceLost, UserError, WireError
from netsonde.history.database import Database
from netsonde.history.settings import HistorySettings


class Client:
    """Refuses blocks that contain a word, with the error given."""

    def __init__(self, word: bytes, error: Exception) -> None:
        self._word = word
        self._error = error
        self.stored: list[bytes] = []

    def raw_insert(self, table: str, *, column_names: Sequence[str], insert_block: bytes, fmt: str) -> None:
        if self._word in insert_block:
            raise self._error
        self.stored += insert_block.split(b"\n")

    def query(self, sql: str, parameters: object = None) -> object:
        raise self._error

    def command(self, sql: str, parameters: object = None) -> object:
        raise self._error


def opened(client: Client, *, in_process: bool = False) -> Database:
    return Database(client, lambda: client, in_process=in_process)


def test_row_that_cannot_be_read_does_not_stop_the_others() -> None:
    client = Client(b"bad", DatabaseError("Code: 117. DB::Exception: no", code=117))

    refused = opened(client).insert_rows("t", ["a"], [b"1", b"bad", b"2", b"bad", b"3"])

    assert refused == 2
    assert client.stored == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "error",
    [
        DatabaseError("Code: 243. DB::Exception: no space", code=243),
        DatabaseError("Code: 241. DB::Exception: memory", code=241),
        OperationalError("connection refused"),
    ],
)
def test_insert_that_may_succeed_later_is_a_lost_source(error: Exception) -> None:
    with pytest.raises(SourceLost):
        opened(Client(b"", error)).insert("t", ["a"], b"1", "JSONEachRow")


def test_block_that_finds_no_room_in_memory_is_a_lost_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str) -> int:
        raise OSError(errno.EMFILE, f"no file {name}")

    monkeypatch.setattr(os, "memfd_create", full)

    with pytest.raises(SourceLost, match=r"rows of t: .*no file"):
        opened(Client(b"", OperationalError("unused")), in_process=True).insert("t", ["a"], b"1", "JSONEachRow")


def test_refused_block_leaves_no_file_open() -> None:
    database = opened(Client(b"", OperationalError("no")), in_process=True)
    before = os.listdir("/proc/self/fd")

    with pytest.raises(SourceLost):
        database.insert("t", ["a"], b"1", "JSONEachRow")

    assert os.listdir("/proc/self/fd") == before


def test_unreadable_block_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        opened(Client(b"", DatabaseError("Code: 117.", code=117))).insert("t", ["a"], b"1", "ArrowStream")


def test_query_that_costs_too_much_tells_what_to_do() -> None:
    with pytest.raises(UserError, match="memory") as refused:
        opened(Client(b"", DatabaseError("Code: 241. memory", code=241))).rows("SELECT 1")

    assert "memory_mib" in refused.value.hint


class Closable(Client):
    """Tells whether it was closed."""

    open = True

    def close(self) -> None:
        self.open = False


def test_connections_are_opened_together_or_not_at_all() -> None:
    first = Closable(b"", OperationalError("unused"))
    connections = iter([first])

    def connect() -> Client:
        try:
            return next(connections)
        except StopIteration:
            raise OperationalError("too many connections") from None

    with pytest.raises(SourceLost, match="too many"):
        Database(first, connect).others(2)

    assert not first.open


def test_missing_password_file_is_named(tmp_path: Path) -> None:
    settings = HistorySettings(url="http://h:1/x", password_file=tmp_path / "nowhere")

    with pytest.raises(UserError, match="nowhere"):
        Database.open(settings, tmp_path)
