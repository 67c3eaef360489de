# SPDX-License-Identifier: Apache-2.0
"""A real server over fake services, and raw connections to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from compat.raw import Raw
from netsonde.api.server import serve
from unit.api.fakes import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes.new().with_settings(ping_interval=0.1)


@pytest.fixture
async def raw(fakes: Fakes) -> AsyncIterator[Raw]:
    """Serve on a free port; yields the way to talk to it byte by byte."""
    loop = asyncio.get_running_loop()
    started: asyncio.Future[str] = loop.create_future()
    serving = loop.create_task(serve(fakes.services(), started.set_result))
    yield Raw(await started)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
