# SPDX-License-Identifier: Apache-2.0
"""The envelope as Protocol Buffers, for clients that ask for it (`X-Client-Protocol: protobuf`). Pure.

`message StructMessage { string Namespace = 1; string Type = 2; string UUID = 3; int64 Status = 4; Format Format = 5;
bytes Obj = 6; }`, Format 0 = JSON. Obj is JSON in both directions, as the reference has it for all that servers and
clients say to each other. Source: https://protobuf.dev/programming-guides/encoding/
"""

from typing import Final

import msgspec

from netsonde.errors import WireError
from netsonde.model.protobuf import bytes_field, fields, text, varint_field

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
    parts = [bytes_field(number, one.encode()) for number, one in enumerate(texts, start=1) if one]
    if envelope.status:
        parts.append(varint_field(_STATUS, envelope.status))
    parts.append(bytes_field(_OBJ, bytes(envelope.obj)))
    return b"".join(parts)


def from_protobuf(frame: bytes) -> bytes:
    """Return an envelope as JSON; raises WireError for what is none."""
    members: dict[str, object] = {}
    obj = b"null"
    for number, value in fields(frame):
        if number in _TEXTS and isinstance(value, bytes):
            members[_TEXTS[number]] = text(value)
        elif number == _OBJ and isinstance(value, bytes):
            obj = value or b"null"
        elif number == _FORMAT and value:
            raise WireError("Obj is not JSON (Format 0)")
    return _encoder.encode({**members, "Obj": msgspec.Raw(obj)})
