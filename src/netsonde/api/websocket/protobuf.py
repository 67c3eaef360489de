# SPDX-License-Identifier: Apache-2.0
"""The envelope as Protocol Buffers, for clients that ask for it (`X-Client-Protocol: protobuf`). Pure.

`message StructMessage { string Namespace = 1; string Type = 2; string UUID = 3; int64 Status = 4; Format Format = 5;
bytes Obj = 6; }`, Format 0 = JSON. Obj is JSON in both directions, as the reference has it for all that servers and
clients say to each other. Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from netsonde.errors import WireError

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_TEXTS: Final = {1: "Namespace", 2: "Type", 3: "UUID"}
_STATUS, _FORMAT, _OBJ = 4, 5, 6


class _Envelope(msgspec.Struct, frozen=True, rename="pascal"):
    namespace: str = ""
    type: str = ""
    uuid: str = msgspec.field(name="UUID", default="")
    status: int = 0
    obj: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(_Envelope)
_encoder = msgspec.json.Encoder()


def to_protobuf(message: str) -> bytes:
    """Return an envelope that was written as JSON."""
    envelope = _decoder.decode(message)
    texts = (envelope.namespace, envelope.type, envelope.uuid)
    parts = [_bytes_field(number, text.encode()) for number, text in enumerate(texts, start=1) if text]
    if envelope.status:
        parts.append(_varint(_STATUS << 3 | _VARINT) + _varint(envelope.status))
    parts.append(_bytes_field(_OBJ, bytes(envelope.obj)))
    return b"".join(parts)


def from_protobuf(frame: bytes) -> bytes:
    """Return an envelope as JSON; raises WireError for what is none."""
    members: dict[str, object] = {}
    obj = b"null"
    for number, value in _fields(frame):
        if number in _TEXTS and isinstance(value, bytes):
            members[_TEXTS[number]] = _text(value)
        elif number == _OBJ and isinstance(value, bytes):
            obj = value or b"null"
        elif number == _FORMAT and value:
            raise WireError("Obj is not JSON (Format 0)")
    return _encoder.encode({**members, "Obj": msgspec.Raw(obj)})


def _fields(frame: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; fields that are not known have to be skipped by their wire type."""
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


def _bytes_field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as bad:
        raise WireError("a text is not UTF-8") from bad
