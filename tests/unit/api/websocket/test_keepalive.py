# SPDX-License-Identifier: Apache-2.0
"""Which WebSocket clients are dropped, and how."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from uvicorn.server import ServerState

from netsonde.api.websocket.keepalive import WebSocket
from unit.api.fakes import Fakes, a_node
from unit.api.served import Server

UPGRADE = (
    b"GET /ws/subscriber?x-client-type=t HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_a_client_that_never_reads_is_dropped_although_much_waits_for_it() -> None:
    server = await asyncio.to_thread(lambda: Server(Fakes.new().with_settings(ping_interval=0.05, ping_timeout=0.2)))
    address, port = server.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((address, int(port)))
    client.sendall(UPGRADE)
    assert client.recv(12) == b"HTTP/1.1 101"
    large = {"Name": "x", "Type": "y", "Large": "z" * 20_000_000}
    try:
        await asyncio.to_thread(
            server.do, lambda: server.fakes.graph.put(msgspec.structs.replace(a_node(), metadata=large))
        )
        async with asyncio.timeout(20), httpx.AsyncClient(base_url=server.url) as other:
            while (await other.get("/api/status")).json()["Subscribers"]:  # noqa: ASYNC110  # the client is told nothing
                await asyncio.sleep(0.05)
    finally:
        client.close()
        await asyncio.to_thread(server.stop)


class Timers:
    """A loop whose timers a test lets run out."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_later(self, _: float, call: Callable[[], None]) -> "Timers":
        self.due.append(call)
        return self

    def cancel(self) -> None:
        self.due.clear()

    def time(self) -> float:
        return 0.0


class Transport:
    """Has bytes waiting, and notes how it is closed."""

    def __init__(self) -> None:
        self.waiting = 0
        self.closed = ""

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, _: bytes) -> None: ...

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed = "in order"

    def abort(self) -> None:
        self.closed = "by force"


@pytest.mark.parametrize(
    ("sizes", "ends"),
    [
        ((9, 7, 3, 0), ""),
        ((9, 7, 3, 0, 0), "in order"),
        ((0, 0), "in order"),
        ((9, 9), "by force"),
        ((9, 7, 7), "by force"),
    ],
    ids=["it reads slowly", "it has read all and says nothing", "it is silent", "it never reads", "it stops reading"],
)
async def test_who_reads_is_waited_for_and_who_does_not_is_dropped(sizes: tuple[int, ...], ends: str) -> None:
    timers: Any = Timers()
    transport: Any = Transport()
    one = WebSocket(uvicorn.Config(lambda: None, ws_ping_timeout=1.0), ServerState(), {}, timers)
    one.transport, one.conn = transport, _Silent()  # type: ignore[assignment]
    transport.waiting = sizes[0]
    one.send_keepalive_ping()
    for size in sizes[1:]:
        assert not transport.closed
        transport.waiting = size
        timers.due.pop()()
    assert transport.closed == ends


class _Silent:
    """A protocol that has nothing to send."""

    def send_ping(self, _: bytes) -> None: ...

    def fail(self, *_: object) -> None: ...

    def data_to_send(self) -> list[bytes]:
        return []
