# SPDX-License-Identifier: Apache-2.0
"""Reports of agents as they pass, for whoever judges them at once: beside the consumers that store them, no acks.

What is missed, over a lost connection or by a slow listener, is said: the agents and the history have it still.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from nats.aio.msg import Msg

from netsonde.aio import DroppingQueue, backoff
from netsonde.bus.subjects import STREAMS, ReportKind
from netsonde.errors import SourceLost

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

_WAITING: Final = 512
"""Reports that wait for the listener; each has at most some hundred KiB."""


async def overhear(bus: "Bus", kind: ReportKind) -> AsyncGenerator[bytes | None, None]:
    """Yield the payload of each report for ever; None where reports may have been missed, at the beginning among it.

    Lost ones are counted as `<kind>_not_overheard`.
    """
    delays = backoff(0.05, 2.0)
    while True:
        await bus.wait_connected()
        try:
            async for payload in _life(bus, kind):
                delays = backoff(0.05, 2.0)
                yield payload
        except SourceLost:
            await asyncio.sleep(next(delays))


async def _life(bus: "Bus", kind: ReportKind) -> AsyncGenerator[bytes | None, None]:
    """Listen over one connection; raises SourceLost at its end."""
    link = await bus.link()
    queue: DroppingQueue[bytes | None] = DroppingQueue(_WAITING)

    async def receive(message: Msg) -> None:
        queue.put(message.data)

    async def end() -> None:
        await link.wait_lost()
        queue.put(None)

    subscription = await link.subscribe(STREAMS[kind].subjects, receive)
    ending = asyncio.get_running_loop().create_task(end(), name=f"bus.overhear.{kind}")
    dropped = 0
    try:
        yield None
        while (payload := await queue.get()) is not None:
            if queue.dropped > dropped:
                bus.health.count(f"{kind}_not_overheard", queue.dropped - dropped)
                dropped = queue.dropped
                yield None
            yield payload
        raise SourceLost(link.reason)
    finally:
        ending.cancel()
        if not link.lost.is_set():
            await subscription.unsubscribe()
