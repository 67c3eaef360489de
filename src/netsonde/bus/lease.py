# SPDX-License-Identifier: Apache-2.0
"""One of several does a job: a lease is an entry in the bucket `leases` that its holder keeps fresh."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from netsonde.errors import Conflict, SourceLost
from netsonde.observe import logger

if TYPE_CHECKING:
    from netsonde.bus.buckets import Bucket
    from netsonde.bus.connection import Bus

log = logger("bus.lease")

LEASES = "leases"


class LeaseEntry(msgspec.Struct, frozen=True):
    """Who holds a lease."""

    holder: str


class Lease:
    """Runs work while holding the lease `name`. `held` says whether it is ours now.

    The entry expires `ttl_s` (whole seconds) after its last refresh. A holder that could not refresh for two
    thirds of that stops its work: before anybody else can begin it, as long as clocks run equally fast.
    """

    def __init__(self, bus: "Bus", name: str, holder: str, *, ttl_s: int = 6) -> None:
        self._bus = bus
        self._name = name
        self._holder = holder
        self._ttl_s = ttl_s
        self.held = False

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """For ever: wait for the lease, run `work`, cancel it when the lease is lost. Gives the lease up at the end.

        `work` is expected to run until cancelled; an exception of it ends `run` as well.
        """
        bucket = await self._bus.bucket(LEASES, codec=LeaseEntry)
        while True:
            revision = await self._acquire(bucket)
            self.held = True
            log.info("lease acquired", lease=self._name)
            try:
                await self._hold(bucket, revision, work)
            finally:
                self.held = False
            log.warning("lease lost", lease=self._name)

    async def _acquire(self, bucket: "Bucket[LeaseEntry]") -> int:
        entry = LeaseEntry(self._holder)
        while True:
            with suppress(SourceLost, Conflict):
                # An entry of our own name is left by our former run.
                present = await bucket.entry(self._name)
                if present is not None and present.value == entry:
                    return await bucket.update(self._name, entry, present.revision, ttl_s=self._ttl_s)
                if present is None:
                    return await bucket.create(self._name, entry, ttl_s=self._ttl_s)
            await asyncio.sleep(self._ttl_s / 6)

    async def _hold(self, bucket: "Bucket[LeaseEntry]", revision: int, work: Callable[[], Awaitable[None]]) -> None:
        lost = asyncio.Event()

        async def do_work() -> None:
            await work()

        job = asyncio.get_running_loop().create_task(do_work(), name=f"lease.{self._name}")
        keeper = asyncio.get_running_loop().create_task(
            self._refresh(bucket, revision, lost), name=f"lease.{self._name}.refresh"
        )
        try:
            await asyncio.wait({job, keeper}, return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                job.result()
        finally:
            for task in (job, keeper):
                task.cancel()
            await asyncio.gather(job, keeper, return_exceptions=True)
            if not lost.is_set():
                await self._give_up(bucket)

    async def _refresh(self, bucket: "Bucket[LeaseEntry]", revision: int, lost: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        fresh = loop.time()
        while loop.time() - fresh < self._ttl_s * 2 / 3:
            await asyncio.sleep(self._ttl_s / 6)
            try:
                async with asyncio.timeout(self._ttl_s / 3):
                    began = loop.time()
                    revision = await bucket.update(self._name, LeaseEntry(self._holder), revision, ttl_s=self._ttl_s)
                    fresh = began
            except (SourceLost, TimeoutError):
                continue
            except Conflict:
                # Either a refresh of ours whose answer was lost, or another holder.
                with suppress(SourceLost):
                    present = await bucket.entry(self._name)
                    if present is None or present.value != LeaseEntry(self._holder):
                        break
                    revision = present.revision
        lost.set()

    async def _give_up(self, bucket: "Bucket[LeaseEntry]") -> None:
        with suppress(SourceLost, Conflict, TimeoutError):
            async with asyncio.timeout(1.0):
                present = await bucket.entry(self._name)
                if present is not None and present.value == LeaseEntry(self._holder):
                    await bucket.delete(self._name, revision=present.revision)
