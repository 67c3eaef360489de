# SPDX-License-Identifier: Apache-2.0
"""A kernel with WireGuard, composed as drivers/net/wireguard/netlink.c does: test kernels rarely have it."""

import struct
from collections import deque
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from netsonde.probes import netlink_wire as wire

FAMILY = 31
PRIVATE, PRESHARED = b"p" * 32, b"s" * 32
"""Secrets that must be nowhere afterwards."""


def key(number: int) -> bytes:
    return bytes([number]) * 32


def endpoint(address: str, port: int) -> bytes:
    octets = ip_address(address).packed
    if len(octets) == 4:
        return struct.pack("=H", wire.AF_INET) + struct.pack("!H", port) + octets + bytes(8)
    return struct.pack("=H", wire.AF_INET6) + struct.pack("!HI", port, 0) + octets + bytes(4)


def allowed(*prefixes: str) -> bytes:
    found = b""
    for prefix in map(ip_network, prefixes):
        octets = prefix.network_address.packed
        one = wire.attribute(1, struct.pack("=H", 2 if len(octets) == 4 else 10)) + wire.attribute(2, octets)
        found += wire.attribute(0x8000, one + wire.attribute(3, bytes([prefix.prefixlen])))
    return wire.attribute(0x8000 | 9, found)


def peer(number: int, *prefixes: str, at: bytes = b"", keepalive: int = 0, handshake: int = 0) -> bytes:
    found = wire.attribute(1, key(number)) + wire.attribute(2, PRESHARED)
    found += wire.attribute(6, struct.pack("=qq", handshake, 500_000_000 if handshake else 0))
    found += wire.attribute(5, struct.pack("=H", keepalive))
    found += wire.attribute(8, struct.pack("=Q", 10)) + wire.attribute(7, struct.pack("=Q", 20))
    found += wire.attribute(4, at) if at else b""
    return wire.attribute(0x8000, found + allowed(*prefixes))


def device(ifindex: int, *peers: bytes, port: int = 51820, mark: int = 0) -> bytes:
    """Compose the first message about an interface."""
    found = wire.attribute(6, struct.pack("=H", port)) + wire.attribute(7, struct.pack("=I", mark))
    found += wire.attribute(1, struct.pack("=I", ifindex)) + wire.attribute(2, b"wg0\0")
    found += wire.attribute(3, PRIVATE) + wire.attribute(4, key(200))
    return message(FAMILY, b"\0\1\0\0" + found + wire.attribute(0x8000 | 8, b"".join(peers)))


def continued(*peers: bytes) -> bytes:
    """Compose a further message, which names no interface."""
    return message(FAMILY, b"\0\1\0\0" + wire.attribute(0x8000 | 8, b"".join(peers)))


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body


def interrupted(whole: bytes) -> bytes:
    """Return a message with the mark that something changed while the kernel listed."""
    return whole[:6] + struct.pack("=H", 2 | wire.NLM_F_DUMP_INTR) + whole[8:]


def error(number: int) -> bytes:
    return message(wire.NLMSG_ERROR, struct.pack("=i", -number) + bytes(16))


DONE = message(wire.NLMSG_DONE, bytes(4))


@dataclass
class Kernel:
    """Answers questions as a netlink socket does; `devices`: datagrams by ifindex."""

    devices: dict[int, list[bytes]] = field(default_factory=dict)
    family: bytes = message(0x10, b"\1\2\0\0" + wire.attribute(2, b"wireguard\0") + wire.attribute(1, b"\x1f\0"))
    buffers: list[bytearray] = field(default_factory=list)
    """Where answers were received."""
    closed: bool = False
    _answers: deque[bytes] = field(default_factory=deque)

    def send(self, request: bytes) -> int:
        kind = struct.unpack_from("=IH", request)[1]
        if kind == FAMILY:
            (ifindex,) = struct.unpack_from("=I", request, 24)
            self._answers.extend(self.devices.get(ifindex, [error(19)]))
        else:
            self._answers.append(self.family)
        return len(request)

    def recvmsg_into(self, buffers: list[bytearray]) -> tuple[int, list[object], int, tuple[int, int]]:
        if not self._answers:
            raise TimeoutError("timed out")
        answer = self._answers.popleft()
        buffers[0][: len(answer)] = answer
        self.buffers.append(buffers[0])
        return len(answer), [], 0, (0, 0)

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True
