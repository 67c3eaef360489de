# SPDX-License-Identifier: Apache-2.0
"""`netsonde agent`."""

import typer

from netsonde.cli.options import new_app
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


@app.command()
def agent(
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
    from netsonde.agent import run

    flags = {"bus.url": bus_url, "host_id": host_id, "state_dir": state_dir, "log.level": log_level}
    raise typer.Exit(run(config, overrides(assignments, flags), check=check))
