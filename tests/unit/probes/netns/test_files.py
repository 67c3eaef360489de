# SPDX-License-Identifier: Apache-2.0
"""Files that name namespaces; here every regular file counts as one, since only root can mount real ones."""

import asyncio
import os
import struct
from pathlib import Path

from netsonde.probes.inotify import IN_CREATE, FileEvent, decode_events
from netsonde.probes.netns.files import FileWatcher, NamespaceFiles


def test_events_are_decoded_with_their_names() -> None:
    data = struct.pack("=iIII8s", 1, IN_CREATE, 0, 8, b"blue") + struct.pack("=iIII", 2, 0x400, 0, 0)
    assert list(decode_events(data)) == [FileEvent(1, IN_CREATE, "blue"), FileEvent(2, 0x400, "")]


def test_file_becomes_a_namespace_when_it_is_mounted(tmp_path: Path) -> None:
    files = NamespaceFiles((str(tmp_path),), nsfs_device=-1)
    (tmp_path / "blue").touch()
    assert not files.comes(f"{tmp_path}/blue")
    assert not files.look_at_pending()
    files._nsfs = (tmp_path / "blue").stat().st_dev  # what a mount does to it
    assert files.look_at_pending()
    assert list(files.known) == [f"{tmp_path}/blue"]
    assert files.goes(f"{tmp_path}/blue")


def test_paths_are_ordered_by_directory_then_name(tmp_path: Path) -> None:
    first, second = tmp_path / "z", tmp_path / "a"
    first.mkdir()
    second.mkdir()
    (second / "b").touch()
    (first / "c").hardlink_to(second / "b")
    (first / "a").hardlink_to(second / "b")
    files = NamespaceFiles((str(first), str(second)), tmp_path.stat().st_dev)
    files.look()
    assert list(files.by_namespace().values()) == [[f"{first}/a", f"{first}/c", f"{second}/b"]]


async def test_directory_that_comes_later_is_watched(tmp_path: Path) -> None:
    directory = tmp_path / "run" / "netns"
    files = NamespaceFiles((str(directory),), os.stat(tmp_path).st_dev)
    changed = asyncio.Event()
    watcher = FileWatcher((str(directory),), files, changed.set)
    try:
        directory.mkdir(parents=True)
        (directory / "blue").touch()
        await asyncio.wait_for(changed.wait(), 20)
        assert list(files.known) == [f"{directory}/blue"]

        changed.clear()
        (directory / "blue").unlink()
        await asyncio.wait_for(changed.wait(), 20)
        assert not files.known
    finally:
        watcher.close()
