# SPDX-License-Identifier: Apache-2.0
"""`netsonde workflow`: keep scripts on the server, call them, and see what came of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netsonde.cli import completing
from netsonde.cli.client import Client
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, print_json, say, show
from netsonde.cli.times import clock_time
from netsonde.client import workflow_calls as calls
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import ENDED, Job

app = new_app("Keep scripts on the server and call them. IDs may be names.")

_PATIENCE = 30.0
"""Seconds of one question after a job; it is asked again."""
Id = Annotated[str, typer.Argument(metavar="ID", help="Name or UUID.", autocompletion=completing.workflows)]
Ttl = Annotated[str, typer.Option("--ttl", metavar="DURATION", help="It deletes itself after that: 90s, 1h30m.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="UUID of a call.", autocompletion=completing.jobs)]


@app.command(epilog="Example: netsonde workflow create count.yaml")
def create(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML, as Skydive's client takes it.")],
    ttl: Ttl = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a workflow from a file."""
    made = Client(url).send(calls.create_workflow(read(file), ttl))
    show(made, output, _COLUMNS, [made])


@app.command("list")
def list_workflows(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """List workflows, those that came with the program among them."""
    found = Client(url).send(calls.workflows())
    show(found, output, _COLUMNS, found)


@app.command()
def get(id_: Id, output: Output = Form.YAML, url: Url = DEFAULT_URL) -> None:
    """Show one workflow with its source."""
    found = Client(url).send(calls.workflow(id_))
    show(found, output, _COLUMNS, [found])


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.workflows)],
    url: Url = DEFAULT_URL,
) -> None:
    """Delete workflows."""
    client = Client(url)
    for name in ids:
        client.send(calls.delete_workflow(name))


@app.command(epilog="Example: netsonde workflow call CheckMTU source=TID1 destination=TID2")
def call(
    id_: Id,
    params: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE...]", help="Parameters, by name or all by position.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result, or show the job.")] = True,
    url: Url = DEFAULT_URL,
) -> None:
    """Call a workflow and print its result as JSON; its log goes to standard error."""
    client = Client(url)
    known = [parameter.name for parameter in client.send(calls.workflow(id_)).parameters]
    job = client.send(calls.start_workflow(id_, _given(params or [], known)))
    if not wait:
        print_json(job)
        return
    while job.state not in ENDED:
        job = client.send(calls.job(job.uuid, _PATIENCE))
    for line in job.log:
        say(line)
    if job.state != "done":
        raise UserError(f"{job.state}: {job.reason}", hint=job.hint)
    print_json(job.result)


@app.command()
def jobs(
    id_: Annotated[
        str, typer.Argument(metavar="[ID]", help="Of this workflow only.", autocompletion=completing.workflows)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 100,
    output: Output = Form.TABLE,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = DEFAULT_URL,
) -> None:
    """List calls of workflows, the newest first."""
    client = Client(url)
    show_list(lambda: client.send(calls.jobs(id_, limit)), output, _JOB_COLUMNS, watch=watch, every=every)


@app.command()
def job(job_id: JobId, output: Output = Form.JSON, url: Url = DEFAULT_URL) -> None:
    """Show one call: its log and result."""
    found = Client(url).send(calls.job(job_id))
    show(found, output, _JOB_COLUMNS, [found])


@app.command()
def cancel(job_id: JobId, url: Url = DEFAULT_URL) -> None:
    """End a call."""
    Client(url).send(calls.cancel_job(job_id))


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as missing:
        raise UserError(f"cannot read {file}: {missing.strerror}") from missing


def _given(params: list[str], known: list[str]) -> Any:
    """Return parameters by name when every one begins with a name that the workflow knows, else by position."""
    pairs: dict[str, Json] = {name: value for name, _, value in (param.partition("=") for param in params)}
    return pairs if pairs and pairs.keys() <= set(known) and all("=" in param for param in params) else params


def _seconds(job: Job) -> str:
    return f"{(job.ended_at - job.started_at) / 1000:.1f}" if job.started_at and job.ended_at else ""


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("TITLE", lambda one: one.title),
    ("PARAMETERS", lambda one: [parameter.name for parameter in one.parameters]),
    ("TRIGGERS", lambda one: [trigger.type for trigger in one.triggers]),
    ("LANGUAGE", lambda one: one.language),
    ("BUNDLED", lambda one: "yes" if one.bundled else ""),
)
_JOB_COLUMNS: tuple[Column, ...] = (
    ("JOB", lambda one: one.uuid),
    ("WORKFLOW", lambda one: one.workflow_name),
    ("STATE", lambda one: one.state),
    ("CALLED", lambda one: clock_time(one.created_at)),
    ("SECONDS", _seconds),
    ("BY", lambda one: one.called_by),
    ("PROGRESS", lambda one: f"{one.progress:.0%} {one.progress_text}".strip()),
    ("REASON", lambda one: one.reason),
)
