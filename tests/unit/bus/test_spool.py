# SPDX-License-Identifier: Apache-2.0
"""The queue on disk."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.bus.spool import Spool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sub" / "flows.spool"


@pytest.fixture
def spool(path: Path) -> Iterator[Spool]:
    opened = Spool(path, 100)
    yield opened
    opened.close()


def payloads(spool: Spool, after: int = 0) -> list[bytes]:
    return [report.payload for report in spool.read(after, 1000, 1 << 30)]


def test_reports_come_out_in_order_until_removed(spool: Spool) -> None:
    spool.append([b"a", b"b"])
    spool.append([b"c"])

    spool.remove(spool.read(0, 2, 100))

    assert payloads(spool) == [b"c"]
    assert (spool.count, spool.bytes, spool.dropped) == (1, 1, 0)


def test_oldest_are_dropped_and_counted_when_full(spool: Spool) -> None:
    spool.append([b"%d" % digit * 30 for digit in range(5)])

    assert [payload[:1] for payload in payloads(spool)] == [b"2", b"3", b"4"]
    assert (spool.dropped, spool.bytes) == (2, 90)


def test_report_larger_than_the_spool_is_kept_alone(spool: Spool) -> None:
    spool.append([b"a"])
    spool.append([b"x" * 500])

    assert payloads(spool) == [b"x" * 500]
    assert spool.dropped == 1


def test_one_report_is_read_even_if_it_exceeds_the_limit(spool: Spool) -> None:
    spool.append([b"x" * 40, b"y"])

    assert [report.payload for report in spool.read(0, 10, 5)] == [b"x" * 40]


def test_restart_finds_everything_under_the_same_numbers(path: Path, spool: Spool) -> None:
    spool.append([b"a", b"b"])
    before = spool.read(0, 10, 100)

    again = Spool(path, 100)

    assert again.read(0, 10, 100) == before
    assert (again.name, again.count, again.bytes) == (spool.name, 2, 2)
    again.close()


def test_numbers_are_never_used_again(path: Path, spool: Spool) -> None:
    spool.append([b"a"])
    used = spool.read(0, 1, 100)
    spool.remove(used)
    again = Spool(path, 100)

    again.append([b"b"])

    assert again.read(0, 1, 100)[0].number > used[0].number
    again.close()


def test_damaged_file_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database, " * 500)

    spool = Spool(path, 100)
    spool.append([b"a"])

    assert (spool.reset, payloads(spool)) == (1, [b"a"])
    assert path.with_name("flows.spool.damaged").exists()
    spool.close()


def test_removing_what_was_dropped_meanwhile_changes_nothing(spool: Spool) -> None:
    spool.append([b"a" * 60])
    sent = spool.read(0, 1, 100)
    spool.append([b"b" * 60])

    spool.remove(sent)

    assert (spool.count, spool.bytes, spool.dropped) == (1, 60, 1)


def test_a_spool_that_cannot_be_opened_now_is_not_taken_for_a_damaged_one(path: Path) -> None:
    first = Spool(path, 100)
    first.append([b"a"])
    first.close()
    in_the_way = path.with_name(f"{path.name}-wal")
    in_the_way.mkdir()
    with pytest.raises(sqlite3.OperationalError):
        Spool(path, 100)
    in_the_way.rmdir()

    again = Spool(path, 100)
    assert payloads(again) == [b"a"]
    again.close()
