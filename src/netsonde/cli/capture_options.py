# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs that define a capture, and the request that they make."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

import msgspec
import typer

from netsonde.cli import completing
from netsonde.client.literals import quoted
from netsonde.model.captures import Sink

Gremlin: TypeAlias = Annotated[
    str, typer.Option("--gremlin", "-g", metavar="QUERY", help="Which interfaces: a query that gives nodes.")
]
Node: TypeAlias = Annotated[
    str,
    typer.Option(
        "--node", metavar="TID", autocompletion=completing.interfaces, help="One interface, instead of a query."
    ),
]
Name: TypeAlias = Annotated[str | None, typer.Option("--name", "-n", help="A name to call it by.")]
Description: TypeAlias = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Bpf: TypeAlias = Annotated[
    str | None, typer.Option("--bpf", metavar="FILTER", help="Only these packets, as tcpdump filters them.")
]
FirstPackets: TypeAlias = Annotated[
    int | None, typer.Option("--first-packets", min=0, help="Packets kept whole from the start, per interface.")
]
RawPacketLimit: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--raw-packet-limit", min=-1, help="Packets kept of each flow after those, by ring; -1 = all, 0 = none."
    ),
]
HeaderSize: TypeAlias = Annotated[
    int | None, typer.Option("--header-size", metavar="BYTES", help="Kept of each packet in the ring.")
]
ExtraTcpMetric: TypeAlias = Annotated[
    bool | None, typer.Option("--tcp/--no-tcp", help="Measure TCP connections more closely.")
]
MaxPackets: TypeAlias = Annotated[
    int | None, typer.Option("--max-packets", min=0, help="Finish on an interface after so many.")
]
MaxBytes: TypeAlias = Annotated[
    int | None, typer.Option("--max-bytes", min=0, help="Finish on an interface after so many bytes.")
]
MaxDuration: TypeAlias = Annotated[
    int | None, typer.Option("--max-duration", min=0, metavar="MS", help="Finish on an interface after so long.")
]
StopOnUnmatch: TypeAlias = Annotated[
    bool | None,
    typer.Option("--stop-on-unmatch/--keep-on-unmatch", help="What to do when an interface stops matching."),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Where sflow, netflow and pcapsocket listen; by default any."),
]
Sinks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--sink",
        metavar="SINK",
        help="Send it on as well: TYPE, or TYPE:Key=Value,Key=Value, such as ipfix:Target=192.0.2.1:4739; repeatable. "
        "Types: netflow5 netflow9 ipfix nats kafka pcapng erspan vxlan.",
    ),
]
Ttl: TypeAlias = Annotated[
    str, typer.Option("--ttl", metavar="DURATION", help="It deletes itself after that: 90s, 1h30m.")
]

_SINK: Final = {field.encode_name: field.type for field in msgspec.structs.fields(Sink) if field.name != "type"}
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)


def fields(**given: object) -> dict[str, object]:
    """Return the members that were given on the command line."""
    return {name: value for name, value in given.items() if value is not None}


def sink(text: str) -> dict[str, object]:
    """Return a sink as the API takes it."""
    kind, _, rest = text.partition(":")
    found: dict[str, object] = {"Type": kind.strip()}
    for part in rest.split(",") if rest else ():
        name, equals, value = part.partition("=")
        if not equals or name not in _SINK:
            raise typer.BadParameter(f"--sink {text}: {part!r} is not Key=Value; keys are {', '.join(_SINK)}")
        if _SINK[name] is int and not _NUMBER.fullmatch(value):
            raise typer.BadParameter(f"--sink {text}: {name} must be a whole number, got {value!r}")
        found[name] = int(value) if _SINK[name] is int else value
    return found


def gremlin_of(gremlin: str, node: str) -> str:
    """Return the query of --gremlin or --node; one of them must be given."""
    if bool(gremlin.strip()) == bool(node.strip()):
        raise typer.BadParameter("give either --gremlin QUERY or --node TID")
    return gremlin or f"G.V().Has('TID', {quoted(node.strip())})"


def ttl_header(ttl: str) -> Mapping[str, str]:
    return {"X-Resource-TTL": ttl} if ttl else {}
