# SPDX-License-Identifier: Apache-2.0
"""The server stops in order and in time, whoever is connected."""

import asyncio
import socket

import pytest

from compat.raw import Raw
from netsonde.api.server import serve
from netsonde.errors import UserError
from netsonde.model.captures import Capture
from unit.api.fakes import Fakes


async def test_it_stops_in_time_while_clients_listen_and_follow(fakes: Fakes) -> None:
    fakes.captures.put(Capture(uuid="c1", gremlin_query="G.V()"))
    loop = asyncio.get_running_loop()
    started: asyncio.Future[str] = loop.create_future()
    serving = loop.create_task(serve(fakes.services(), started.set_result))
    raw = Raw(await started)
    async with raw.connection() as (reader, writer), raw.websocket("/ws/subscriber", "X-Client-Type: x") as socket:
        assert socket.answer.status == 101
        writer.write(f"GET /api/capture/c1/packets?follow=1 HTTP/1.1\r\nHost: {raw.address}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        serving.cancel()
        async with asyncio.timeout(20):
            with pytest.raises(asyncio.CancelledError):
                await serving
        assert await socket.closing_code() == 1012
    assert fakes.graph.listeners == []
    assert fakes.packets.closed


async def test_a_port_that_is_taken_is_told_in_words(fakes: Fakes) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        fakes.with_settings(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UserError, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"):
            await serve(fakes.services())


async def test_an_exposed_address_is_refused_before_anything_listens(fakes: Fakes) -> None:
    with pytest.raises(UserError, match="refusing to listen"):
        await serve(fakes.with_settings(listen="0.0.0.0:0").services())
