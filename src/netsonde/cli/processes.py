# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs that run a process, collected as overrides of settings by dotted path."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="NETSONDE_CONFIG", metavar="FILE", help="Settings file (TOML)."),
]
StateDir: TypeAlias = Annotated[
    str, typer.Option("--state-dir", metavar="DIR", help="Where history, bus and spools are kept.")
]
HostId: TypeAlias = Annotated[str, typer.Option("--host-id", metavar="NAME", help="Name of this host in the graph.")]
Listen: TypeAlias = Annotated[
    str, typer.Option("--listen", metavar="HOST:PORT", help="Where API and page are served (127.0.0.1:8082).")
]
BusUrl: TypeAlias = Annotated[str, typer.Option("--bus-url", metavar="URL", help="The NATS server or cluster.")]
LogLevel: TypeAlias = Annotated[
    str, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
]
Assignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting by its path; may be repeated."),
]
Check: TypeAlias = Annotated[bool, typer.Option("--check", help="Validate the settings and exit.")]


def overrides(assignments: Sequence[str] | None, flags: Mapping[str, str]) -> dict[str, str]:
    """Return the settings given on the command line; flags win over --set. Raises BadParameter for a bad --set."""
    given: dict[str, str] = {}
    for assignment in assignments or ():
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"{assignment!r} is no KEY=VALUE, such as capture.lookback=20", param_hint="--set")
        given[key.strip()] = value
    return given | {key: value for key, value in flags.items() if value}
