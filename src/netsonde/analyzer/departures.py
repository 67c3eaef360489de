# SPDX-License-Identifier: Apache-2.0
"""Agents that went away: what they knew of their host is kept for a while, since most come back at once."""

import asyncio
from collections.abc import Awaitable, Callable

from netsonde.aio import DroppingQueue
from netsonde.observe import logger

GRACE = 30.0
"""Seconds after which the topology of a host without agent is withdrawn."""
MOST_WAITING = 10_000

log = logger("analyzer")


class Departures:
    """Withdraws hosts whose agent stayed away; `is_present` says who is there, `withdraw` does it."""

    def __init__(self, is_present: Callable[[str], bool], withdraw: Callable[[str], Awaitable[None]]) -> None:
        self._is_present = is_present
        self._withdraw = withdraw
        self._gone: DroppingQueue[tuple[str, float]] = DroppingQueue(MOST_WAITING)

    def note(self, host: str) -> None:
        """Take in that the agent of `host` is not there any more."""
        self._gone.put((host, asyncio.get_running_loop().time()))

    async def run(self) -> None:
        """Work until cancelled; hosts are looked at in the order in which they went."""
        loop = asyncio.get_running_loop()
        while True:
            host, at = await self._gone.get()
            await asyncio.sleep(max(0.0, at + GRACE - loop.time()))
            if not self._is_present(host):
                log.warning("an agent stayed away; the topology of its host is withdrawn", host=host)
                await self._withdraw(host)
