# SPDX-License-Identifier: Apache-2.0
"""`netsonde shell`: queries one after the other, with history and completion."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli.asking import Shape, source_of
from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.cli.shell_session import Session

app = new_app()


def default_history() -> Path:
    """Return where typed lines are kept: the user's state directory (XDG)."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "netsonde" / "shell_history"


@app.command(epilog="Example: netsonde shell; then G.V().Has( and the tabulator. \\help lists the rest.")
def shell(
    output: Annotated[Shape, typer.Option("--output", "-o", help="Form of answers.")] = Shape.TABLE,
    history: Annotated[
        Path | None, typer.Option("--history", metavar="FILE", help="Where lines are kept.", show_default=False)
    ] = None,
    graph: Annotated[
        Path | None, typer.Option("--graph", metavar="FILE", help="Ask this dump instead of a server.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask queries one after the other, with history and completion; from a pipe, one a line."""
    session = Session(source_of(graph, url), output)
    if sys.stdin.isatty():
        from netsonde.cli.prompt import converse

        converse(session, history or default_history(), str(graph or url))
    elif not session.run_all(sys.stdin):
        raise typer.Exit(1)
