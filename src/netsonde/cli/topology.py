# SPDX-License-Identifier: Apache-2.0
"""`netsonde topology`: the whole graph into a file, and files brought in, looked at and converted."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from netsonde.cli.dumps import Dump, as_lines, read_dump, write_all
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import say, show
from netsonde.errors import UserError

app = new_app("The whole graph into a file, and back.")


class FileForm(StrEnum):
    """Forms of a file that holds a graph."""

    JSON = "json"
    JSONL = "jsonl"


Target = Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - = stdout.")]


@app.command("export", epilog="Example: netsonde topology export monday.jsonl --at '-1h'")
def export(
    file: Target = Path("-"),
    form: Annotated[
        FileForm | None,
        typer.Option("--format", help="json: one object; jsonl: an element a line. By the file's name."),
    ] = None,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="As it was: -5m, 2026-03-01T10:00:00Z.")] = "",
    url: Url = DEFAULT_URL,
) -> None:
    """Write the whole graph with all times, revisions and origins. One object is copied as it arrives."""
    from netsonde.cli.client import Client

    form = form or (FileForm.JSONL if file.suffix == ".jsonl" else FileForm.JSON)
    client = Client(url)
    if at:
        from netsonde.cli.past import as_of

        pieces = iter([client.query(as_of("G", at)).strip().removeprefix(b"[").removesuffix(b"]") + b"\n"])
    else:
        pieces = client.topology()
    if form is FileForm.JSONL:
        pieces = as_lines(b"".join(pieces))
    # The first piece before the file: a refused request must not leave an empty file behind.
    first = next(pieces, b"")
    with _opened(file) as stream:
        octets = write_all([first], stream) + write_all(pieces, stream)
    say(f"{'stdout' if str(file) == '-' else file}: {octets} bytes")


@app.command("import", epilog="Example: netsonde topology import monday.jsonl --name lab --dry-run")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A graph: JSON, JSON lines, the answer to G; - = stdin.")
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What to call the import. By the file's name.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each element.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Then delete what the import had before and the file has not.")
    ] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Bring a graph into the server, with ids, hosts, metadata and times as they are. Doing it again changes nothing.

    Each element is taken as a whole or refused, and it is said why. `netsonde topology clear NAME` takes it back.
    """
    from netsonde.cli.client import Client
    from netsonde.cli.importing import import_file

    import_file(Client(url), file, name, dry_run=dry_run, replace=replace)


@app.command("imports", epilog="Example: netsonde topology imports -o json")
def imports(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """List what was imported."""
    from netsonde.cli.client import Client

    found = Client(url).api.imports()
    columns = [
        ("NAME", lambda one: one.name),
        ("NODES", lambda one: one.nodes),
        ("EDGES", lambda one: one.edges),
    ]
    show(found, output, columns, found)


@app.command("clear", epilog="Example: netsonde topology clear lab")
def clear(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Imports to take back.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Delete everything that an import brought in."""
    from netsonde.cli.client import Client

    client = Client(url)
    for name in names:
        say(f"{name}: {client.api.delete_import(name)} elements deleted")


@app.command("check", epilog="Example: netsonde topology check monday.json --save monday.jsonl")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A graph: JSON, JSON lines, or the answer to G.")],
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write it anew: .jsonl = an element a line.")
    ] = None,
) -> None:
    """Check a file that holds a graph, say what is in it, and convert it.

    Queries on it need no server: netsonde query --graph FILE, netsonde shell --graph FILE.
    """
    dump = read_dump(file)
    for line in report(dump):
        say(line)
    if save is not None:
        _save(dump, save)


def report(dump: Dump) -> list[str]:
    """Say what a graph holds, and what is wrong with it."""
    nodes, edges = dump.nodes or [], dump.edges or []
    ids = {node.id for node in nodes}
    lines = [f"{len(nodes)} nodes, {len(edges)} edges, {len({node.host for node in nodes if node.host})} hosts"]
    loose = [edge.id for edge in edges if edge.parent not in ids or edge.child not in ids]
    if loose:
        lines.append(f"{len(loose)} edges have an end that is not in the file, the first is {loose[0]}")
    repeated = len(nodes) - len(ids) + len(edges) - len({edge.id for edge in edges})
    if repeated:
        lines.append(f"{repeated} further revisions of the same elements")
    return lines


def _save(dump: Dump, file: Path) -> None:
    import msgspec

    content = msgspec.json.encode(Dump(dump.nodes or [], dump.edges or []))
    with _opened(file) as stream:
        write_all(as_lines(content) if file.suffix == ".jsonl" else [content, b"\n"], stream)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    try:
        with file.open("wb") as stream:
            yield stream
    except OSError as failed:
        raise UserError(f"cannot write {file}: {failed.strerror}") from failed
