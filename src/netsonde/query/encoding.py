# SPDX-License-Identifier: Apache-2.0
"""JSON of large answers, in pieces: one call of the encoder holds the interpreter until it is done."""

import io
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from netsonde.query.pace import Look, portions

_MANY: Final = 1000
"""Members from which on a list or an object inside another one is encoded in pieces of its own."""
_ENCODER = msgspec.json.Encoder()


def encode_json(value: object, look: Look, *, end: bytes = b"") -> bytes:
    """Return the JSON of anything that msgspec encodes, and `end` after it."""
    # A buffer that grows in place: joining the pieces of a large answer would stop everything for its length.
    buffer = io.BytesIO()
    for piece in _pieces(value, look):
        buffer.write(piece)
    buffer.write(end)
    return buffer.getvalue()


def _pieces(value: object, look: Look) -> Iterator[bytes]:
    if isinstance(value, list | tuple):
        yield from _list(value, look)
    elif isinstance(value, dict):
        yield from _object(value, look)
    else:
        yield _ENCODER.encode(value)


def _list(members: Sequence[object], look: Look) -> Iterator[bytes]:
    yield b"["
    at = 0
    for many in portions(time.monotonic, look):
        some = members[at : at + many]
        if any(map(_is_large, some)):
            for number, member in enumerate(some, at):
                yield b"," if number else b""
                yield from _pieces(member, look)
        elif some:
            yield (b"," if at else b"") + _ENCODER.encode(some)[1:-1]
        at += many
        if at >= len(members):
            break
    yield b"]"


def _object(members: dict[str, object], look: Look) -> Iterator[bytes]:
    yield b"{"
    items = iter(members.items())
    comma = b""
    for many in portions(time.monotonic, look):
        some = dict(islice(items, many))
        if any(map(_is_large, some.values())):
            for key, member in some.items():
                yield comma + _ENCODER.encode({key: None})[1:-5]
                yield from _pieces(member, look)
                comma = b","
        elif some:
            yield comma + _ENCODER.encode(some)[1:-1]
            comma = b","
        if len(some) < many:
            break
    yield b"}"


def _is_large(value: object) -> bool:
    """Tell whether one call of the encoder might take long for it."""
    if isinstance(value, list | tuple):
        return len(value) > _MANY
    return isinstance(value, dict) and (len(value) > _MANY or any(map(_is_long, value.values())))


def _is_long(value: object) -> bool:
    return isinstance(value, list | tuple | dict) and len(value) > _MANY
