# SPDX-License-Identifier: Apache-2.0
"""`netsonde client workflow`: the reference's spelling, JSON on stdout."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netsonde.cli import completing
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.cli.workflow import read
from netsonde.client import workflow_calls as calls

app = new_app("Workflows.")
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.workflows)]


@app.command("create")
def create(context: typer.Context, path: Annotated[Path, typer.Option("--path", metavar="FILE.yaml")]) -> None:
    """Create a workflow."""
    print_json(context.obj.send(calls.create_workflow(read(path))))


@app.command("list")
def list_workflows(context: typer.Context) -> None:
    """List workflows, by UUID."""
    print_json(context.obj.get("/api/workflow", dict[str, Any]))


@app.command("get")
def get(context: typer.Context, ids: Ids) -> None:
    """Show workflows."""
    for one in ids:
        print_json(context.obj.send(calls.workflow(one)))


@app.command("delete")
def delete(context: typer.Context, ids: Ids) -> None:
    """Delete workflows."""
    for one in ids:
        context.obj.send(calls.delete_workflow(one))


@app.command("call")
def call(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.workflows)],
    params: Annotated[list[str] | None, typer.Argument(metavar="[PARAM...]")] = None,
) -> None:
    """Call a workflow; parameters are texts, by position."""
    print_json(context.obj.send(calls.call_workflow(id_, [*(params or [])])))
