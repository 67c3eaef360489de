# SPDX-License-Identifier: Apache-2.0
"""`netsonde check`: say what must be true of interfaces soon after they appear, and see whether it is."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.check_junit import junit
from netsonde.cli.check_options import Active, Description, File, FirstPackets, Gremlin, Name, Steps, Within, definition
from netsonde.cli.client import Client
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.times import clock_time
from netsonde.client.check_calls import checks, named_check, of_present_run
from netsonde.errors import UserError
from netsonde.model.checks import VERDICTS, CheckResult, CheckView, StepResult

app = new_app("Check every interface as it appears. IDs may be names or the beginning of a UUID.")

_SPARE_S = 60
_ALL = 100_000
"""Results that are read where none may be missing."""


Id = Annotated[
    str, typer.Argument(metavar="ID", help="Name, UUID, or its beginning.", autocompletion=completing.checks)
]
Ttl = Annotated[str, typer.Option("--ttl", metavar="DURATION", help="It deletes itself after that: 90s, 1h30m.")]


@app.command(epilog="Example: netsonde check create -g \"G.V().HasKey('ExtID.vm-id')\" -s dhcp -s gateway --name vms")
def create(
    gremlin: Gremlin = "",
    step: Steps = None,
    file: File = None,
    name: Name = None,
    description: Description = None,
    within: Within = "",
    first_packets: FirstPackets = None,
    active: Active = None,
    ttl: Ttl = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a check. It judges interfaces that match, and each that appears later."""
    given = {"Name": name, "Description": description, "FirstPackets": first_packets, "Active": active}
    body = definition(file, gremlin, step, within, **given)
    made = _create(Client(url), body, ttl)
    show(made, output, _COLUMNS, [made])


@app.command("list")
def list_checks(
    output: Output = Form.TABLE, watch: Watch = False, every: Every = EVERY, url: Url = DEFAULT_URL
) -> None:
    """List checks with the numbers of their verdicts."""
    show_list(Client(url).api.checks.all, output, _COLUMNS, watch=watch, every=every)


