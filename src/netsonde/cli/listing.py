# SPDX-License-Identifier: Apache-2.0
"""`--watch` of lists of resources: the list, then each resource that comes, goes or changes, until Ctrl-C.

The list is asked for again every few seconds and compared, since only some of the resources are pushed.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from netsonde.cli.options import Form
from netsonde.cli.output import Column, plain, say, show
from netsonde.cli.watching import Change, State, compare, print_change

Fetch: TypeAlias = Callable[[], Sequence[Any]]
Watch: TypeAlias = Annotated[bool, typer.Option("--watch", help="Go on, and show what changes, until Ctrl-C.")]
Every: TypeAlias = Annotated[
    float, typer.Option("--every", min=0.1, metavar="SECONDS", help="How often --watch asks again.")
]
EVERY = 2.0


def show_list(fetch: Fetch, output: Form, columns: Sequence[Column], *, watch: bool, every: float = EVERY) -> None:
    """Print a list of resources; with `watch` go on with what changes, every so many seconds."""
    if not watch:
        found = fetch()
        show(found, output, columns, found)
        return
    if output not in (Form.TABLE, Form.JSON):
        raise typer.BadParameter("changes are shown as a table, or json: one object a line")
    for number, (changes, found) in enumerate(_news(fetch, every)):
        if number == 0 and output is Form.TABLE:
            show(found, output, columns, found) if found else say("nothing found yet")
        else:
            for change in changes:
                _show(change, output, columns)
        sys.stdout.flush()


def _news(fetch: Fetch, every: float) -> Iterator[tuple[list[Change], Sequence[Any]]]:
    """Yield what changed since the last look, with everything that is there now."""
    pause, state = threading.Event(), State()
    while True:
        found = fetch()
        before, state = state, {one.uuid: msgspec.to_builtins(one) for one in found}
        yield [_typed(change, found) for change in compare(before, state)], found
        pause.wait(every)


def _typed(change: Change, found: Sequence[Any]) -> Change:
    """Return a change whose row is the resource itself, while there is one: columns are made of that."""
    known = next((one for one in found if one.uuid == change.row["UUID"]), None)
    return change if known is None else change._replace(row=known)


def _show(change: Change, output: Form, columns: Sequence[Column]) -> None:
    if output is Form.JSON:
        print_change(change)
        return
    row = change.row
    cells = [row["UUID"], row.get("Name", "")] if isinstance(row, dict) else [cell(row) for _, cell in columns]
    line = "  ".join(text for text in map(plain, cells) if text)
    print(f"{datetime.now().astimezone():%H:%M:%S} {change.sign} {line}")
