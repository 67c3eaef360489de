# SPDX-License-Identifier: Apache-2.0
"""Frames: one of a real lldpd, and such as tests build."""

from pathlib import Path

DATA = Path(__file__).parents[3] / "data/lldp"
CHASSIS, PORT = b"\x04\x00\x1c\x73\xaa\xbb\xcc", b"\x05Ethernet7"


def recorded() -> bytes:
    """Return a frame of lldpd 1.0.16 on Debian 12."""
    return bytes.fromhex((DATA / "lldpd.hex").read_text().replace("\n", ""))


def tlv(kind: int, value: bytes) -> bytes:
    return (kind << 9 | len(value)).to_bytes(2, "big") + value


def special(oui: str, subtype: int, value: bytes) -> bytes:
    return tlv(127, bytes.fromhex(oui) + bytes([subtype]) + value)


def frame(*more: bytes, chassis: bytes = CHASSIS, port: bytes = PORT, ttl: int = 120) -> bytes:
    """Return a frame with the mandatory TLVs, then others, then the end."""
    head = bytes.fromhex("0180c200000e001c73aabbcc88cc")
    start = tlv(1, chassis) + tlv(2, port) + tlv(3, ttl.to_bytes(2, "big"))
    return head + start + b"".join(more) + tlv(0, b"")
