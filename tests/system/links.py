# SPDX-License-Identifier: Apache-2.0
"""Interfaces and frames that tests make."""

import socket
import struct
import subprocess


class Links:
    """veth pairs whose names begin with a random prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: list[str] = []

    def veth(self, name: str) -> tuple[str, str]:
        """Make a pair `<prefix><name>` and `<prefix><name>p`, both up."""
        left, right = f"{self.prefix}{name}", f"{self.prefix}{name}p"
        ip("link", "add", left, "type", "veth", "peer", "name", right)
        self.names.append(left)
        for end in (left, right):
            ip("link", "set", end, "up")
        return left, right


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def send_udp(interface: str, first: int, count: int, *, port: int = 9000) -> None:
    """Send UDP frames numbered from `first` in their payload; source 10.9.8.7, destination 10.9.8.6."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((interface, 0))
        for number in range(first, first + count):
            sender.send(udp_frame(struct.pack("!Q", number), port))


def udp_frame(payload: bytes, port: int) -> bytes:
    """Return an Ethernet frame with an IPv4 UDP packet; checksums are right for IP and absent for UDP."""
    udp = struct.pack("!HHHH", 40000, port, 8 + len(payload), 0) + payload
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\x09\x08\x07", b"\x0a\x09\x08\x06"
    )
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x00" + head[:10] + struct.pack("!H", checksum) + head[12:] + udp
