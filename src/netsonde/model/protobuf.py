# SPDX-License-Identifier: Apache-2.0
"""Protocol Buffers on the wire: fields out of a message and into one. Pure; which field means what is the caller's.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import Final

from netsonde.errors import WireError

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


def fields(frame: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field, a fixed one as its bytes; WireError for what is no message."""
    at = 0
    while at < len(frame):
        key, at = _read_varint(frame, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(frame, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(frame, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise WireError(f"wire type {kind} is not known")
        if size > len(frame) - at:
            raise WireError(f"a field of {size} bytes has {len(frame) - at}")
        yield key >> 3, frame[at : at + size]
        at += size


def _read_varint(frame: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(frame):
            raise WireError("the message ends within a number")
        byte = frame[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise WireError("a number has more than ten bytes")


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def varint_field(number: int, value: int) -> bytes:
    """Return a field that holds a number, not a negative one."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes, a text or a message."""
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def text(value: bytes) -> str:
    """Return a string field's value; WireError when it is not UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError as bad:
        raise WireError("a text is not UTF-8") from bad
