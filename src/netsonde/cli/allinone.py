# SPDX-License-Identifier: Apache-2.0
"""`netsonde allinone`."""

import typer

from netsonde.cli.options import new_app
from netsonde.cli.processes import Assignments, Check, Config, HostId, Listen, LogLevel, StateDir, overrides

app = new_app()


@app.command()
def allinone(
    listen: Listen = "",
    state_dir: StateDir = "",
    config: Config = None,
    host_id: HostId = "",
    log_level: LogLevel = "",
    assignments: Assignments = None,
    check: Check = False,
) -> None:
    """Run everything on this machine: a private bus, an analyzer and an agent.

    The page is at http://127.0.0.1:8082 then. Without root the topology is shown as far
    as it can be seen, and captures do not work.
    """
    from netsonde.allinone import run

    flags = {"analyzer.listen": listen, "state_dir": state_dir, "host_id": host_id, "log.level": log_level}
    raise typer.Exit(run(config, overrides(assignments, flags), check=check))
