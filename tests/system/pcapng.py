# SPDX-License-Identifier: Apache-2.0
"""Reads the packets out of a pcapng section, with the names of their interfaces; for tests, so it trusts the file.

Source: draft-ietf-opsawg-pcapng, Interface Description Block (1) and Enhanced Packet Block (6).
"""

import struct
from collections.abc import Iterator

IDB, EPB = 1, 6
IF_NAME, END_OF_OPTIONS = 2, 0


def packets(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield interface name and bytes of each packet, in the order of the file."""
    names: list[str] = []
    offset = 0
    while offset < len(content):
        kind, length = struct.unpack_from("<II", content, offset)
        body = content[offset + 8 : offset + length - 4]
        if kind == IDB:
            names.append(_name(body[8:]))
        elif kind == EPB:
            interface, _, _, captured, _ = struct.unpack_from("<5I", body)
            yield names[interface], body[20 : 20 + captured]
        offset += length


def _name(options: bytes) -> str:
    offset = 0
    while offset + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, offset)
        if code == IF_NAME:
            return options[offset + 4 : offset + 4 + length].decode()
        if code == END_OF_OPTIONS:
            break
        offset += 4 + (length + 3) // 4 * 4
    return ""
