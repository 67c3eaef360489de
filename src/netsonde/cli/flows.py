# SPDX-License-Identifier: Apache-2.0
"""`netsonde flows`, and the columns in which flows are shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from netsonde.cli import completing
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.times import clock_time, size

app = new_app()


@app.command(epilog="Example: netsonde flows --capture vms --sort=-Metric.ABBytes --limit 20")
def flows(
    capture: Annotated[
        list[str] | None, typer.Option("--capture", metavar="ID", help="Of this capture, by name or UUID.")
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="TID", autocompletion=completing.interfaces, help="Seen on this interface."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")] = 100,
    sort: Annotated[
        str, typer.Option("--sort", metavar="FIELD", help="A field of flows; a leading - = largest first.")
    ] = "-Last",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """List the flows of captures and interfaces, most recently active first."""
    from netsonde.cli.client import Client

    client = Client(url)
    captures = [client.find_capture(name).uuid for name in capture or ()]
    query = {"capture": captures, "node": node, "limit": limit, "sort": sort}
    found = client.get("/api/flows", list[dict[str, Any]], query)
    show(found, output, FLOW_COLUMNS, found)
    for note in client.missing:
        say(note)


def _at(path: str) -> Callable[[Mapping[str, Any]], Any]:
    def find(flow: Mapping[str, Any]) -> Any:
        value: Any = flow
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return find


def _end(which: str) -> Callable[[Mapping[str, Any]], str]:
    """Return an end of a flow as address:port, or its MAC when there is no network layer."""
    address, link, port = _at(f"Network.{which}"), _at(f"Link.{which}"), _at(f"Transport.{which}")

    def find(flow: Mapping[str, Any]) -> str:
        name = str(address(flow) or link(flow) or "")
        number = port(flow)
        if not number:
            return name
        return f"[{name}]:{number}" if ":" in name else f"{name}:{number}"

    return find


FLOW_COLUMNS: Sequence[Column] = (
    ("LAST", lambda flow: clock_time(flow.get("Last"))),
    ("APPLICATION", _at("Application")),
    ("A", _end("A")),
    ("B", _end("B")),
    ("A>B PKTS", _at("Metric.ABPackets")),
    ("A>B", lambda flow: size(_at("Metric.ABBytes")(flow))),
    ("B>A PKTS", _at("Metric.BAPackets")),
    ("B>A", lambda flow: size(_at("Metric.BABytes")(flow))),
    ("LAYERS", _at("LayersPath")),
    ("UUID", _at("UUID")),
)
