# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs that define an alert."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer

from netsonde.cli.check_options import duration_ms
from netsonde.errors import UserError

Expression: TypeAlias = Annotated[
    str, typer.Option("--expression", "-e", metavar="QUERY", help="It fires while this gives something.")
]
File: TypeAlias = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="The alert in JSON or YAML; options win.")
]
Name: TypeAlias = Annotated[str, typer.Option("--name", "-n", help="What receivers and lists call it.")]
Description: TypeAlias = Annotated[str, typer.Option("--description", help="What it is for, what to do.")]
Trigger: TypeAlias = Annotated[
    str, typer.Option("--trigger", metavar="WHEN", help="graph: at its changes; duration:30s: so often.")
]
Actions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--action",
        "-a",
        metavar="RECEIVER",
        help="https://… (webhook), alertmanager+https://…, file:///… (program), workflow:NAME. May be repeated.",
    ),
]
Severity: TypeAlias = Annotated[str, typer.Option("--severity", help="info, warning or critical.")]
Labels: TypeAlias = Annotated[list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="May be repeated.")]
For: TypeAlias = Annotated[str, typer.Option("--for", metavar="DURATION", help="It must hold for so long: 30s.")]
Hold: TypeAlias = Annotated[
    str, typer.Option("--hold", metavar="QUERY", help="While it fires, this decides whether it still does.")
]
KeepFiring: TypeAlias = Annotated[
    str, typer.Option("--keep-firing", metavar="DURATION", help="It is resolved after so long an absence.")
]
Cooldown: TypeAlias = Annotated[
    str, typer.Option("--cooldown", metavar="DURATION", help="At most one notice in so long a time.")
]
Language: TypeAlias = Annotated[
    str, typer.Option("--language", help="gremlin or javascript; default: what it reads as.")
]


def definition(
    file: Path | None,
    *,
    actions: Sequence[str] | None,
    labels: Sequence[str] | None,
    durations: dict[str, str],
    **texts: str,
) -> dict[str, object]:
    """Return the body of an alert: what a file says, and over it what was given on the command line."""
    body: dict[str, object] = {} if file is None else _read(file)
    body |= {name: text for name, text in texts.items() if text}
    body |= {name: duration_ms(text) for name, text in durations.items() if text}
    if actions:
        body["Actions"] = [*actions]
    if labels:
        body["Labels"] = dict(map(_label, labels))
    if "Expression" not in body:
        raise typer.BadParameter("an alert needs --expression QUERY, or --file FILE")
    return body


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--label {text!r} is not KEY=VALUE")
    return key, value


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as failed:
        raise UserError(f"cannot read {file}: {failed.strerror}") from failed
    except (msgspec.MsgspecError, ValueError) as bad:
        raise UserError(f"{file} is no alert in JSON or YAML: {bad}", hint="see docs/reference/alert.md") from bad
