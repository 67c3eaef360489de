# SPDX-License-Identifier: Apache-2.0
"""`netsonde doctor`: checks this machine and the server, and says what to do."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import typer

from netsonde import __version__
from netsonde.cli.client import Client, NoServer
from netsonde.cli.doctor_checks import Finding, check_machine, is_failed
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, show
from netsonde.errors import UserError

app = new_app()
_MOST_SKEW = 2.0
"""Seconds; flows and topology of different hosts are put in order by their clocks."""


@app.command()
def doctor(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Check this machine and the server; say what to do."""
    findings = [*check_machine(), *check_server(Client(url))]
    data = [finding._asdict() for finding in findings]
    show(data, output, _COLUMNS, findings)
    if is_failed(findings):
        raise typer.Exit(1)


def check_server(client: Client) -> list[Finding]:
    """Check that the server answers, is ready, has our version and our time."""
    try:
        identity = client.get("/api", dict[str, str])
        status = client.get("/api/status", dict[str, Any])
        date = client.header("/api", "Date")
    except NoServer as away:
        return [Finding("server", "limited", away.message, away.hint)]
    except UserError as wrong:
        return [Finding("server", "bad", wrong.message, wrong.hint)]
    return [
        Finding("server", "good", f"{client.url}, host {identity.get('Host', '')}"),
        check_version(identity.get("Version", "")),
        check_clock(parsedate_to_datetime(date).timestamp(), time.time()),
        check_ready(status),
        *check_components(status),
    ]


def check_version(theirs: str) -> Finding:
    if theirs == __version__:
        return Finding("version", "good", theirs)
    return Finding("version", "limited", f"server {theirs}, this program {__version__}", "install the same on both")


def check_clock(theirs: float, ours: float) -> Finding:
    """Compare Unix times; the server's has whole seconds only."""
    skew = abs(theirs + 0.5 - ours)
    if skew <= _MOST_SKEW:
        return Finding("clock", "good", "agrees with the server's")
    return Finding("clock", "limited", f"{skew:.0f} s off the server's", "run chrony or another NTP client on both")


def check_ready(status: dict[str, Any]) -> Finding:
    missing = status.get("Missing") or []
    if not missing:
        return Finding("readiness", "good", f"{len(status.get('Agents', {}))} agents")
    return Finding("readiness", "limited", "; ".join(missing), "`netsonde status` shows which part is not well")


def check_components(status: dict[str, Any]) -> list[Finding]:
    """Name every part of every process that has failed."""
    return [
        Finding(f"{process['Host']} {name}", "limited", part["Reason"], "docs/howto/troubleshoot.md")
        for process in status.get("Processes", [])
        for name, part in process["Probes"].items()
        if part["State"] == "failed"
    ]


_COLUMNS: tuple[Column, ...] = (
    ("CHECK", lambda finding: finding.subject),
    ("VERDICT", lambda finding: finding.verdict),
    ("FOUND", lambda finding: finding.text),
    ("WHAT TO DO", lambda finding: finding.advice),
)
