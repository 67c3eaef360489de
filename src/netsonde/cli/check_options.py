# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs that define a check: steps as `TYPE:Key=Value,Key=Value`, times as `10s`, whole files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import typer

from netsonde.errors import UserError
from netsonde.model.elements import Json

Gremlin: TypeAlias = Annotated[
    str, typer.Option("--gremlin", "-g", metavar="QUERY", help="Which interfaces: a query that gives nodes.")
]
Steps: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--step",
        "-s",
        metavar="STEP",
        help="TYPE, or TYPE:Key=Value,Key=Value, such as tcp:Target=169.254.169.254:80; lists as A+B. "
        "Types: dhcp gateway icmp dns tcp mtu path unexpected. Within=5s gives the step a time of its own.",
    ),
]
File: TypeAlias = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="The check in JSON or YAML; options win.")
]
Name: TypeAlias = Annotated[str | None, typer.Option("--name", "-n", help="Nodes show the verdict under it.")]
Description: TypeAlias = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Within: TypeAlias = Annotated[
    str,
    typer.Option("--within", metavar="DURATION", help="Time that steps have after the interface's appearance: 10s."),
]
Active: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--active",
        metavar="WHEN",
        help="Whether packets are injected, as if the guest had sent them: never, unsettled (where its own do not tell "
        "in time), always.",
    ),
]
FirstPackets: TypeAlias = Annotated[
    int | None, typer.Option("--first-packets", min=1, help="Packets of each interface that are judged.")
]

LISTS: Final = ("Targets", "Protocols", "Peers")
"""Parameters that are lists, of all steps; a test compares."""
_NEXT: Final = re.compile(r",(?=[A-Z][A-Za-z]*=)")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?", re.ASCII)
_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "": 1}


def definition(
    file: Path | None, gremlin: str, steps: list[str] | None, within: str, **given: object
) -> dict[str, object]:
    """Return the body of a check: what a file says, and over it what was given on the command line."""
    body: dict[str, object] = {} if file is None else {**_read(file)}
    body |= {name: value for name, value in given.items() if value is not None}
    if gremlin.strip():
        body["GremlinQuery"] = gremlin
    if steps:
        body["Steps"] = [parsed(step) for step in steps]
    if within:
        body["Within"] = duration_ms(within)
    if "GremlinQuery" not in body or "Steps" not in body:
        raise typer.BadParameter("a check needs --gremlin QUERY and at least one --step, or --file FILE")
    return body


def parsed(step: str) -> dict[str, Json]:
    """Return a step as the API takes it."""
    kind, _, rest = step.partition(":")
    parameters: dict[str, Json] = {}
    found: dict[str, Json] = {"Type": kind.strip(), "Parameters": parameters}
    for part in _NEXT.split(rest) if rest else ():
        name, equals, text = part.partition("=")
        if not equals:
            raise typer.BadParameter(f"--step {step}: {part!r} is not Key=Value")
        if name == "Within":
            found["Within"] = duration_ms(text)
        else:
            parameters[name] = [*text.split("+")] if name in LISTS else _value(text)
    return found


def duration_ms(text: str) -> int:
    """Return the milliseconds of `10s`, `500ms`, `2m`; a bare number is milliseconds."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no duration; write 10s, 500ms or 2m")
    return round(float(found[1]) * _MS[found[2] or ""])


def _value(text: str) -> Json:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = file.read_bytes()
        found: Mapping[str, Any] = msgspec.yaml.decode(content, type=dict[str, Any])
    except OSError as failed:
        raise UserError(f"cannot read {file}: {failed.strerror}") from failed
    except (msgspec.MsgspecError, ValueError) as bad:
        raise UserError(f"{file} is no check in JSON or YAML: {bad}", hint="see docs/reference/check.md") from bad
    return found
