# SPDX-License-Identifier: Apache-2.0
"""The envelope of every WebSocket message: `{"Namespace", "Type", "UUID", "Status", "Obj"}`."""

import msgspec

from netsonde.errors import UserError


class Incoming(msgspec.Struct, frozen=True):
    """A message from a client; unknown members are ignored, UUID and Status may be absent."""

    namespace: str = msgspec.field(name="Namespace", default="")
    type: str = msgspec.field(name="Type", default="")
    uuid: str = msgspec.field(name="UUID", default="")
    obj: msgspec.Raw = msgspec.field(name="Obj", default=msgspec.Raw(b"null"))


_decoder = msgspec.json.Decoder(Incoming)
_encoder = msgspec.json.Encoder()


def read(message: str | bytes) -> Incoming:
    """Decode a frame, text or binary alike; raises UserError for anything but an envelope."""
    try:
        return _decoder.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise UserError(
            f"the message is not understood: {bad}",
            hint='send {"Namespace": "Graph", "Type": "SyncRequest", "Obj": {}}',
        ) from bad


def write(
    namespace: str,
    kind: str,
    obj: object,
    *,
    uuid: str = "",
    status: int = 0,
    session: str = "",
    resumed: bool | None = None,
) -> str:
    """Return a message as text; `obj` is anything that msgspec encodes, or JSON as bytes.

    `session` and `resumed` are ours, for clients that asked for sequence numbers.
    """
    body = obj if isinstance(obj, bytes) else _encoder.encode(obj)
    head = f'{{"Namespace":{_text(namespace)},"Type":{_text(kind)}'
    if uuid:
        head += f',"UUID":{_text(uuid)}'
    if status:
        head += f',"Status":{status}'
    if session:
        head += f',"Session":{_text(session)}'
    if resumed is not None:
        head += f',"Resumed":{str(resumed).lower()}'
    return f'{head},"Obj":{body.decode()}}}'


def numbered(message: str, seq: int) -> str:
    """Return a message with its sequence number; it is put in front, so that a shared message is encoded once."""
    return f'{{"Seq":{seq},{message[1:]}'


def _text(value: str) -> str:
    return _encoder.encode(value).decode()
