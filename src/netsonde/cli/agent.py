# SPDX-License-Identifier: Apache-2.0
"""`netsonde agent`."""

from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli.options import DEFAULT_URL, Url, new_app
from netsonde.cli.processes import (
    Assignments,
    BusUrl,
    Check,
    Config,
    HostId,
    LogLevel,
    StateDir,
    overrides,
)

app = new_app()


@app.callback(invoke_without_command=True)
def agent(
    context: typer.Context,
    config: Config = None,
    bus_url: BusUrl = "",
    host_id: HostId = "",
    state_dir: StateDir = "",
    log_level: LogLevel = "",
    assignments: Assignments = None,
    check: Check = False,
) -> None:
    """Run the agent of this host: it sees the topology, captures and meters.

    Captures and the namespaces of others need root, or the capabilities NET_ADMIN,
    NET_RAW and SYS_ADMIN; `netsonde doctor` says what is missing.
    """
    if context.invoked_subcommand is not None:
        return
    from netsonde.agent import run

    flags = {"bus.url": bus_url, "host_id": host_id, "state_dir": state_dir, "log.level": log_level}
    raise typer.Exit(run(config, overrides(assignments, flags), check=check))


@app.command("enrol")
def enrol_agent(
    url: Url = DEFAULT_URL,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Read the token from there; - is stdin."),
    ] = None,
    token: Annotated[str, typer.Option("--token", envvar="NETSONDE_TOKEN", help="The token, for a safe shell.")] = "",
    config: Config = None,
    host_id: HostId = "",
    state_dir: StateDir = "",
) -> None:
    """Get a certificate for the agent of this host, and settings to run it with.

    `netsonde access token create NAME --role enroller --uses 1 --days 1` makes the token.
    """
    from netsonde.cli.enrol import enrol
    from netsonde.cli.secrets import read_secret

    secret = token if token_file is None else read_secret(token_file)
    flags = {"host_id": host_id, "state_dir": state_dir}
    raise typer.Exit(enrol(url, secret, config, overrides(None, flags)))
