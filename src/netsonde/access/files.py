# SPDX-License-Identifier: Apache-2.0
"""Files of one entry a line, read when they changed and written as a whole: users and tokens."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Generic, TypeVar

from netsonde.errors import UserError
from netsonde.observe import logger

T = TypeVar("T")
log = logger("access")

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file."""


class WatchedFile(Generic[T]):
    """Entries of a file by name. Looked at on each use: a look costs microseconds, and who is taken out is out.

    A file that is missing has no entries; one that cannot be read any more keeps nobody in. `parse` returns the name
    and entry of a line, or raises ValueError, which is logged without the line: it holds secrets.
    """

    def __init__(self, path: Path, parse: Callable[[str], tuple[str, T]]) -> None:
        self.path = path
        self._parse = parse
        self._seen: tuple[int, int, int] | None = None
        self._entries: dict[str, T] = {}
        self.problem = ""
        """Why the file, or a line of it, is not used."""

    def entries(self) -> dict[str, T]:
        try:
            status = self.path.stat()
        except OSError as missing:
            self._forget("" if isinstance(missing, FileNotFoundError) else f"{self.path}: {missing.strerror}")
            return self._entries
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        # What could not be read is tried again: who may read a file changes without a change of the file.
        if seen != self._seen and self._read(status.st_size):
            self._seen = seen
        return self._entries

    def _read(self, size: int) -> bool:
        """Read the file; tell whether another attempt would find the same."""
        if size > _LARGEST:
            self._forget(f"{self.path} has more than {_LARGEST} bytes")
            return True
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except OSError as bad:
            self._forget(f"{self.path}: {bad}")
            return False
        except UnicodeDecodeError as bad:
            self._forget(f"{self.path}: {bad}")
            return True
        # Filled before it is shown: threads that hash passwords look here too.
        entries: dict[str, T] = {}
        problems = []
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                try:
                    name, entry = self._parse(line.strip())
                except ValueError as wrong:
                    problems.append(f"{self.path}, line {number}: {wrong}")
                    continue
                entries[name] = entry
        self._entries = entries
        self._tell("; ".join(problems[:5]))
        return True

    def _forget(self, problem: str) -> None:
        self._entries, self._seen = {}, None
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.error("a file of users or tokens is not used as it is", reason=problem)
        self.problem = problem


@contextlib.contextmanager
def rewritten(path: Path) -> Iterator[list[str]]:
    """Give the lines of a file to be changed, and put the changed ones in its place, readable by its owner alone.

    Two that do so at once wait for each other. Raises UserError when it cannot be written.
    """
    try:
        with locked(path):
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            yield lines
            write_private(path, "".join(f"{line}\n" for line in lines))
    except OSError as failed:
        raise UserError(
            f"cannot write {path}: {failed.strerror}", hint="run it as the user that the analyzer runs as"
        ) from failed


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes and threads from changing a file; its lock has the owner of the folder, whoever made it."""
    _make_parent(path)
    file = path.with_suffix(".lock")
    with file.open("a") as lock:
        owner = path.parent.stat()
        with contextlib.suppress(PermissionError):
            os.fchown(lock.fileno(), owner.st_uid, owner.st_gid)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, mode 0600, with the owner that it had: root may edit what a service user reads."""
    _make_parent(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        owner = (path if path.exists() else path.parent).stat()
        with contextlib.suppress(PermissionError):
            os.chown(name, owner.st_uid, owner.st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _make_parent(path: Path) -> None:
    """Make the directory of a file, for its owner alone, who is that of the directory above it."""
    if path.parent.exists():
        return
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    above = path.parent.parent.stat()
    with contextlib.suppress(PermissionError):
        os.chown(path.parent, above.st_uid, above.st_gid)


def without(lines: Iterable[str], name: str) -> list[str]:
    """Return the lines that are not the entry of this name."""
    return [line for line in lines if line.partition(":")[0] != name]
