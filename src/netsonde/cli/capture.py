# SPDX-License-Identifier: Apache-2.0
"""`netsonde capture`: create and watch captures, and read their packets."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from netsonde.cli import completing
from netsonde.cli.capture_options import (
    Bpf,
    Description,
    ExtraTcpMetric,
    FirstPackets,
    Gremlin,
    HeaderSize,
    MaxBytes,
    MaxDuration,
    MaxPackets,
    Name,
    Node,
    Port,
    RawPacketLimit,
    Sinks,
    StopOnUnmatch,
    Ttl,
    fields,
    gremlin_of,
    sink,
    ttl_header,
)
from netsonde.cli.client import Client
from netsonde.cli.listing import EVERY, Every, Watch, show_list
from netsonde.cli.options import DEFAULT_URL, Form, Output, Url, new_app
from netsonde.cli.output import Column, say, show
from netsonde.cli.times import clock_time
from netsonde.errors import UserError
from netsonde.model.captures import CaptureView, NodeStatus

app = new_app("Create and watch captures, and read their packets. IDs may be names or the beginning of a UUID.")


Id = Annotated[
    str, typer.Argument(metavar="ID", help="Name, UUID, or its beginning.", autocompletion=completing.captures)
]


@app.command(epilog="Example: netsonde capture create --gremlin \"G.V().HasKey('ExtID.vm-id')\" --name vms")
def create(
    gremlin: Gremlin = "",
    node: Node = "",
    name: Name = None,
    description: Description = None,
    bpf: Bpf = None,
    kind: Annotated[str | None, typer.Option("--type", help="Engine; by default the node's type decides.")] = None,
    layer_key_mode: Annotated[
        str | None, typer.Option("--layer-key-mode", metavar="L2|L3", help="Whether MACs tell flows apart.")
    ] = None,
    first_packets: FirstPackets = None,
    raw_packet_limit: RawPacketLimit = None,
    header_size: HeaderSize = None,
    tcp: ExtraTcpMetric = None,
    max_packets: MaxPackets = None,
    max_bytes: MaxBytes = None,
    max_duration: MaxDuration = None,
    stop_on_unmatch: StopOnUnmatch = None,
    port: Port = None,
    sinks: Sinks = None,
    paused: Annotated[bool, typer.Option("--paused", help="Start it later, with `capture resume`.")] = False,
    ttl: Ttl = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a capture. It waits when nothing matches yet, and starts by itself when something does."""
    given = fields(
        Name=name,
        Description=description,
        BPFFilter=bpf,
        Type=kind,
        LayerKeyMode=layer_key_mode,
        FirstPackets=first_packets,
        RawPacketLimit=raw_packet_limit,
        HeaderSize=header_size,
        ExtraTCPMetric=tcp,
        MaxPackets=max_packets,
        MaxBytes=max_bytes,
        MaxDuration=max_duration,
        StopOnUnmatch=stop_on_unmatch,
        Port=port,
        Sinks=[sink(text) for text in sinks] if sinks else None,
        Paused=paused or None,
    )
    body = {"GremlinQuery": gremlin_of(gremlin, node), **given}
    created = Client(url).post("/api/capture", body, CaptureView, ttl_header(ttl))
    show(created, output, _COLUMNS, [created])


@app.command("list")
def list_captures(
    output: Output = Form.TABLE, watch: Watch = False, every: Every = EVERY, url: Url = DEFAULT_URL
) -> None:
    """List captures with their states."""
    show_list(Client(url).captures, output, _COLUMNS, watch=watch, every=every)


@app.command()
def get(id_: Id, output: Output = Form.TABLE, url: Url = DEFAULT_URL) -> None:
    """Show one capture: what it is on, since when, and why not elsewhere."""
    capture = Client(url).find_capture(id_)
    show(capture, output, _COLUMNS, [capture])
    if output is Form.TABLE and capture.status and capture.status.nodes:
        print()
        show(capture, output, _NODE_COLUMNS, capture.status.nodes)


@app.command()
def update(
    id_: Id,
    gremlin: Gremlin = "",
    name: Name = None,
    description: Description = None,
    bpf: Bpf = None,
    first_packets: FirstPackets = None,
    raw_packet_limit: RawPacketLimit = None,
    header_size: HeaderSize = None,
    tcp: ExtraTcpMetric = None,
    max_packets: MaxPackets = None,
    max_bytes: MaxBytes = None,
    max_duration: MaxDuration = None,
    stop_on_unmatch: StopOnUnmatch = None,
    ttl: Ttl = "",
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """Change a capture; what is not named stays as it is."""
    changes = fields(
        GremlinQuery=gremlin or None,
        Name=name,
        Description=description,
        BPFFilter=bpf,
        FirstPackets=first_packets,
        RawPacketLimit=raw_packet_limit,
        HeaderSize=header_size,
        ExtraTCPMetric=tcp,
        MaxPackets=max_packets,
        MaxBytes=max_bytes,
        MaxDuration=max_duration,
        StopOnUnmatch=stop_on_unmatch,
    )
    if not changes and not ttl:
        raise typer.BadParameter("nothing to change: name at least one option")
    client = Client(url)
    changed = client.patch_capture(client.find_capture(id_).uuid, changes, ttl)
    show(changed, output, _COLUMNS, [changed])


@app.command()
def pause(id_: Id, url: Url = DEFAULT_URL) -> None:
    """Stop capturing, and keep the definition and the packets."""
    client = Client(url)
    client.patch_capture(client.find_capture(id_).uuid, {"Paused": True})


@app.command()
def resume(id_: Id, url: Url = DEFAULT_URL) -> None:
    """Go on with a paused capture."""
    client = Client(url)
    client.patch_capture(client.find_capture(id_).uuid, {"Paused": False})


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", autocompletion=completing.captures)],
    url: Url = DEFAULT_URL,
) -> None:
    """Stop and delete captures."""
    client = Client(url)
    for uuid in [client.find_capture(name).uuid for name in ids]:
        client.delete_capture(uuid)


