# SPDX-License-Identifier: Apache-2.0
"""The socket on which the API is served."""

import asyncio
import socket

import pytest

from netsonde.api import listener
from netsonde.api.settings import ApiSettings


async def test_a_client_that_takes_nothing_of_an_answer_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_PATIENCE_MS", 500)
    failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"x" * 20_000_000)
            await writer.drain()
        except OSError as lost:
            failed.set_result(lost)
        finally:
            writer.close()

    listening = listener.open_listener(ApiSettings(listen="127.0.0.1:0"))
    async with await asyncio.start_server(answer, sock=listening):
        with socket.create_connection(listening.getsockname()):
            async with asyncio.timeout(20):
                assert isinstance(await failed, OSError)
