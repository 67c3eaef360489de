# SPDX-License-Identifier: Apache-2.0
"""Workflows at work behind a served API."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from unit.api.served import Server


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Run the workflows of a server."""
    over, began = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with server.fakes.workflows.running():
            began.set()
            await over.wait()

    loop = asyncio.get_running_loop
    task = server.do(lambda: loop().create_task(run(), name="workflows"))
    server.wait(asyncio.wait_for(began.wait(), 20))
    yield server
    server.do(over.set)
    server.wait(asyncio.wait_for(task, 20))
