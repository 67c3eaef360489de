# SPDX-License-Identifier: Apache-2.0
"""The checks of a server, for the client of asyncio."""

import asyncio
from typing import Unpack

from netsonde.client import check_calls as calls
from netsonde.client.async_live import AsyncSubscription
from netsonde.client.async_sender import AsyncSender
from netsonde.client.calls import Captured
from netsonde.client.check_calls import CheckFeed, CheckFields, CheckUpdate
from netsonde.client.naming import is_uuid
from netsonde.model.checks import CheckChange, CheckResult, CheckStep, CheckView, Verdict


class AsyncClientChecks:
    """The checks of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def all(self) -> list[CheckView]:
        return await self._client.send(calls.checks())

    async def get(self, check: str) -> CheckView:
        if is_uuid(check):
            return await self._client.send(calls.check(check))
        return calls.named_check(check, await self.all())

    async def create(
        self, gremlin: Captured, *steps: CheckStep, ttl: str = "", **fields: Unpack[CheckFields]
    ) -> CheckView:
        """Create a check of `check_calls.step`s; it judges interfaces as they appear, and those that are there."""
        return await self._client.send(calls.create_check(gremlin, steps, fields, ttl))

    async def update(self, check: str, **fields: Unpack[CheckUpdate]) -> CheckView:
        """Change a check; what is not named stays. Unless only the description changes, all is judged anew."""
        return await self._client.send(calls.patch_check((await self.get(check)).uuid, fields))

    async def delete(self, check: str) -> None:
        """Delete a check, its captures and its results."""
        await self._client.send(calls.delete_check((await self.get(check)).uuid))

    async def run(self, check: str) -> CheckView:
        """Judge the interfaces that are there anew, by what they send from now on."""
        return await self._client.send(calls.run_check((await self.get(check)).uuid))

    async def results(
        self, check: str, *, node: str = "", verdict: Verdict | None = None, limit: int = 1000
    ) -> list[CheckResult]:
        """Return what a check found, the newest first; of one node (id), or with one verdict."""
        uuid = (await self.get(check)).uuid
        return await self._client.send(calls.check_results(uuid, node=node, verdict=verdict, limit=limit))

    async def wait(self, check: str, *, interfaces: int = 1, timeout: float = 60.0) -> list[CheckResult]:
        """Wait until every matching interface, and at least so many, has its verdict; returns them by name.

        Raises TimeoutError, and NotFound when the check is deleted.
        """
        uuid = (await self.get(check)).uuid
        async with asyncio.timeout(timeout), self.watch(reconnect=False) as changes:
            if found := await self._settled(uuid, interfaces):
                return found
            async for change in changes:
                if calls.may_be_settled(change, uuid) and (found := await self._settled(uuid, interfaces)):
                    return found
        raise AssertionError("a subscription that is not renewed ends with an exception")

    def watch(self, *, reconnect: bool = True) -> AsyncSubscription[CheckChange]:
        """Follow checks and results; what happens while the server is away is not told. Use it in a with block."""
        return self._client.live(CheckFeed(), reconnect=reconnect)

    async def _settled(self, uuid: str, interfaces: int) -> list[CheckResult] | None:
        view = await self.get(uuid)
        results = await self._client.send(calls.check_results(view.uuid, node="", verdict=None, limit=100_000))
        return calls.settled(view, results, interfaces)
