# SPDX-License-Identifier: Apache-2.0
"""One endless pcapng section out of many finite ones: what `follow` streams to Wireshark.

Source: draft-ietf-opsawg-pcapng §4. Each batch arrives as a whole section (native code writes it); readers on a pipe
want one section header, so later headers are dropped, interfaces already announced are not announced again, and the
interface numbers of packet blocks are rewritten. Little-endian only, as our writer is.
"""

import struct
from collections.abc import Iterator

from netsonde.errors import WireError

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_PACKET = 6
_STATISTICS = 5
_HEAD = struct.Struct("<II")
_U32 = struct.Struct("<I")
_LITTLE_ENDIAN = b"\x4d\x3c\x2b\x1a"


class SectionJoiner:
    """Joins sections; keeps only the announced interface blocks."""

    def __init__(self) -> None:
        self._announced: dict[bytes, int] = {}
        self._begun = False

    def join(self, section: bytes) -> bytes:
        """Return the bytes to append for one more section; raises WireError when it is not one."""
        out = bytearray()
        numbers: list[int] = []
        for kind, block in _blocks(section):
            if kind == _SECTION:
                numbers.clear()
                if not self._begun:
                    out += block
                    self._begun = True
            elif kind == _INTERFACE:
                if block not in self._announced:
                    self._announced[block] = len(self._announced)
                    out += block
                numbers.append(self._announced[block])
            elif kind == _PACKET:
                out += _renumbered(block, numbers)
            elif kind != _STATISTICS:
                out += block
        return bytes(out)


def _blocks(section: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(section):
        if len(section) - offset < 12:
            raise WireError(f"pcapng block at {offset} is cut off")
        kind, length = _HEAD.unpack_from(section, offset)
        if kind == _SECTION and section[offset + 8 : offset + 12] != _LITTLE_ENDIAN:
            raise WireError("pcapng section is not little-endian")
        if length < 12 or length % 4 or offset + length > len(section):
            raise WireError(f"pcapng block at {offset} has the impossible length {length}")
        yield kind, section[offset : offset + length]
        offset += length


def _renumbered(block: bytes, numbers: list[int]) -> bytes:
    (number,) = _U32.unpack_from(block, 8)
    if number >= len(numbers):
        raise WireError(f"pcapng packet names interface {number} of {len(numbers)}")
    return block if numbers[number] == number else block[:8] + _U32.pack(numbers[number]) + block[12:]
