# SPDX-License-Identifier: Apache-2.0
"""JSON of large answers, in pieces: one call of the encoder holds the interpreter until it is done."""

import time
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from netsonde.query.pace import Look, portions

_MANY: Final = 1000
"""Members from which on a list or an object inside another one is encoded in pieces of its own."""
_COMMA: Final = ord(",")
_ENCODER = msgspec.json.Encoder()


def encode_json(value: object, look: Look, *, end: bytes = b"") -> bytes:
    """Return the JSON of anything that msgspec encodes, and `end` after it."""
    text = bytearray()
    _write(text, value, look)
    text += end
    return bytes(text)


def _write(text: bytearray, value: object, look: Look) -> None:
    if isinstance(value, list | tuple):
        _write_list(text, value, look)
    elif isinstance(value, dict):
        _write_object(text, value, look)
    else:
        _ENCODER.encode_into(value, text, len(text))


def _write_list(text: bytearray, members: Sequence[object], look: Look) -> None:
    text += b"["
    at = 0
    for many in portions(time.monotonic, look):
        some = members[at : at + many]
        if any(map(_is_large, some)):
            for number, member in enumerate(some, at):
                text += b"," if number else b""
                _write(text, member, look)
        elif some:
            _append(text, some, is_first=at == 0)
        at += many
        if at >= len(members):
            break
    text += b"]"


def _write_object(text: bytearray, members: dict[str, object], look: Look) -> None:
    text += b"{"
    items = iter(members.items())
    is_first = True
    for many in portions(time.monotonic, look):
        some = dict(islice(items, many))
        if any(map(_is_large, some.values())):
            for key, member in some.items():
                _append(text, {key: None}, is_first=is_first)
                del text[-len(b"null") :]
                _write(text, member, look)
                is_first = False
        elif some:
            _append(text, some, is_first=is_first)
            is_first = False
        if len(some) < many:
            break
    text += b"}"


def _append(text: bytearray, members: object, *, is_first: bool) -> None:
    """Encode a list or an object in place, its opening bracket made the comma after what is there already."""
    at = len(text)
    _ENCODER.encode_into(members, text, at)
    del text[-1:]
    if is_first:
        del text[at : at + 1]
    else:
        text[at] = _COMMA


def _is_large(value: object) -> bool:
    """Tell whether one call of the encoder might take long for it."""
    if isinstance(value, list | tuple):
        return len(value) > _MANY
    return isinstance(value, dict) and (len(value) > _MANY or any(map(_is_long, value.values())))


def _is_long(value: object) -> bool:
    return isinstance(value, list | tuple | dict) and len(value) > _MANY
