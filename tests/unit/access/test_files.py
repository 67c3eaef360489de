# SPDX-License-Identifier: Apache-2.0
"""Files of users and tokens: read while others read, written while others write."""

import os
import threading
from pathlib import Path

import pytest

from netsonde.access.files import WatchedFile, rewritten


def test_who_looks_while_a_changed_file_is_read_sees_all_of_it_or_none(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("a\nb\n")
    seen: list[int] = []

    def parse(line: str) -> tuple[str, str]:
        # What another thread would find at this moment.
        seen.append(len(watched._entries))
        return line, line

    watched: WatchedFile[str] = WatchedFile(file, parse)
    assert set(watched.entries()) == {"a", "b"}
    file.write_text("a\nb\nc\n")
    assert set(watched.entries()) == {"a", "b", "c"}
    assert seen == [0, 0, 2, 2, 2]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "access" / "tokens"

    def add(number: int) -> None:
        with rewritten(file) as lines:
            lines.append(str(number))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(file.read_text().split()) == [str(number) for number in range(8)]


def test_a_lock_that_root_made_belongs_to_the_owner_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, uid, gid: given.append((uid, gid)))
    with rewritten(tmp_path / "tokens") as lines:
        lines.append("x")
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


def test_a_folder_that_somebody_else_makes_meanwhile_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "access" / "tokens"
    file.parent.mkdir()
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with rewritten(file) as lines:
        lines.append("x")
    assert file.read_text() == "x\n"


def test_a_file_that_could_not_be_read_is_read_once_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "users"
    file.write_text("a\n")
    watched: WatchedFile[str] = WatchedFile(file, lambda line: (line, line))

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Path, "read_text", refuse)
        assert watched.entries() == {}
        assert "Permission denied" in watched.problem
    # `chown` and `chmod` change neither its time, nor its size, nor what it is.
    assert watched.entries() == {"a": "a"}
    assert watched.problem == ""
