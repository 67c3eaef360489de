# SPDX-License-Identifier: Apache-2.0
"""`netsonde client injection`, alias `inject-packet`: the reference's spelling, JSON on stdout."""

from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.inject_options import (
    Dst,
    DstIp,
    DstMac,
    DstPort,
    IcmpId,
    Increment,
    Interval,
    Mode,
    Payload,
    Pcap,
    Src,
    SrcIp,
    SrcMac,
    SrcPort,
    Ttl,
    given,
)
from netsonde.cli.options import new_app
from netsonde.cli.output import print_json
from netsonde.client.injections import InjectionFields

app = new_app("Injected packets.")
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.injected)]
_BEYOND_MS = 5000
"""How long an injection stays listed after its last packet, as with the reference's client."""


@app.command("create")
def create(
    context: typer.Context,
    src: Src,
    dst: Dst = "",
    src_ip: SrcIp = "",
    dst_ip: DstIp = "",
    src_mac: SrcMac = "",
    dst_mac: DstMac = "",
    src_port: SrcPort = 0,
    dst_port: DstPort = 0,
    kind: Annotated[str, typer.Option("--type")] = "icmp4",
    payload: Payload = "",
    pcap: Pcap = None,
    icmp_id: IcmpId = 0,
    mode: Mode = "unique",
    increment: Increment = 0,
    count: Annotated[int | None, typer.Option("--count", min=0)] = None,
    interval: Interval = 0,
    ttl: Ttl = 64,
) -> None:
    """Inject packets. Without --count a packet file is sent whole, not its first packet alone as by the reference."""
    packets = count if count is not None else 0 if pcap is not None else 1
    fields: InjectionFields = {
        **given(src_ip, dst_ip, src_mac, dst_mac, dst, payload, kind, pcap=pcap),
        "src_port": src_port,
        "dst_port": dst_port,
        "icmp_id": icmp_id,
        "mode": mode,
        "increment_payload": increment,
        "count": packets,
        "interval_ms": interval,
        "ttl": ttl,
    }
    # Nobody knows here how long a whole file lasts: it stays listed for the server's time.
    expire = f"{packets * interval + _BEYOND_MS}ms" if packets else ""
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
