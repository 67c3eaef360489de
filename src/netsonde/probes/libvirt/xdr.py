# SPDX-License-Identifier: Apache-2.0
"""XDR, the little of it that libvirt's protocol needs (RFC 4506): big-endian, in units of 4 bytes. Pure."""

import struct
from collections.abc import Callable
from typing import TypeVar

from netsonde.errors import WireError

T = TypeVar("T")


def unsigned(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def signed(*values: int) -> bytes:
    return struct.pack(f">{len(values)}i", *values)


def string(text: str) -> bytes:
    data = text.encode()
    return unsigned(len(data)) + data + bytes(-len(data) % 4)


def optional_string(text: str) -> bytes:
    return unsigned(1) + string(text)


class Unpacker:
    """Reads values one after the other; WireError where the message ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unsigned(self) -> int:
        return int.from_bytes(self.opaque(4), "big")

    def signed(self) -> int:
        return int.from_bytes(self.opaque(4), "big", signed=True)

    def opaque(self, size: int) -> bytes:
        """Return so many bytes; what fills the last unit is skipped."""
        end = self._at + size
        if end > len(self._data):
            raise WireError(f"libvirt's message ends at byte {len(self._data)}, within a value of {size} bytes")
        found = self._data[self._at : end]
        self._at = end + -size % 4
        return found

    def string(self) -> str:
        return self.opaque(self.unsigned()).decode(errors="replace")

    def optional_string(self) -> str:
        """Return the text, "" where there is none."""
        return self.string() if self.unsigned() else ""

    def list_of(self, item: Callable[[], T]) -> list[T]:
        """Return the items of an array; a length that the message cannot hold is refused before it is believed."""
        count = self.unsigned()
        if count * 4 > len(self._data) - self._at:
            raise WireError(f"libvirt's message tells of {count} items and has room for fewer")
        return [item() for _ in range(count)]
