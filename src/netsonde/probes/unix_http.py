# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over a Unix socket, as container engines speak it: one request a connection, answers of bounded size.

h11 does the protocol; an HTTP client that can do more costs every agent 7 MB and a third of a second at its start.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import h11

from netsonde.errors import SourceLost, WireError
from netsonde.probes.reaching import unreachable

ANSWER_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one answer; a list of 10,000 containers with 50 labels each is some 40 MB."""
LINE_LIMIT: Final = 1024 * 1024
"""Bytes of one line of a stream."""
READ_SIZE: Final = 64 * 1024


class TooSlow(SourceLost):
    """The server took the question and did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one answer."""

    status: int
    body: bytes


class UnixHttp:
    """Makes GET requests of the server at one socket. SourceLost when it is away, too slow, or no HTTP server."""

    def __init__(self, socket: str, timeout: float) -> None:
        """`timeout`: seconds for one whole answer; a stream has them for its headers only."""
        self.socket = socket
        self._timeout = timeout

    async def get(self, target: str) -> Answer:
        """Return the answer, whatever its status."""
        async with self._in_time(target), self._request(target) as exchange:
            status = await exchange.status()
            body = bytearray()
            async for data in exchange.body():
                body += data
                if len(body) > ANSWER_LIMIT:
                    raise WireError(f"the answer to {target} is longer than {ANSWER_LIMIT} bytes")
            return Answer(status, bytes(body))

    @asynccontextmanager
    async def lines(self, target: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the lines of an answer without an end; the server has taken the request when this begins."""
        async with self._request(target) as exchange:
            async with self._in_time(target):
                status = await exchange.status()
            if status != 200:
                raise WireError(f"{target} was answered with status {status}")
            yield _lines(exchange.body())

    @asynccontextmanager
    async def _in_time(self, target: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except TimeoutError as slow:
            raise TooSlow(f"{self.socket} did not answer {target} within {self._timeout:g} s") from slow

    @asynccontextmanager
    async def _request(self, target: str) -> AsyncIterator["_Exchange"]:
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError as absent:
            raise unreachable("container engine", self.socket, absent) from absent
        try:
            exchange = _Exchange(reader, self.socket)
            writer.write(exchange.request(target))
            yield exchange
        finally:
            writer.close()


class _Exchange:
    """One request and its answer."""

    def __init__(self, reader: asyncio.StreamReader, socket: str) -> None:
        self._reader = reader
        self._http = h11.Connection(h11.CLIENT)
        self._socket = socket

    def request(self, target: str) -> bytes:
        asked = h11.Request(method="GET", target=target, headers=[("Host", "localhost"), ("Connection", "close")])
        return (self._http.send(asked) or b"") + (self._http.send(h11.EndOfMessage()) or b"")

    async def status(self) -> int:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event.status_code
            if not isinstance(event, h11.InformationalResponse):
                raise SourceLost(f"{self._socket} closed the connection")

    async def body(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def _next(self) -> object:
        ended = False
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(READ_SIZE)
                ended = not data
                self._http.receive_data(data)
        except OSError as lost:
            raise SourceLost(f"connection to {self._socket} lost: {lost.strerror}") from lost
        except h11.RemoteProtocolError as rubbish:
            why = "closed the connection" if ended else f"does not speak HTTP: {rubbish}"
            raise SourceLost(f"{self._socket} {why}") from rubbish
        return event


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > LINE_LIMIT:
            raise WireError(f"a line is longer than {LINE_LIMIT} bytes")
