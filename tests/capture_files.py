# SPDX-License-Identifier: Apache-2.0
"""Frames and capture files made by hand, for tests."""

import struct
from collections.abc import Iterable
from typing import Any, cast

from netsonde._native import FileMeter
from netsonde.flows.records import flow_dicts

CLIENT_MAC, SERVER_MAC = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
CLIENT, SERVER = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND


def ethernet(source: bytes, destination: bytes, ether_type: int, payload: bytes) -> bytes:
    return destination + source + struct.pack("!H", ether_type) + payload


def ipv4(source: bytes, destination: bytes, protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0)
    return head + source + destination + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp(source: int, destination: int, sequence: int, flags: int, payload: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", source, destination, sequence, 0, 0x50, flags, 65535, 0, 0) + payload


def tcp_frame(from_client: bool, sequence: int, flags: int, payload: bytes = b"") -> bytes:
    if from_client:
        packet = ipv4(CLIENT, SERVER, 6, tcp(40000, 80, sequence, flags, payload))
        return ethernet(CLIENT_MAC, SERVER_MAC, 0x0800, packet)
    packet = ipv4(SERVER, CLIENT, 6, tcp(80, 40000, sequence, flags, payload))
    return ethernet(SERVER_MAC, CLIENT_MAC, 0x0800, packet)


def echo_frame(request: bool, identifier: int = 7, sequence: int = 1) -> bytes:
    message = struct.pack("!BBHHH", 8 if request else 0, 0, 0, identifier, sequence) + bytes(56)
    ends = (CLIENT, SERVER) if request else (SERVER, CLIENT)
    macs = (CLIENT_MAC, SERVER_MAC) if request else (SERVER_MAC, CLIENT_MAC)
    return ethernet(*macs, 0x0800, ipv4(*ends, 1, message))


def arp_request() -> bytes:
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + CLIENT_MAC + CLIENT + bytes(6) + SERVER
    return ethernet(CLIENT_MAC, b"\xff" * 6, 0x0806, body)


def dhcp_frame(kind: int, xid: int = 0x1234) -> bytes:
    """A DHCPv4 message of `kind` (option 53); a server gives 10.0.0.1 for an hour."""
    from_server = kind in (2, 5, 6)
    head = struct.pack("!BBBBIHH", 2 if from_server else 1, 1, 6, 0, xid, 0, 0)
    yours = CLIENT if from_server else bytes(4)
    options = bytes([53, 1, kind])
    if from_server:
        options += bytes([51, 4]) + struct.pack("!I", 3600) + bytes([54, 4]) + SERVER
    message = head + bytes(4) + yours + bytes(8) + CLIENT_MAC + bytes(202) + b"\x63\x82\x53\x63" + options + b"\xff"
    if from_server:
        return ethernet(SERVER_MAC, CLIENT_MAC, 0x0800, ipv4(SERVER, CLIENT, 17, udp(67, 68, message)))
    return ethernet(CLIENT_MAC, b"\xff" * 6, 0x0800, ipv4(bytes(4), b"\xff" * 4, 17, udp(68, 67, message)))


def conversation() -> list[bytes]:
    """A connection that opens, says something and closes."""
    return [
        tcp_frame(True, 1, 0x02),
        tcp_frame(False, 100, 0x12),
        tcp_frame(True, 2, 0x18, b"GET /"),
        tcp_frame(False, 101, 0x18, b"200"),
        tcp_frame(True, 7, 0x11),
        tcp_frame(False, 104, 0x11),
    ]


def pcap(frames: Iterable[bytes], *, order: str = "<", nanoseconds: bool = False, link_type: int = 1) -> bytes:
    """A pcap file; frames are a millisecond apart."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)]
    for index, frame in enumerate(frames):
        fraction = index * (1_000_000 if nanoseconds else 1000)
        lengths = len(frame), len(frame)
        out += [struct.pack(f"{order}IIII", START_NS // SECOND, fraction, *lengths), frame]
    return b"".join(out)


def pcapng(frames: Iterable[bytes], *, order: str = "<", resolution: int | None = None) -> bytes:
    """A pcapng file with one interface; frames are a millisecond apart in its resolution (default microseconds)."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{order}I", len(body) + 12)
        return struct.pack(f"{order}I", kind) + length + body + length

    option = b"" if resolution is None else struct.pack(f"{order}HHB3xHH", 9, 1, resolution, 0, 0)
    per_second = 10 ** (6 if resolution is None else resolution)
    out = [block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out.append(block(1, struct.pack(f"{order}HHI", 1, 0, 65535) + option))
    for index, frame in enumerate(frames):
        ticks = START_NS // SECOND * per_second + index * per_second // 1000
        head = struct.pack(f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        out.append(block(6, head + frame))
    return b"".join(out)


def flows_in(meter: FileMeter) -> list[dict[str, Any]]:
    """Meter to the end; fields need no narrowing here, a wrong shape fails the test."""
    return cast("list[dict[str, Any]]", flow_dicts(piece for piece in meter if piece))
