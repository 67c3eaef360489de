# SPDX-License-Identifier: Apache-2.0
"""`netsonde analyzer`."""

import typer

from netsonde.cli.options import new_app
from netsonde.cli.processes import (
    Assignments,
    BusUrl,
    Check,
    Config,
    HostId,
    Listen,
    LogLevel,
    StateDir,
    overrides,
)

app = new_app()


@app.command()
def analyzer(
    listen: Listen = "",
    config: Config = None,
    bus_url: BusUrl = "",
    host_id: HostId = "",
    state_dir: StateDir = "",
    log_level: LogLevel = "",
    assignments: Assignments = None,
    check: Check = False,
) -> None:
    """Run an analyzer: the merged graph of all agents, history, API and page."""
    from netsonde.analyzer import run

    flags = {
        "analyzer.listen": listen,
        "bus.url": bus_url,
        "host_id": host_id,
        "state_dir": state_dir,
        "log.level": log_level,
    }
    raise typer.Exit(run(config, overrides(assignments, flags), check=check))
