# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 1.0 over a stream, as ovsdb-server speaks it (RFC 7047 §4).

Our own client, since the `ovs` package's is built around a poll loop of its own and decodes a JSON text character by
character; this one is some 200 lines with monitor.py, on asyncio, and decodes with msgspec.
"""

import asyncio
import re
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from netsonde.errors import SourceLost, UserError, WireError
from netsonde.model.elements import Json

MESSAGE_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of one message; the first answer of a server with 100,000 ports is some 100 MB."""
READ_SIZE: Final = 256 * 1024

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*("|\\?\Z)|[{}\[\]]', re.DOTALL)
"""A text, its end captured (nothing or a backslash when the rest has not come yet), or a bracket."""
_NO_OBJECT = re.compile(rb"\s*[^\s{]")


class JsonSplitter:
    """Cuts a stream into JSON texts: servers put nothing between two messages."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._scanned = 0
        self._depth = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now; WireError when the stream is no sequence of objects."""
        self._data += data
        found: list[bytes] = []
        self._check_start()
        for token in _TOKEN.finditer(self._data, self._scanned):
            opening = self._data[token.start()]
            if token[1] is not None and token[1] != b'"':
                break  # brackets in an unfinished text must not count when the rest comes
            self._scanned = token.end()
            if opening in b"{[":
                self._depth += 1
            elif opening in b"}]":
                self._depth -= 1
                if self._depth == 0:
                    found.append(bytes(self._data[self._cut(found) : token.end()]))
        return self._finish(found)

    def _cut(self, found: list[bytes]) -> int:
        return sum(map(len, found))

    def _finish(self, found: list[bytes]) -> list[bytes]:
        used = self._cut(found)
        del self._data[:used]
        self._scanned -= used
        if len(self._data) > MESSAGE_LIMIT:
            raise WireError(f"a message is longer than {MESSAGE_LIMIT} bytes")
        self._check_start()
        return found

    def _check_start(self) -> None:
        if _NO_OBJECT.match(self._data):
            raise WireError(f"expected a JSON object, got {bytes(self._data[:20])!r}")


class JsonRpc:
    """One connection; one task uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle
        self._splitter = JsonSplitter()
        self._notes: deque[dict[str, Json]] = deque()
        self._calls = 0

    @classmethod
    async def connect(cls, address: str, *, idle: float = 10.0) -> "JsonRpc":
        """Connect; SourceLost when nobody listens. `idle`: seconds of silence after which the server is asked."""
        kind, where = parse_address(address)
        try:
            if kind == "unix":
                reader, writer = await asyncio.open_unix_connection(where)
            else:
                host, _, port = where.rpartition(":")
                reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError as absent:
            raise SourceLost(f"no ovsdb-server at {address}: {_reason(kind, where, absent)}") from absent
        return cls(reader, writer, idle)

    async def __aenter__(self) -> "JsonRpc":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def call(self, method: str, params: list[Json]) -> Json:
        """Return the result of one call; WireError when the server answers with an error."""
        self._calls += 1
        self._send({"method": method, "params": params, "id": self._calls})
        answer: dict[str, Json] | None = None
        while answer is None:
            # What comes with the answer, in the same piece, is told by the server itself.
            for message in await self._receive():
                if message.get("id") == self._calls and "method" not in message:
                    answer = message
                else:
                    self._notes.append(message)
        if answer.get("error") is not None:
            raise WireError(f"{method}: {msgspec.json.encode(answer['error']).decode()}")
        return answer.get("result")

    async def notifications(self) -> list[dict[str, Json]]:
        """Return what the server told by itself since the last time; waits until there is something."""
        while not self._notes:
            self._notes.extend(await self._receive())
        found = list(self._notes)
        self._notes.clear()
        return found

    async def _receive(self) -> list[dict[str, Json]]:
        data = await self._read()
        try:
            messages = [msgspec.json.decode(text, type=dict[str, Json]) for text in self._splitter.feed(data)]
        except (msgspec.DecodeError, UnicodeDecodeError) as rubbish:
            raise WireError(f"ovsdb-server sent what is not JSON: {rubbish}") from rubbish
        kept = []
        for message in messages:
            if message.get("method") == "echo":
                self._send({"result": message.get("params"), "error": None, "id": message.get("id")})
            elif message.get("id") != "echo":
                kept.append(message)
        return kept

    async def _read(self) -> bytes:
        """Read something, or find out that the server is dead although the connection stands."""
        for asked in (False, True):
            try:
                async with asyncio.timeout(self._idle):
                    data = await self._reader.read(READ_SIZE)
            except TimeoutError:
                if not asked:
                    self._send({"method": "echo", "params": [], "id": "echo"})
                continue
            except OSError as lost:
                raise SourceLost(f"connection to ovsdb-server lost: {lost.strerror}") from lost
            if not data:
                raise SourceLost("ovsdb-server closed the connection")
            return data
        raise SourceLost(f"ovsdb-server did not answer for {2 * self._idle:.0f} s")

    def _send(self, message: dict[str, Json]) -> None:
        self._writer.write(msgspec.json.encode(message))


def parse_address(address: str) -> tuple[str, str]:
    """Return ("unix", path) or ("tcp", "host:port"); UserError for anything else."""
    kind, _, where = address.partition(":")
    where = where.removeprefix("//")
    if kind == "unix" and where:
        return kind, where
    if kind == "tcp" and where.rpartition(":")[2].isdigit():
        return kind, where
    raise UserError(
        f"probes.ovsdb.addresses: cannot use {address!r}",
        hint="write unix:/run/openvswitch/db.sock or tcp:HOST:PORT",
    )


def _reason(kind: str, where: str, failed: OSError) -> str:
    if kind == "unix" and not Path(where).exists():
        return "the socket does not exist; is Open vSwitch running?"
    return failed.strerror or str(failed)
