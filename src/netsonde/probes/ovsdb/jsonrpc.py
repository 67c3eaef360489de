# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC 1.0 over a stream, as ovsdb-server speaks it (RFC 7047 §4).

Our own client, since the `ovs` package's is built around a poll loop of its own and decodes a JSON text character by
character; this one is some 200 lines with monitor.py, on asyncio, and decodes with msgspec.
"""

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Final

import msgspec

from netsonde.errors import SourceLost, WireError
from netsonde.model.elements import Json
from netsonde.probes.ovsdb.address import Credentials, is_here, open_address
from netsonde.probes.ovsdb.settings import OvsdbSettings

MESSAGE_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of one message; the first answer of a server with 100,000 ports is some 100 MB."""
READ_SIZE: Final = 256 * 1024
NO_CREDENTIALS: Final = Credentials()
MOST_DEPTH: Final = 100
"""Objects and lists within each other; the server's own are some ten deep."""
EARLY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that a server may tell by itself before it answers a call."""

_TEXT: Final = rb'[^"\\]*(?:\\.[^"\\]*)*("|\\?\Z)'
_TOKEN = re.compile(rb'"' + _TEXT + rb"|[{}\[\]]", re.DOTALL)
"""A text, its end captured (nothing or a backslash when the rest has not come yet), or a bracket."""
_REST = re.compile(_TEXT, re.DOTALL)


class JsonSplitter:
    """Cuts a stream into JSON texts: servers put nothing between two messages. No byte is looked at twice."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._scanned = 0
        self._depth = 0
        self._in_text = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now; WireError when the stream is no sequence of objects."""
        self._data += data
        self._check_start()
        found: list[bytes] = []
        used = 0
        for token in self._tokens():
            self._depth += 1 if token[0] in (b"{", b"[") else -1
            if self._depth > MOST_DEPTH:
                raise WireError(f"a message is more than {MOST_DEPTH} lists and objects deep")
            if self._depth == 0:
                found.append(bytes(self._data[used : token.end()]))
                used = token.end()
        self._drop(used)
        return found

    def _tokens(self) -> Iterator[re.Match[bytes]]:
        """Yield the brackets that are outside of texts; those of an unfinished text must not count either."""
        if self._in_text:
            rest = _REST.match(self._data, self._scanned)
            if rest is None or not self._ends(rest):
                return
        for token in _TOKEN.finditer(self._data, self._scanned):
            if token[1] is None:
                self._scanned = token.end()
                yield token
            elif not self._ends(token):
                return

    def _ends(self, text: re.Match[bytes]) -> bool:
        """Go on behind a text, or within it where its rest has not come yet."""
        self._in_text = text[1] != b'"'
        self._scanned = text.start(1) if self._in_text else text.end()
        return not self._in_text

    def _drop(self, used: int) -> None:
        del self._data[:used]
        self._scanned -= used
        if len(self._data) > MESSAGE_LIMIT:
            raise WireError(f"a message is longer than {MESSAGE_LIMIT} bytes")
        self._check_start()

    def _check_start(self) -> None:
        """Between two messages, drop the space that there is; WireError when what comes then is no object."""
        if self._depth > 0:
            return
        if self._data[:1].isspace():
            self._data = self._data.lstrip()
            self._scanned = 0
        if self._data and not self._data.startswith(b"{"):
            raise WireError(f"expected a JSON object, got {bytes(self._data[:20])!r}")


class CallRefused(WireError):
    """The server answered a call with an error."""


class JsonRpc:
    """One connection; one task uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle
        self._splitter = JsonSplitter()
        self._notes: deque[dict[str, Json]] = deque()
        self._calls = 0
        self._early = 0
        """Bytes of the messages since the last call."""

    @classmethod
    async def connect(cls, address: str, *, tls: Credentials = NO_CREDENTIALS, idle: float = 10.0) -> "JsonRpc":
        """Connect; SourceLost when nobody listens. `idle`: seconds of silence after which the server is asked."""
        reader, writer = await open_address(address, tls, 2 * idle)
        return cls(reader, writer, idle)

    def is_here(self, settings: OvsdbSettings, address: str) -> bool:
        """Tell whether the switch that the connection leads to is this host's; SourceLost when it broke."""
        return is_here(settings, address, self._writer)

    async def __aenter__(self) -> "JsonRpc":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def call(self, method: str, params: list[Json]) -> Json:
        """Return the result of one call; CallRefused when the server answers with an error."""
        self._calls += 1
        self._early = 0
        await self._send({"method": method, "params": params, "id": self._calls})
        answer: dict[str, Json] | None = None
        while answer is None:
            # What comes with the answer, in the same piece, is told by the server itself.
            for message in await self._receive():
                if message.get("id") == self._calls and "method" not in message:
                    answer = message
                else:
                    self._notes.append(message)
            if answer is None and self._early > EARLY_LIMIT:
                raise WireError(f"{method}: ovsdb-server told {self._early} bytes and did not answer")
        if answer.get("error") is not None:
            raise CallRefused(f"{method}: {msgspec.json.encode(answer['error']).decode()}")
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
            texts = self._splitter.feed(data)
            messages = [msgspec.json.decode(text, type=dict[str, Json]) for text in texts]
        except (msgspec.DecodeError, UnicodeDecodeError) as rubbish:
            raise WireError(f"ovsdb-server sent what is not JSON: {rubbish}") from rubbish
        self._early += sum(map(len, texts))
        kept = []
        for message in messages:
            if message.get("method") == "echo":
                await self._send({"result": message.get("params"), "error": None, "id": message.get("id")})
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
                    await self._send({"method": "echo", "params": [], "id": "echo"})
                continue
            except OSError as lost:
                raise SourceLost(f"connection to ovsdb-server lost: {lost.strerror}") from lost
            if not data:
                raise SourceLost("ovsdb-server closed the connection")
            return data
        raise SourceLost(f"ovsdb-server did not answer for {2 * self._idle:.0f} s")

    async def _send(self, message: dict[str, Json]) -> None:
        """Send; SourceLost when the server does not take what was sent before either."""
        self._writer.write(msgspec.json.encode(message))
        try:
            async with asyncio.timeout(2 * self._idle):
                await self._writer.drain()
        except TimeoutError as stuck:
            raise SourceLost(f"ovsdb-server read nothing for {2 * self._idle:g} s") from stuck
        except OSError as lost:
            raise SourceLost(f"connection to ovsdb-server lost: {lost.strerror}") from lost
