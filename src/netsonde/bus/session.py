# SPDX-License-Identifier: Apache-2.0
"""The bus for as long as a process runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netsonde.bus.connection import Bus
from netsonde.bus.settings import BusSettings
from netsonde.observe import Health


@asynccontextmanager
async def bus_until(stop: asyncio.Event, settings: BusSettings, name: str, health: Health) -> AsyncIterator[Bus | None]:
    """Give the bus once it is connected, or None when told to stop before that; disconnect at the end."""
    loop = asyncio.get_running_loop()
    connecting = loop.create_task(Bus.connect(settings, name=name, health=health), name="bus")
    stopped = loop.create_task(stop.wait(), name="stop")
    await asyncio.wait({connecting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not connecting.done():
        connecting.cancel()
        yield None
        return
    bus = connecting.result()
    try:
        yield bus
    finally:
        await bus.close()
