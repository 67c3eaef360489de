# SPDX-License-Identifier: Apache-2.0
"""Injected packets for asyncio programs."""

import asyncio
from typing import Unpack

from netsonde.client import injections as calls
from netsonde.client.async_sender import AsyncSender
from netsonde.client.injections import InjectionFields
from netsonde.model.injections import AuditRecord, InjectionView


class AsyncClientInjections:
    """The injections of a server, each called by its UUID."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def all(self) -> list[InjectionView]:
        return await self._client.send(calls.injections())

    async def get(self, uuid: str) -> InjectionView:
        return await self._client.send(calls.injection(uuid))

    async def create(self, src: str, *, expire: str = "", **fields: Unpack[InjectionFields]) -> InjectionView:
        """Inject packets from every interface that the query `src` gives; returns at once.

        `type` is icmp4 unless it is given. After `expire` (such as 1h30m) the injection deletes itself.
        """
        return await self._client.send(calls.create(src, fields, expire))

    async def wait(self, uuid: str, timeout: float = 60.0) -> InjectionView:
        """Wait for the end of an injection; `status` says how it ended. Raises TimeoutError, NotFound when it goes."""
        async with asyncio.timeout(timeout):
            while True:
                view = await self.get(uuid)
                if calls.is_over(view):
                    return view
                await asyncio.sleep(calls.POLL)

    async def delete(self, uuid: str) -> None:
        """Stop and delete it."""
        await self._client.send(calls.delete(uuid))

    async def audit(self, limit: int = 100, before: int = 0) -> list[AuditRecord]:
        """Return who injected what, the latest first; `before` the record of that `number`, 0 = from the latest on."""
        return await self._client.send(calls.audit(limit, before))
