# SPDX-License-Identifier: Apache-2.0
"""Both clients against a served API, called in the same way."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from netsonde.client import AsyncClient, Client
from unit.api.served import Server

Ask: TypeAlias = Callable[[Callable[[Any], Any]], Any]
"""Runs something on a client of either kind; iterators come back as lists."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=["blocking", "asyncio"])
def ask(request: pytest.FixtureRequest, server: Server) -> Ask:
    def blocking(work: Callable[[Any], Any]) -> Any:
        with Client(server.url, timeout=10) as client:
            found = work(client)
            return list(found) if inspect.isgenerator(found) else found

    async def awaited(work: Callable[[Any], Any]) -> Any:
        async with AsyncClient(server.url, timeout=10) as client:
            found = work(client)
            return [piece async for piece in found] if inspect.isasyncgen(found) else await found

    if request.param == "blocking":
        return blocking
    return lambda work: asyncio.run(awaited(work))
