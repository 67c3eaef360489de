# SPDX-License-Identifier: Apache-2.0
"""`netsonde inject`: send packets from interfaces, and see what comes back."""

from pathlib import Path
from typing import Annotated

import typer

from netsonde.cli import completing
from netsonde.cli.client import Client
from netsonde.cli.inject_options import Count, Dst, Kind, Src, content_of, takes_packets
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, show
from netsonde.cli.times import clock_time
from netsonde.client.injections import InjectionFields, named_injection
from netsonde.errors import UserError
from netsonde.model.injections import InjectionView, NodeInjection, Totals

app = new_app("Send packets from interfaces, and see what comes back. IDs may be names or the beginning of a UUID.")
Ids = Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.injected)]
_BEYOND = 10.0
"""Seconds that a run may take beyond what its count and interval make."""


@app.command(
    epilog="Example: netsonde inject create --src \"G.V().Has('Name', 'tap1')\" --dst-ip 10.0.0.1 --count 5 --wait"
)
@takes_packets
def create(
    src: Src,
    dst: Dst = "",
    kind: Kind = "",
    *,
    packets: InjectionFields,
    frame: Annotated[Path | None, typer.Option("--frame", metavar="FILE", help="Send these bytes as a frame.")] = None,
    count: Count = 0,
    name: Annotated[str, typer.Option("--name", "-n", help="A name to call it by.")] = "",
    size: Annotated[int, typer.Option("--size", min=0, metavar="BYTES", help="Payload that is not given.")] = 56,
    vlan: Annotated[int, typer.Option("--vlan", min=0, max=4094, help="Tag with this VLAN id; 0 = no tag.")] = 0,
    priority: Annotated[int, typer.Option("--vlan-priority", min=0, max=7, help="Priority in the tag.")] = 0,
    dscp: Annotated[int, typer.Option("--dscp", min=0, max=63, help="Differentiated services code point.")] = 0,
    dont_fragment: Annotated[bool, typer.Option("--dont-fragment", help="Set DF, to find the MTU of a path.")] = False,
    inbound: Annotated[bool, typer.Option("--inbound", help="Let them enter as if the guest had sent them.")] = False,
    timeout: Annotated[int, typer.Option("--timeout", min=1, metavar="MS", help="Wait so long for an answer.")] = 1000,
    scale: Annotated[float, typer.Option("--time-scale", help="Replay so many times as fast as recorded.")] = 0.0,
    dns_name: Annotated[str, typer.Option("--dns-name", help="The name to ask for, types dns4 and dns6.")] = "",
    dns_type: Annotated[str, typer.Option("--dns-type", help="The record to ask for.")] = "A",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; 1 unless every packet is answered.")] = False,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Inject packets, once. Addresses come from the graph, what it does not know from ARP and neighbour discovery."""
    fields: InjectionFields = {
        **packets,
        "dst": dst,
        "count": count,
        "name": name,
        "size": size,
        "vlan": vlan,
        "vlan_priority": priority,
        "dscp": dscp,
        "dont_fragment": dont_fragment,
        "inbound": inbound,
        "timeout_ms": timeout,
        "time_scale": scale,
        "dns_name": dns_name,
        "dns_type": dns_type,
    }
    if kind:
        fields["type"] = kind
    if frame is not None:
        fields["frame"] = content_of(frame)
    injections = Client(url).api.injections
    made = injections.create(src, **fields)
    if not wait:
        show(made, output, _COLUMNS, [made])
        return
    seconds = (made.count * made.interval_ms + timeout) / 1000 + _BEYOND + _replay_seconds(made)
    tell_end(injections.wait(made.uuid, seconds), output)


@app.command("list")
def list_injections(
    output: Output = Form.TABLE, watch: Watch = False, every: Every = EVERY, url: Url = DEFAULT_URL
) -> None:
    """List injections with what came of them."""
    show_list(Client(url).api.injections.all, output, _COLUMNS, watch=watch, every=every)


@app.command()
def get(
    id_: Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.injected)],
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Show one injection: loss and latency of each interface."""
    injection = named_injection(id_, Client(url).api.injections.all())
    show(injection, output, _COLUMNS, [injection])
    if output is Form.TABLE and injection.status is not None:
        print()
        show(injection, output, _NODE_COLUMNS, injection.status.nodes)


@app.command()
def delete(ids: Ids, url: Url = DEFAULT_URL) -> None:
    """Stop and delete injections."""
    injections = Client(url).api.injections
    for uuid in [named_injection(one, injections.all()).uuid for one in ids]:
        injections.delete(uuid)


@app.command()
def audit(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the latest first.")] = 100,
    before: Annotated[int, typer.Option("--before", min=0, help="Go on: what came before this NUMBER.")] = 0,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """List who injected what, the latest first."""
    records = Client(url).api.injections.audit(limit, before)
    show(records, output, _AUDIT_COLUMNS, records)


def _replay_seconds(made: InjectionView) -> float:
    """Return the most that a replay at recorded times is waited for; nobody knows here how long it is."""
    return 3600.0 if made.type == "pcap" else 0.0


def tell_end(done: InjectionView, output: Form) -> None:
    """Print the end of a run; raises UserError, or typer.Exit(1), unless every packet was answered."""
    status = done.status
    if status is None:
        raise UserError(f"the injection {done.uuid} has no status")
    if output is Form.TABLE:
        for node in status.nodes:
            print("\n".join(_summary(node)))
    else:
        show(done, output, _COLUMNS, [done])
    if status.state != "finished":
        raise UserError(f"the injection is {status.state}: {status.reason}")
    totals = status.totals
    expects_answers = done.type not in ("raw", "pcap")
    if totals.failed or (expects_answers and totals.received < totals.sent):
        raise typer.Exit(1)


def _summary(node: NodeInjection) -> list[str]:
    totals = node.totals
    lines = [f"{node.name}@{node.host} {node.source} -> {node.target}"]
    if not node.target:
        lines = [f"{node.name}@{node.host}"]
    text = f"  {totals.sent} sent, {totals.received} answered, {_loss(totals)} lost"
    extra = {"refused": totals.refused, "repeated": totals.repeated, "not sent": totals.failed, "late": totals.late}
    lines.append(text + "".join(f", {count} {word}" for word, count in extra.items() if count))
    if totals.received:
        times = (totals.rtt_min, totals.rtt_mean, totals.rtt_max, totals.rtt_deviation)
        lines.append("  rtt min/mean/max/deviation " + "/".join(f"{one / 1e6:.3f}" for one in times) + " ms")
    notes = sorted({f"{one.verdict} from {one.source}: {one.note}" for one in node.results if one.note})
    return [*lines, *(f"  {note}" for note in notes[:5])]


def _loss(totals: Totals) -> str:
    if not totals.sent:
        return "0%"
    return f"{100 * (totals.sent - totals.received) / totals.sent:.3g}%"


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("TYPE", lambda one: one.type),
    ("STATE", lambda one: one.status.state if one.status else ""),
    ("SENT", lambda one: one.status.totals.sent if one.status else ""),
    ("ANSWERED", lambda one: one.status.totals.received if one.status else ""),
    ("LOSS", lambda one: _loss(one.status.totals) if one.status else ""),
    ("REASON", lambda one: one.status.reason if one.status else ""),
    ("SRC", lambda one: one.src),
)
_NODE_COLUMNS: tuple[Column, ...] = (
    ("INTERFACE", lambda node: node.name),
    ("HOST", lambda node: node.host),
    ("STATE", lambda node: node.state),
    ("FROM", lambda node: node.source),
    ("TO", lambda node: node.target),
    ("SENT", lambda node: node.totals.sent),
    ("ANSWERED", lambda node: node.totals.received),
    ("LOSS", lambda node: _loss(node.totals)),
    ("RTT MEAN ms", lambda node: f"{node.totals.rtt_mean / 1e6:.3f}"),
    ("REASON", lambda node: node.reason),
)
_AUDIT_COLUMNS: tuple[Column, ...] = (
    ("AT", lambda one: clock_time(one.at)),
    ("WHO", lambda one: one.who),
    ("ACTION", lambda one: one.action),
    ("TYPE", lambda one: one.type),
    ("COUNT", lambda one: one.count),
    ("SOURCES", lambda one: one.sources),
    ("TARGET", lambda one: one.target),
    ("UUID", lambda one: one.uuid),
    ("NUMBER", lambda one: one.number),
)
