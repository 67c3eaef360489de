# SPDX-License-Identifier: Apache-2.0
"""HTTP and WebSocket byte by byte, so that nothing is tested but what goes over the wire."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Answer(NamedTuple):
    """An HTTP answer, header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Frame(NamedTuple):
    """A WebSocket frame from the server."""

    opcode: int
    payload: bytes


class Socket:
    """An upgraded connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self._reader = reader
        self._writer = writer
        self.answer = answer

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        """Send a frame masked, as clients must."""
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._writer.write(head + mask + masked)

    async def frame(self) -> Frame:
        async with asyncio.timeout(20):
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await self._reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self._reader.readexactly(8), "big")
            return Frame(first & 0xF, await self._reader.readexactly(size))

    async def message(self) -> dict[str, Any]:
        """Return the next text message; pings are answered on the way."""
        while True:
            opcode, payload = await self.frame()
            if opcode == PING:
                self.send(payload, PONG)
            else:
                assert opcode == TEXT
                decoded: dict[str, Any] = json.loads(payload)
                return decoded

    async def binary(self) -> bytes:
        """Return the next binary message."""
        while (frame := await self.frame()).opcode != BINARY:
            assert frame.opcode == PING
            self.send(frame.payload, PONG)
        return frame.payload

    async def closing_code(self) -> int:
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")


class Raw:
    """Connections to one server."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._host, _, self._port = address.rpartition(":")

    async def http(self, head: str, body: bytes = b"") -> Answer:
        """Send a request; `head` is its lines without the Host header and the lengths."""
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            writer.write(self._request(head, body))
            return await read_answer(reader)
        finally:
            writer.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        try:
            yield reader, writer
        finally:
            writer.close()

    @asynccontextmanager
    async def websocket(self, target: str, *headers: str) -> AsyncIterator[Socket]:
        """Ask for an upgrade as the Python client of the reference does; ends by closing the TCP connection."""
        lines = [
            f"GET {target} HTTP/1.1",
            "User-Agent: AutobahnPython/26.1",
            "Upgrade: WebSocket",
            "Connection: Upgrade",
            "Pragma: no-cache",
            "Cache-Control: no-cache",
            *headers,
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        async with self.connection() as (reader, writer):
            writer.write(self._request("\r\n".join(lines), b""))
            yield Socket(reader, writer, await read_answer(reader))

    def _request(self, head: str, body: bytes) -> bytes:
        lines = head.replace("\r\n", "\n").strip("\n").split("\n")
        lines.insert(1, f"Host: {self.address}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await _body(reader, headers) if not head[0].startswith("HTTP/1.1 101") else b""
    return Answer(int(head[0].split()[1]), headers, body)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        return b"".join([chunk async for chunk in chunks(reader)])
    return await reader.readexactly(int(headers.get("content-length", "0")))


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the chunks of a chunked body."""
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
