# SPDX-License-Identifier: Apache-2.0
"""`netsonde client injection`, alias `inject-packet`: the reference's spelling, JSON on stdout."""

from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.inject_options import Dst, Src, takes_packets
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.client.injections import InjectionFields

app = new_app("Injected packets.")
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.injected)]
_BEYOND_MS = 5000
"""How long an injection stays listed after its last packet, as with the reference's client."""


@app.command("create")
@takes_packets
def create(
    context: typer.Context,
    src: Src,
    dst: Dst = "",
    kind: Annotated[str, typer.Option("--type")] = "icmp4",
    *,
    packets: InjectionFields,
    count: Annotated[int | None, typer.Option("--count", min=0)] = None,
) -> None:
    """Inject packets. Without --count a packet file is sent whole, not its first packet alone as by the reference."""
    number = count if count is not None else 0 if "pcap" in packets else 1
    fields: InjectionFields = {
        **packets,
        "dst": dst,
        "type": kind,
        "count": number,
    }
    # Nobody knows here how long a whole file lasts: it stays listed for the server's time.
    expire = f"{number * packets.get('interval_ms', 0) + _BEYOND_MS}ms" if number else ""
    print_json(context.obj.api.injections.create(src, expire=expire, **fields))


@app.command("list")
def list_injections(context: typer.Context) -> None:
    """List injections, by UUID."""
    print_json({one.uuid: one for one in context.obj.api.injections.all()})


@app.command("get")
def get(context: typer.Context, ids: Ids) -> None:
    """Show injections."""
    for one in ids:
        print_json(context.obj.api.injections.get(one))


@app.command("delete")
def delete(context: typer.Context, ids: Ids) -> None:
    """Delete injections."""
    for one in ids:
        context.obj.api.injections.delete(one)
