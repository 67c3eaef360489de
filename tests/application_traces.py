# SPDX-License-Identifier: Apache-2.0
"""Traces of conversations, made by hand: `python tests/application_traces.py` writes tests/data/flows/NAME.pcap."""

import struct
from collections.abc import Callable, Iterable

from traces import FOLDER, TO_A, TO_B, Trace, ethernet, ipv4, ipv6, pcap

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
SYN_OPTIONS = bytes([2, 4, 5, 180, 1, 3, 3, 7])
"""Maximum segment size 1460, window shift 7."""


class Connection:
    """A TCP connection from a to b whose frames are collected; numbers follow from what was sent."""

    def __init__(self, port: int, *, version: int = 4, start: tuple[int, int] = (1000, 9000)) -> None:
        self.ports = {TO_B: (40000, port), TO_A: (port, 40000)}
        self.sent = dict(zip((TO_B, TO_A), start, strict=True))
        self.version = version
        self.frames: list[bytes] = []

    def segment(self, ends: tuple[str, str], flags: int, payload: bytes = b"", **more: int) -> bytes:
        """Return a frame; `at` instead of the next sequence number, `window` instead of an open one."""
        back = TO_A if ends == TO_B else TO_B
        options = SYN_OPTIONS if flags & SYN else b""
        head = struct.pack("!HHII", *self.ports[ends], more.get("at", self.sent[ends]), self.sent[back])
        head += struct.pack("!BBHHH", (5 + len(options) // 4) << 4, flags, more.get("window", 502), 0, 0) + options
        if self.version == 6:
            return ethernet(ends, 0x86DD, ipv6(ends, 6, head + payload))
        return ethernet(ends, 0x0800, ipv4(ends, 6, head + payload))

    def send(self, ends: tuple[str, str], flags: int, payload: bytes = b"", **more: int) -> None:
        self.frames.append(self.segment(ends, flags, payload, **more))
        self.sent[ends] += len(payload) + bool(flags & SYN) + bool(flags & FIN)

    def open(self) -> "Connection":
        self.send(TO_B, SYN)
        self.send(TO_A, SYN | ACK)
        self.send(TO_B, ACK)
        return self

    def say(self, ends: tuple[str, str], *pieces: bytes) -> "Connection":
        """Send pieces, the last one pushed, and let the other side acknowledge them."""
        for piece in pieces:
            self.send(ends, ACK | (PSH if piece is pieces[-1] else 0), piece)
        self.send(TO_A if ends == TO_B else TO_B, ACK)
        return self

    def close(self) -> Trace:
        self.send(TO_B, FIN | ACK)
        self.send(TO_A, FIN | ACK)
        self.send(TO_B, ACK)
        return 1, self.frames


def troubled() -> Trace:
    """A segment sent twice, two that change places, a gap that stays, a closed window."""
    tcp = Connection(7000).open().say(TO_B, b"request")
    tcp.frames.append(tcp.segment(TO_B, ACK | PSH, b"request", at=1001))
    tcp.say(TO_A, b"first ", b"second ", b"third")
    tcp.frames[-2], tcp.frames[-3] = tcp.frames[-3], tcp.frames[-2]
    tcp.sent[TO_A] += 100
    tcp.say(TO_A, b"behind a gap")
    tcp.send(TO_B, ACK, window=0)
    return tcp.close()


def refused() -> Trace:
    """A SYN that is sent twice, and refused."""
    tcp = Connection(7001)
    tcp.send(TO_B, SYN)
    tcp.frames.append(tcp.segment(TO_B, SYN, at=1000))
    tcp.send(TO_A, RST | ACK, window=0)
    return 1, tcp.frames


def closed(port: int, *said: tuple[tuple[str, str], Iterable[bytes]], version: int = 4) -> Trace:
    tcp = Connection(port, version=version).open()
    for ends, pieces in said:
        tcp.say(ends, *pieces)
    return tcp.close()


TRACES: dict[str, Callable[[], Trace]] = {
    "tcp-troubled": troubled,
    "tcp-refused": refused,
}


if __name__ == "__main__":
    for name, make in TRACES.items():
        (FOLDER / f"{name}.pcap").write_bytes(pcap(make()))
