# SPDX-License-Identifier: Apache-2.0
"""Who is there: each process keeps its entry in the bucket `hosts` fresh; it goes by itself when the process does."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from netsonde.bus.buckets import Bucket
from netsonde.errors import SourceLost
from netsonde.model.presence import Presence

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

HOSTS = "hosts"
TTL = 15.0
_REFRESH = TTL / 3


def presence_key(presence: Presence) -> str:
    return f"{presence.service}.{presence.host}"


async def hosts_bucket(bus: "Bus") -> Bucket[Presence]:
    """Return the bucket of presences; watch it to learn who comes and goes."""
    return await bus.bucket(HOSTS, codec=Presence, ttl_s=TTL)


class PresenceKeeper:
    """Writes what `describe` returns every few seconds, at once after `touch`, and deletes it at the end."""

    def __init__(self, bus: "Bus", describe: Callable[[], Presence]) -> None:
        self._bus = bus
        self._describe = describe
        self._touched = asyncio.Event()

    def touch(self) -> None:
        """Tell a change of state now instead of at the next refresh."""
        self._touched.set()

    async def run(self) -> None:
        bucket = await hosts_bucket(self._bus)
        try:
            while True:
                self._touched.clear()
                with suppress(SourceLost):  # shown by the bus's health; written when it is back
                    presence = self._describe()
                    await bucket.put(presence_key(presence), presence)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_REFRESH):
                        await self._touched.wait()
        finally:
            with suppress(SourceLost, TimeoutError):
                async with asyncio.timeout(1.0):
                    await bucket.delete(presence_key(self._describe()))
