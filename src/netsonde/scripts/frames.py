# SPDX-License-Identifier: Apache-2.0
"""What passes between us and the process of an isolate: frames of JSON behind their length (4 bytes, big endian)."""

import asyncio
from typing import BinaryIO, Literal, TypeAlias, TypeVar

import msgspec

from netsonde.errors import WireError

T = TypeVar("T")

_LENGTH = 4


class Run(msgspec.Struct, frozen=True, tag="run"):
    """Run a script. `call`: the source is a function, `arguments` a JSON array. `evaluate`: the value of its last
    statement counts, `arguments` is a JSON object of names that it may use. `check`: only read it."""

    kind: Literal["call", "evaluate", "check"]
    source: str
    arguments: str
    memory_mib: int
    message_bytes: int


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """Answer to an `Ask`; a status of 0 says that the request could not be made at all."""

    status: int
    body: str


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """The script asks us for something and waits."""

    method: str
    path: str
    body: str
    headers: dict[str, str] = {}


class Log(msgspec.Struct, frozen=True, tag="log"):
    """The script says something."""

    text: str


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far the script says it is, from 0 to 1."""

    fraction: float
    text: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The result, as the JSON text that the script's value has."""

    result: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The script threw. Lines and columns count from 1, 0 = unknown."""

    message: str
    line: int = 0
    column: int = 0


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The script went beyond a limit that is noticed inside; the process ends."""

    reason: Literal["memory", "result"]
    message: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process gave up its rights and waits for a script."""

    confined: bool = True
    """Whether the kernel forbids it calls besides."""


ToIsolate: TypeAlias = Run | Reply
FromIsolate: TypeAlias = Ready | Ask | Log | Progress | Done | Failed | Stopped

_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    body = _encoder.encode(message)
    return len(body).to_bytes(_LENGTH, "big") + body


def read(file: BinaryIO, decoder: msgspec.json.Decoder[T], most: int) -> T | None:
    """Read one frame, blocking; None at the end. Raises WireError for one that cannot be."""
    head = file.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    body = file.read(_checked(head, most))
    return _decoded(body, decoder)


async def receive(stream: asyncio.StreamReader, decoder: msgspec.json.Decoder[T], most: int) -> T:
    """Read one frame. Raises IncompleteReadError at the end, WireError for one that cannot be."""
    size = _checked(await stream.readexactly(_LENGTH), most)
    return _decoded(await stream.readexactly(size), decoder)


def _checked(head: bytes, most: int) -> int:
    size = int.from_bytes(head, "big")
    if size > most:
        raise WireError(f"a frame of {size} bytes, more than {most}")
    return size


def _decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise WireError(f"a frame cannot be read: {bad}") from bad
