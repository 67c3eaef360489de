# SPDX-License-Identifier: Apache-2.0
"""Which WebSocket clients are dropped, and how."""

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from uvicorn.server import ServerState

from netsonde.api.websocket.keepalive import Taken, WebSocket
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
    """Notes how it is closed."""

    closed = ""

    def write(self, _: bytes) -> None: ...

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed = "in order"

    def abort(self) -> None:
        self.closed = "by force"


class _Silent:
    """A protocol that has nothing to send."""

    def send_ping(self, _: bytes) -> None: ...

    def fail(self, *_: object) -> None: ...

    def data_to_send(self) -> list[bytes]:
        return []


class Watched(WebSocket):
    """Is told by a test what the kernel would say."""

    now = Taken(0, 0)

    def taken(self) -> Taken:
        return self.now


@pytest.mark.parametrize(
    ("looks", "ends"),
    [
        ((Taken(0, 9), Taken(5000, 9), Taken(9000, 0)), ""),
        ((Taken(0, 9), Taken(5000, 0), Taken(5000, 0)), "in order"),
        ((Taken(0, 0), Taken(30, 0)), "in order"),
        ((Taken(0, 9), Taken(0, 9)), "by force"),
        ((Taken(0, 9), Taken(5000, 9), Taken(5000, 9)), "by force"),
    ],
    ids=["it reads slowly", "it has read all and hangs", "it hangs", "it never reads", "it stops reading"],
)
async def test_who_reads_is_waited_for_and_who_does_not_is_dropped(looks: tuple[Taken, ...], ends: str) -> None:
    timers: Any = Timers()
    transport: Any = Transport()
    one = Watched(uvicorn.Config(lambda: None, ws_ping_timeout=1.0), ServerState(), {}, timers)
    one.transport, one.conn = transport, _Silent()  # type: ignore[assignment]
    one.now, *others = looks
    one.send_keepalive_ping()
    for one.now in others:
        assert not transport.closed
        timers.due.pop()()
    assert transport.closed == ends


async def test_the_kernel_says_what_the_other_side_has_taken() -> None:
    one = WebSocket(uvicorn.Config(lambda: None), ServerState(), {})
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as ours:
        theirs, _ = listening.accept()
        with theirs:
            transport: Any = SimpleNamespace(get_extra_info=lambda _: ours)
            one.transport = transport
            before = one.taken().acked
            ours.sendall(b"x" * 5000)
            async with asyncio.timeout(20):
                while one.taken() != Taken(before + 5000, 0):  # noqa: ASYNC110  # the kernel tells nobody
                    await asyncio.sleep(0.01)
