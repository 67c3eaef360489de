# SPDX-License-Identifier: Apache-2.0
"""A file brought into a server: progress on a terminal, then what was taken and what was refused."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from netsonde.cli.client import Client
from netsonde.cli.output import say
from netsonde.errors import UserError
from netsonde.model.declared import ImportReport

_MOST_SHOWN = 20
_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")


def import_file(client: Client, file: Path, name: str, *, dry_run: bool, replace: bool) -> None:
    """Import a file and say what became of it; raises UserError when something was refused."""
    name = name or name_of(file)
    with _opened(file) as stream, _shown_progress(name, stream) as progress:
        report = client.api.import_topology(stream, name, dry_run=dry_run, replace=replace, progress=progress)
    say(f"{name}: {summary(report, dry_run=dry_run)}")
    for refused in report.refusals[:_MOST_SHOWN]:
        say(f"refused: {refused.kind} {refused.id or '(no id)'}: {refused.reason}")
    if report.refused:
        more = report.refused - min(report.refused, _MOST_SHOWN)
        raise UserError(
            f"{report.refused} elements {'would be' if dry_run else 'were'} refused"
            + (f", {more} of them not shown" if more else ""),
            hint=next((refused.hint for refused in report.refusals if refused.hint), ""),
        )


def summary(report: ImportReport, *, dry_run: bool) -> str:
    """Say in one line what became of the elements."""
    parts = [f"{report.added} added", f"{report.updated} updated", f"{report.unchanged} unchanged"]
    if report.removed:
        parts.append(f"{report.removed} removed")
    if report.waiting:
        parts.append(f"{report.waiting} edges wait for an end")
    if report.refused:
        parts.append(f"{report.refused} refused")
    return ("nothing is changed; it would be " if dry_run else "") + ", ".join(parts)


def name_of(file: Path) -> str:
    """Return the name of an import by its file."""
    return _PLAIN.sub("-", file.stem).strip("-")[:64] or "stdin"


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        with file.open("rb") as stream:
            yield stream
    except OSError as failed:
        raise UserError(f"cannot read {file}: {failed.strerror}") from failed


@contextmanager
def _shown_progress(name: str, stream: BinaryIO) -> Iterator[Callable[[ImportReport], None] | None]:
    """Give what shows how far the import is, in one line that is gone at the end; None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    size = os.fstat(stream.fileno()).st_size

    def tell(report: ImportReport) -> None:
        done = report.added + report.updated + report.unchanged + report.refused
        share = f", {100 * stream.tell() // size} %" if size and stream.seekable() else ""
        print(f"\r{name}: {done} elements{share}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
