# SPDX-License-Identifier: Apache-2.0
"""`netsonde alert`: be told when an expression begins to hold, and try it on the past first."""

import time
from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.alert_options import (
    Actions,
    Cooldown,
    Description,
    Expression,
    File,
    For,
    Hold,
    KeepFiring,
    Labels,
    Language,
    Name,
    Severity,
    Trigger,
    definition,
)
from netsonde.cli.check_options import duration_ms
from netsonde.cli.client import Client
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.times import clock_time
from netsonde.client import alert_calls as calls
from netsonde.model.alerts import FOREVER_MS, AlertView

app = new_app("Be told when a query finds something. IDs may be names or the beginning of a UUID.")


Id = Annotated[
    str, typer.Argument(metavar="ID", help="Name, UUID, or its beginning.", autocompletion=completing.alerts)
]


@app.command(epilog="Example: netsonde alert create -e \"G.V().Has('State', 'DOWN')\" --for 30s -n down")
def create(
    expression: Expression = "",
    file: File = None,
    name: Name = "",
    description: Description = "",
    action: Actions = None,
    trigger: Trigger = "",
    severity: Severity = "",
    label: Labels = None,
    for_: For = "",
    hold: Hold = "",
    keep_firing: KeepFiring = "",
    cooldown: Cooldown = "",
    language: Language = "",
    ttl: Annotated[str, typer.Option("--ttl", metavar="DURATION", help="It deletes itself after that: 1h30m.")] = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create an alert. Its expression and receivers are checked first."""
    body = _body(
        file, expression, hold, action, label, for_, keep_firing, cooldown,
        Name=name, Description=description, Trigger=trigger, Severity=severity, Language=language,
    )  # fmt: skip
    made = Client(url).send(calls.create_alert(body, ttl))
    show(made, output, _COLUMNS, [made])


@app.command("list")
def list_alerts(
    output: Output = Form.TABLE, watch: Watch = False, every: Every = EVERY, url: Url = DEFAULT_URL
) -> None:
    """List alerts with their states."""
    show_list(Client(url).api.alerts.all, output, _COLUMNS, watch=watch, every=every)


@app.command()
def get(id_: Id, output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Show one alert, and what it could not tell."""
    found = _find(Client(url), id_)
    show(found, output, _COLUMNS, [found])
    for note in (found.problem, *found.undelivered):
        if note:
            say(note)


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.alerts)], url: Url = DEFAULT_URL
) -> None:
    """Delete alerts with their history."""
    client = Client(url)
    for uuid in [_find(client, name).uuid for name in ids]:
        client.send(calls.delete_alert(uuid))


@app.command(epilog="Example: netsonde alert mute down --for 2h")
def mute(
    id_: Id,
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="So long; default: until `unmute`.")] = "",
    url: Url = DEFAULT_URL,
) -> None:
    """Tell nobody that an alert fires, for a time. What still fires at its end is told then."""
    client = Client(url)
    until = time.time_ns() // 1_000_000 + _long_ms(for_) if for_ else FOREVER_MS
    client.send(calls.patch_alert(_find(client, id_).uuid, {"MutedUntil": until}))


@app.command()
def unmute(id_: Id, url: Url = DEFAULT_URL) -> None:
    """Tell again that an alert fires, at once if it does."""
    client = Client(url)
    client.send(calls.patch_alert(_find(client, id_).uuid, {"MutedUntil": 0}))


@app.command(epilog="Example: netsonde alert history down --output json")
def history(
    id_: Id,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 100,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """List the states that an alert went through, the newest first."""
    client = Client(url)
    found = client.send(calls.alert_history(_find(client, id_).uuid, limit))
    show(found, output, _STEPS, found)


@app.command("test", epilog="Example: netsonde alert test -e \"G.V().Has('State', 'DOWN')\" --for 30s --last 24h")
def dry_run(
    id_: Annotated[
        str, typer.Argument(metavar="[ID]", help="An alert, instead of --expression.", autocompletion=completing.alerts)
    ] = "",
    expression: Expression = "",
    file: File = None,
    for_: For = "",
    hold: Hold = "",
    keep_firing: KeepFiring = "",
    cooldown: Cooldown = "",
    last: Annotated[str, typer.Option("--last", metavar="DURATION", help="Of so long a time until now: 24h.")] = "24h",
    step: Annotated[str, typer.Option("--step", metavar="DURATION", help="Look so often; default 200 times.")] = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Dry run on history: how often it would have fired, and when. Nobody is told anything."""
    client = Client(url)
    if id_:
        view = _find(client, id_)
        known = {"Expression": view.expression, "Hold": view.hold, "For": view.for_ms, "Language": view.language}
        body: dict[str, object] = {**known, "KeepFiring": view.keep_firing, "Cooldown": view.cooldown}
    else:
        body = _body(file, expression, hold, None, None, for_, keep_firing, cooldown)
    end = time.time_ns() // 1_000_000
    found = client.send(calls.rehearse_alert(body, end - _long_ms(last), end, _long_ms(step) if step else 0))
    show(found, output, _STEPS, found.transitions)
    times = "once" if found.fired == 1 else f"{found.fired} times"
    say(f"would have fired {times}, with {found.notices} notices; looked {found.looks} times, each {found.step} ms")
    if not found.complete:
        say(f"the time for it was up at {clock_time(found.end)}: choose a longer --step or a shorter --last")
    if found.problem:
        say(f"at some moments it could not be judged: {found.problem}")


def _body(
    file: Path | None,
    expression: str,
    hold: str,
    actions: list[str] | None,
    labels: list[str] | None,
    for_: str,
    keep_firing: str,
    cooldown: str,
    **texts: str,
) -> dict[str, object]:
    durations = {"For": for_, "KeepFiring": keep_firing, "Cooldown": cooldown}
    return definition(
        file, actions=actions, labels=labels, durations=durations, Expression=expression, Hold=hold, **texts
    )


def _long_ms(text: str) -> int:
    """Return ms of a duration that may be in hours or days."""
    for unit, factor in (("h", 60), ("d", 1440)):
        if text.endswith(unit):
            return duration_ms(f"{text.removesuffix(unit)}m") * factor
    return duration_ms(text)


def _find(client: Client, name: str) -> AlertView:
    found: list[AlertView] = client.send(calls.alerts())
    return calls.named_alert(name, found)


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("STATE", lambda one: one.state),
    ("SINCE", lambda one: clock_time(one.since) if one.since else ""),
    ("SEVERITY", lambda one: one.severity),
    ("FIRED", lambda one: one.fired),
    ("SUMMARY", lambda one: one.summary),
    ("PROBLEM", lambda one: one.problem),
    ("EXPRESSION", lambda one: one.expression),
)
_STEPS: tuple[Column, ...] = (
    ("AT", lambda one: clock_time(one.at)),
    ("STATE", lambda one: one.state),
    ("TOLD", lambda one: "yes" if one.notified else "no"),
    ("SUMMARY", lambda one: one.summary),
)
