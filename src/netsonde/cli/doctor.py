# SPDX-License-Identifier: Apache-2.0
"""`netsonde doctor`: checks this machine, the server and every host, and says what to do."""

import typer

from netsonde.cli.client import Client
from netsonde.cli.doctor_checks import check_machine, is_failed
from netsonde.cli.doctor_server import check_server
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, show

app = new_app()


@app.command()
def doctor(output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Check this machine, the server, your rights there, and every host; say what to do.

    Ends with 1 when something is bad, with 0 when at most something is limited.
    """
    findings = [*check_machine(), *check_server(Client(url))]
    data = [finding._asdict() for finding in findings]
    show(data, output, _COLUMNS, findings)
    if is_failed(findings):
        raise typer.Exit(1)


_COLUMNS: tuple[Column, ...] = (
    ("CHECK", lambda finding: finding.subject),
    ("VERDICT", lambda finding: finding.verdict),
    ("FOUND", lambda finding: finding.text),
    ("WHAT TO DO", lambda finding: finding.advice),
)
