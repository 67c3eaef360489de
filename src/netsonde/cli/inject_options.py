# SPDX-License-Identifier: Apache-2.0
"""Options of the verbs that inject packets: spelt as the reference's, which `netsonde client injection` takes too."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from netsonde.client.injections import InjectionFields
from netsonde.errors import UserError

Src: TypeAlias = Annotated[str, typer.Option("--src", metavar="QUERY", help="Which interfaces send.")]
Dst: TypeAlias = Annotated[str, typer.Option("--dst", metavar="QUERY", help="The node to send to.")]
SrcIp: TypeAlias = Annotated[str, typer.Option("--src-ip", help="Instead of the interface's own.")]
DstIp: TypeAlias = Annotated[str, typer.Option("--dst-ip", help="Instead of the node's.")]
SrcMac: TypeAlias = Annotated[str, typer.Option("--src-mac", help="Instead of the interface's own.")]
DstMac: TypeAlias = Annotated[str, typer.Option("--dst-mac", help="Instead of the next hop's.")]
SrcPort: TypeAlias = Annotated[int, typer.Option("--src-port", min=0, max=65535, help="0 = a random one.")]
DstPort: TypeAlias = Annotated[
    int, typer.Option("--dst-port", min=0, max=65535, help="0 = 53 for DNS, 33434 for UDP, random for TCP.")
]
Kind: TypeAlias = Annotated[
    str,
    typer.Option(
        "--type", help="icmp4 (the default), icmp6, tcp4, tcp6, udp4, udp6, arp, nd, dhcp4, dns4, dns6, raw or pcap."
    ),
]
Payload: TypeAlias = Annotated[str, typer.Option("--payload", help="Text; by default the run's UUID and letters.")]
Pcap: TypeAlias = Annotated[Path | None, typer.Option("--pcap", metavar="FILE", help="Replay a packet file.")]
IcmpId: TypeAlias = Annotated[int, typer.Option("--id", min=0, max=65535, help="ICMP id; 0 = a random one.")]
Mode: TypeAlias = Annotated[
    str, typer.Option("--mode", help="Port and id: unique for each interface, or random for each packet.")
]
Increment: TypeAlias = Annotated[
    int, typer.Option("--inc-payload", min=0, metavar="BYTES", help="Lengthen the payload from packet to packet.")
]
Count: TypeAlias = Annotated[
    int, typer.Option("--count", min=0, help="Packets of each interface; 0 = one, or a whole packet file.")
]
Interval: TypeAlias = Annotated[int, typer.Option("--interval", min=0, metavar="MS", help="Between two packets.")]
Ttl: TypeAlias = Annotated[int, typer.Option("--ttl", min=0, max=255, help="TTL or hop limit.")]


def takes_packets(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its parameter `packets`, the options of `packets_of`; it gets what that returns."""
    shared = inspect.signature(packets_of).parameters

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(packets=packets_of(**{name: given.pop(name) for name in shared}), **given)

    spread = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for own in inspect.signature(command).parameters.values()
        for one in (shared.values() if own.name == "packets" else (own,))
    ]
    # Typer makes options of what this says.
    run.__signature__ = inspect.Signature(spread)  # type: ignore[attr-defined]
    return run


def packets_of(
    src_ip: SrcIp = "",
    dst_ip: DstIp = "",
    src_mac: SrcMac = "",
    dst_mac: DstMac = "",
    src_port: SrcPort = 0,
    dst_port: DstPort = 0,
    payload: Payload = "",
    pcap: Pcap = None,
    icmp_id: IcmpId = 0,
    mode: Mode = "unique",
    increment: Increment = 0,
    interval: Interval = 0,
    ttl: Ttl = 64,
) -> InjectionFields:
    """Return the fields that every verb takes which injects; raises UserError for a file that cannot be read."""
    fields: InjectionFields = {
        "src_ip": src_ip,
        "dst_ip": dst_ip,
        "src_mac": src_mac,
        "dst_mac": dst_mac,
        "src_port": src_port,
        "dst_port": dst_port,
        "payload": payload,
        "icmp_id": icmp_id,
        "mode": mode,
        "increment_payload": increment,
        "interval_ms": interval,
        "ttl": ttl,
    }
    return fields if pcap is None else {**fields, "pcap": content_of(pcap)}


def content_of(file: Path) -> bytes:
    """Return the bytes of a file; raises UserError."""
    try:
        return file.read_bytes()
    except OSError as missing:
        raise UserError(f"cannot read {file}: {missing.strerror}") from missing
