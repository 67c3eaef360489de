# SPDX-License-Identifier: Apache-2.0
"""Printing: data on stdout, the rest on stderr; colours only on a terminal."""

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from netsonde.cli.options import Form

Row = Mapping[str, object]
Column = tuple[str, Callable[[Any], object]]
_UNFOLDED = 10_000
_COLOURS = {
    "active": "green",
    "running": "green",
    "good": "green",
    "limited": "yellow",
    "bad": "red",
    "waiting": "yellow",
    "starting": "yellow",
    "partial": "yellow",
    "failed": "red",
    "paused": "blue",
    "pass": "green",
    "fail": "red",
    "unknown": "yellow",
    "firing": "red",
    "pending": "yellow",
    "resolved": "green",
}


def say(text: str) -> None:
    """Tell the user something that is not data; it may come from the network, such as the log of a script."""
    print(printable(text), file=sys.stderr)


def printable(text: str) -> str:
    """Return a text without control characters, which could drive the user's terminal; lines and tabs stay."""
    return "".join(one if one in "\n\t" else plain(one) for one in text)


def show(data: object, form: Form, columns: Sequence[Column], items: Sequence[Any]) -> None:
    """Print `data` whole as JSON or YAML, or `items` by `columns` as CSV or a table."""
    if form is Form.JSON:
        print_json(data)
    elif form is Form.YAML:
        sys.stdout.write(msgspec.yaml.encode(data, order="deterministic").decode())
    elif form is Form.CSV:
        sys.stdout.write(as_csv(columns, items))
    else:
        print_table(columns, items)


def print_json(data: object, indent: int = 2) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=indent).decode() + "\n")


def as_csv(columns: Sequence[Column], items: Sequence[Any]) -> str:
    """Return items as CSV (RFC 4180) with a header line."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([name for name, _ in columns])
    writer.writerows([[plain(cell(item)) for _, cell in columns] for item in items])
    return out.getvalue()


def print_table(columns: Sequence[Column], items: Sequence[Any]) -> None:
    """Print items as a table; in full width when the output is not a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Without a terminal nothing is folded, and a program that reads it meets no ruler.
    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if is_terminal else _UNFOLDED)
    table = Table(box=SIMPLE_HEAD if is_terminal else None, pad_edge=False, expand=False, show_edge=False)
    for name, _ in columns:
        table.add_column(name, overflow="fold")
    for item in items:
        # Text, since what comes from the network must not be read as Rich's markup.
        cells = [Text(plain(cell(item)), style=_COLOURS.get(str(cell(item)), "")) for _, cell in columns]
        table.add_row(*cells)
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        print(line.rstrip())


def plain(value: object) -> str:
    """Return a cell; control characters from the network could otherwise drive the user's terminal."""
    if value is None:
        return ""
    text = ", ".join(map(_member, value)) if isinstance(value, list | tuple) else _member(value)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _member(value: object) -> str:
    if isinstance(value, Mapping) and {"Key"} < value.keys() <= {"Key", "Old", "New"}:
        # One key of `Changes` or `Diff`.
        sides = [_json(value[side]) if side in value else "-" for side in ("Old", "New")]
        return f"{value['Key']}: {' → '.join(sides)}"
    return _json(value) if isinstance(value, list | dict) else str(value)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
