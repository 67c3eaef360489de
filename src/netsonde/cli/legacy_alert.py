# SPDX-License-Identifier: Apache-2.0
"""`netsonde client alert`: the reference's spelling, JSON on stdout."""

from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.client import alert_calls as calls

app = new_app("Alerts.")
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.alerts)]
Name = Annotated[str, typer.Option("--name")]
Description = Annotated[str, typer.Option("--description")]
Trigger = Annotated[str, typer.Option("--trigger")]
Expression = Annotated[str, typer.Option("--expression")]
Action = Annotated[str, typer.Option("--action")]


@app.command("create")
def create(
    context: typer.Context,
    name: Name = "",
    description: Description = "",
    trigger: Trigger = "graph",
    expression: Expression = "",
    action: Action = "",
) -> None:
    """Create an alert."""
    body = _body(name, description, trigger, expression, action)
    print_json(context.obj.send(calls.create_alert(body)))


@app.command("update")
def update(
    context: typer.Context,
    ids: Ids,
    name: Name = "",
    description: Description = "",
    trigger: Trigger = "",
    expression: Expression = "",
    action: Action = "",
) -> None:
    """Change what is given of alerts; unlike with the reference, the trigger stays unless it is given."""
    given = {key: text for key, text in _body(name, description, trigger, expression, action).items() if text}
    for one in ids:
        print_json(context.obj.send(calls.patch_alert(context.obj.api.alerts.get(one).uuid, given)))


@app.command("list")
def list_alerts(context: typer.Context) -> None:
    """List alerts, by UUID."""
    print_json({one.uuid: one for one in context.obj.send(calls.alerts())})


@app.command("get")
def get(context: typer.Context, ids: Ids) -> None:
    """Show alerts."""
    for one in ids:
        print_json(context.obj.api.alerts.get(one))


@app.command("delete")
def delete(context: typer.Context, ids: Ids) -> None:
    """Delete alerts."""
    for one in ids:
        context.obj.api.alerts.delete(one)


def _body(name: str, description: str, trigger: str, expression: str, action: str) -> dict[str, str]:
    return {
        "Name": name,
        "Description": description,
        "Trigger": trigger,
        "Expression": expression,
        "Action": action,
    }
