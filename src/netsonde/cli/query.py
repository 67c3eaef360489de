# SPDX-License-Identifier: Apache-2.0
"""`netsonde query`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli.asking import ACCEPT, Shape, answer, source_of
from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.errors import UserError

app = new_app()


@app.command(
    epilog="Examples: netsonde query \"G.V().Has('Type', 'netns')\"; "
    "netsonde query \"G.V().Has('Name', 'br-int').SubGraph()\" -o dot | dot -Tsvg > br-int.svg; "
    "netsonde query \"G.V().Has('State', 'DOWN')\" --watch"
)
def query(
    text: Annotated[str, typer.Argument(metavar="QUERY", help="A Gremlin query; - reads it from stdin.")],
    output: Annotated[Shape, typer.Option("--output", "-o", help="Form of the answer.")] = Shape.TABLE,
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="As it was: -5m, 1700000000, 2026-03-01T10:00:00Z.")
    ] = "",
    during: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="With --at: all that was in the interval that ends then.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and show what changes, until Ctrl-C.")] = False,
    every: Annotated[
        float,
        typer.Option(
            "--every", min=0.1, metavar="SECONDS", help="How often --watch asks again for what is not pushed."
        ),
    ] = 2.0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Run it, and show each step with its index, rows and time.")
    ] = False,
    graph: Annotated[
        Path | None,
        typer.Option("--graph", metavar="FILE", help="Ask this dump (JSON, or JSON lines) instead of a server."),
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask the graph, live or in the past, and the flows on it."""
    text = sys.stdin.read() if text == "-" else text
    if not text.strip():
        raise UserError("the query is empty", hint="write G.V() for every node")
    if during and not at:
        raise typer.BadParameter("--for is the length of an interval that ends at --at")
    if at:
        from netsonde.cli.past import as_of

        text = as_of(text, at, during)
    if watch:
        _watch(text, output, every, graph, url)
    elif explain:
        from netsonde.cli.explaining import show_explanation

        show_explanation(source_of(graph, url), text, output)
    else:
        answer(source_of(graph, url), text, output)


def _watch(text: str, output: Shape, every: float, graph: Path | None, url: str) -> None:
    from netsonde.cli.client import Client
    from netsonde.cli.watching import watch

    if graph is not None:
        raise typer.BadParameter("a file does not change: --watch needs a server")
    if output in ACCEPT or output is Shape.YAML:
        raise typer.BadParameter("changes are shown as a table, csv, or json: one object a line")
    watch(Client(url), text, output, every)