@app.command()
def get(id_: Id, output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Show one check and the latest result of each interface."""
    client = Client(url)
    check = _find(client, id_)
    show(check, output, _COLUMNS, [check])
    if output is Form.TABLE:
        latest = {result.node_id: result for result in reversed(client.api.checks.results(check.uuid, limit=_ALL))}
        print()
        show(check, output, _RESULT_COLUMNS, [*latest.values()])


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.checks)], url: Url = DEFAULT_URL
) -> None:
    """Delete checks with their captures and results."""
    client = Client(url)
    for uuid in [_find(client, name).uuid for name in ids]:
        client.api.checks.delete(uuid)


@app.command(epilog="Example: netsonde check results vms --verdict fail")
def results(
    id_: Id,
    node: Annotated[
        str, typer.Option("--node", metavar="ID", autocompletion=completing.nodes, help="Of this node.")
    ] = "",
    verdict: Annotated[str, typer.Option("--verdict", help="Only pass, fail, unknown or waiting.")] = "",
    steps: Annotated[bool, typer.Option("--steps", help="Show every step instead of one line a run.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 100,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """List what a check found, the newest first."""
    wanted = next((one for one in VERDICTS if one == verdict), None)
    if verdict and wanted is None:
        raise typer.BadParameter(f"--verdict must be one of {', '.join(VERDICTS)}, got {verdict!r}")
    found = Client(url).api.checks.results(id_, node=node, verdict=wanted, limit=limit)
    _show_results(found, output, steps=steps)


@app.command(epilog="Example: netsonde check run -g \"G.V().Has('Name', 'tap1')\" -s dhcp --wait --junit checks.xml")
def run(
    id_: Annotated[
        str, typer.Argument(metavar="[ID]", help="A check, instead of --gremlin.", autocompletion=completing.checks)
    ] = "",
    gremlin: Gremlin = "",
    step: Steps = None,
    file: File = None,
    within: Within = "",
    active: Active = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for all verdicts; ends 0 if all pass, else 1.")] = False,
    interfaces: Annotated[int, typer.Option("--interfaces", min=1, help="Wait for so many at least.")] = 1,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Wait so long.")] = 60,
    report: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write the verdicts for CI.")] = None,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Judge the interfaces of a check anew, or those of a query for once, by what they send from now on."""
    client = Client(url)
    if report is not None and not wait:
        raise typer.BadParameter("--junit needs --wait: before that there are no verdicts")
    check = (
        client.api.checks.run(id_)
        if id_
        else _for_once(client, definition(file, gremlin, step, within, Active=active), timeout)
    )
    if not wait:
        show(check, output, _COLUMNS, [check])
        return
    missing = ""
    try:
        found = client.api.checks.wait(check.uuid, interfaces=interfaces, timeout=timeout)
    except TimeoutError:
        late = _find(client, check.uuid)
        found = of_present_run(check, client.api.checks.results(check.uuid, limit=_ALL))
        waiting = max(interfaces, late.interfaces) - sum(bool(result.ended_at) for result in found)
        missing = f"no verdict on {_counted(max(1, waiting))} after {timeout:g} s: {late.reason or 'it waits'}"
        say(missing)
    finally:
        if not id_:
            client.api.checks.delete(check.uuid)
    _finish(check, found, missing, report, output)


def _for_once(client: Client, body: dict[str, object], timeout: float) -> CheckView:
    """Create a check that goes by itself, should we be killed before we delete it."""
    return _create(client, {**body, "Name": f"run-{secrets.token_hex(4)}"}, f"{round(timeout) + _SPARE_S}s")


def _finish(check: CheckView, found: Sequence[CheckResult], missing: str, report: Path | None, output: Form) -> None:
    """Show the results, write the report, and end the program with 1 unless all passed and no verdict is missing."""
    if report is not None:
        try:
            report.write_bytes(junit(check.name, found, missing))
        except OSError as failed:
            raise UserError(f"cannot write {report}: {failed.strerror}") from failed
    _show_results(found, output, steps=True)
    if missing or any(result.verdict != "pass" for result in found):
        raise typer.Exit(1)


def _create(client: Client, body: dict[str, object], ttl: str) -> CheckView:
    return client.post("/api/check", body, CheckView, {"X-Resource-TTL": ttl} if ttl else {})


def _find(client: Client, name: str) -> CheckView:
    found: list[CheckView] = client.send(checks())
    return named_check(name, found)


def _show_results(found: Sequence[CheckResult], output: Form, *, steps: bool) -> None:
    if steps:
        show(found, output, _STEP_COLUMNS, [(result, step) for result in found for step in result.steps])
    else:
        show(found, output, _RESULT_COLUMNS, found)


def _counted(interfaces: int) -> str:
    return "an interface" if interfaces == 1 else f"{interfaces} interfaces"


def _seconds(step: StepResult) -> str:
    return "" if step.after_ms is None else f"{step.after_ms / 1000:.3f}"


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("PASS", lambda one: one.verdicts.get("pass", 0)),
    ("FAIL", lambda one: one.verdicts.get("fail", 0)),
    ("UNKNOWN", lambda one: one.verdicts.get("unknown", 0)),
    ("WAITING", lambda one: one.verdicts.get("waiting", 0)),
    ("STEPS", lambda one: [step.type for step in one.steps]),
    ("CAPTURE", lambda one: one.state),
    ("REASON", lambda one: one.reason),
    ("QUERY", lambda one: one.gremlin_query),
)
_RESULT_COLUMNS: tuple[Column, ...] = (
    ("INTERFACE", lambda one: one.node_name),
    ("HOST", lambda one: one.host),
    ("APPEARED", lambda one: clock_time(one.started_at)),
    ("VERDICT", lambda one: one.verdict),
    ("SENTENCE", lambda one: one.sentence),
    ("NODE", lambda one: one.node_id),
)
_STEP_COLUMNS: tuple[Column, ...] = (
    ("INTERFACE", lambda pair: pair[0].node_name),
    ("STEP", lambda pair: pair[1].type),
    ("VERDICT", lambda pair: pair[1].verdict),
    ("SECONDS", lambda pair: _seconds(pair[1])),
    ("SENTENCE", lambda pair: pair[1].sentence),
)