@app.command(epilog="Example: netsonde capture packets vms --write vms.pcapng")
def packets(
    id_: Id,
    write: Annotated[
        Path | None, typer.Option("--write", "-w", metavar="FILE", help="Write pcapng; - = stdout.")
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="TID", autocompletion=completing.interfaces, help="Of this interface."),
    ] = None,
    flow: Annotated[list[str] | None, typer.Option("--flow", metavar="UUID", help="Of this flow.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="List at most so many; a file gets all.")] = 100,
    output: Output = Form.TABLE,
    url: Url = DEFAULT_URL,
) -> None:
    """List the packets of a capture decoded, from the very first on, or write them to a file."""
    client = Client(url)
    capture = client.find_capture(id_)
    chosen = {"node": node, "flow": flow}
    if write is not None:
        _write(client.packets(capture.uuid, chosen), write)
        return
    found = client.packet_list(capture.uuid, {**chosen, "limit": limit})
    show(found, output, _PACKET_COLUMNS, found)


@app.command(epilog="Example: netsonde capture follow vms | wireshark -k -i -")
def follow(
    id_: Id,
    node: Annotated[
        list[str] | None,
        typer.Option("--node", metavar="TID", autocompletion=completing.interfaces, help="Of this interface."),
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Write the packets of a capture to stdout as pcapng: the kept ones, then each as it arrives, until Ctrl-C."""
    client = Client(url)
    capture = client.find_capture(id_)
    _write(client.packets(capture.uuid, {"follow": True, "node": node}), Path("-"))


def _write(pieces: Iterator[bytes], target: Path) -> None:
    """Write a packet stream to a file or stdout, each piece as it arrives."""
    to_stdout = str(target) == "-"
    if to_stdout and sys.stdout.isatty():
        raise UserError("packets are not for a terminal", hint="add `| wireshark -k -i -`, or `> FILE.pcapng`")
    # The first piece before the file: a refused request must not leave an empty file behind.
    first = next(pieces, b"")
    if to_stdout:
        _copy(first, pieces, sys.stdout.buffer)
        return
    try:
        with target.open("wb") as file:
            say(f"{target}: {_copy(first, pieces, file)} bytes")
    except OSError as failed:
        raise UserError(f"cannot write {target}: {failed.strerror}") from failed


def _copy(first: bytes, rest: Iterator[bytes], file: BinaryIO) -> int:
    """Write each piece at once, for a reader at the other end of a pipe; returns how many bytes."""
    octets = 0
    for piece in itertools.chain((first,), rest):
        file.write(piece)
        file.flush()
        octets += len(piece)
    return octets


def _reason(capture: CaptureView) -> str:
    return capture.status.reason if capture.status else ""


_COLUMNS: tuple[Column, ...] = (
    ("UUID", lambda one: one.uuid),
    ("NAME", lambda one: one.name),
    ("STATE", lambda one: one.status.state if one.status else ""),
    ("ACTIVE", lambda one: one.count),
    ("MATCHING", lambda one: one.status.matching if one.status else ""),
    ("PACKETS", lambda one: sum(node.packets_received for node in one.status.nodes) if one.status else ""),
    ("REASON", _reason),
    ("QUERY", lambda one: one.gremlin_query),
)


def _limits(node: NodeStatus) -> str:
    """Say what was given up for want of room, if anything was."""
    given_up = {
        "packets not kept": node.packets_not_kept,
        "flows evicted": node.flows_evicted,
        "starts unread": node.streams_refused,
        "fragments lost": node.fragments_lost,
        "lost on the way here": node.source_lost,
        "not understood": node.source_refused,
        **{f"not sent to {sink.type}": sink.dropped for sink in node.sinks},
    }
    return ", ".join(f"{number} {what}" for what, number in given_up.items() if number)


_NODE_COLUMNS: tuple[Column, ...] = (
    ("INTERFACE", lambda node: node.name),
    ("HOST", lambda node: node.host),
    ("STATE", lambda node: node.state),
    ("SINCE", lambda node: clock_time(node.since)),
    ("FIRST PACKET", lambda node: clock_time(node.first_packet_at)),
    ("LOOK-BACK", lambda node: node.lookback_packets),
    ("PACKETS", lambda node: node.packets_received),
    ("DROPPED", lambda node: node.packets_dropped),
    ("LIMITS", _limits),
    ("REASON", lambda node: node.reason),
    ("TID", lambda node: node.node_tid),
)
_PACKET_COLUMNS: tuple[Column, ...] = (
    ("NUMBER", lambda packet: packet.get("Number")),
    ("TIME", lambda packet: _exact_time(packet.get("Time"))),
    ("SOURCE", lambda packet: packet.get("Source")),
    ("DESTINATION", lambda packet: packet.get("Destination")),
    ("PROTOCOL", lambda packet: packet.get("Protocol")),
    ("LENGTH", lambda packet: packet.get("Length")),
    ("INFO", lambda packet: packet.get("Info")),
)


def _exact_time(unix_ns: object) -> str:
    if not isinstance(unix_ns, int):
        return ""
    return f"{clock_time(unix_ns // 1_000_000)}.{unix_ns % 1_000_000_000 // 1000:06d}"
