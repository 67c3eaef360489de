# SPDX-License-Identifier: Apache-2.0
"""The alerts of a server, for the client of asyncio."""

import asyncio
from typing import Unpack

from netsonde.client import alert_calls as calls
from netsonde.client.alert_calls import AlertFeed, AlertFields, AlertUpdate
from netsonde.client.async_live import AsyncSubscription
from netsonde.client.async_sender import AsyncSender
from netsonde.client.naming import is_uuid
from netsonde.model.alerts import AlertChange, AlertView, Rehearsal, State, Transition


class AsyncClientAlerts:
    """The alerts of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def all(self) -> list[AlertView]:
        return await self._client.send(calls.alerts())

    async def get(self, alert: str) -> AlertView:
        if is_uuid(alert):
            return await self._client.send(calls.alert(alert))
        return calls.named_alert(alert, await self.all())

    async def create(self, expression: str, *, ttl: str = "", **fields: Unpack[AlertFields]) -> AlertView:
        """Create an alert; its expression and receivers are checked first. After `ttl` it deletes itself."""
        return await self._client.send(calls.create_alert({"Expression": expression, **calls.wire_fields(fields)}, ttl))

    async def update(self, alert: str, **fields: Unpack[AlertUpdate]) -> AlertView:
        """Change an alert; what is not named stays as it is."""
        return await self._client.send(calls.patch_alert((await self.get(alert)).uuid, calls.wire_fields(fields)))

    async def delete(self, alert: str) -> None:
        """Delete an alert and its history."""
        await self._client.send(calls.delete_alert((await self.get(alert)).uuid))

    async def history(self, alert: str, *, limit: int = 100) -> list[Transition]:
        """Return the states that an alert went through, the newest first."""
        return await self._client.send(calls.alert_history((await self.get(alert)).uuid, limit))

    async def rehearse(
        self, expression: str, *, start: int = 0, end: int = 0, step: int = 0, **fields: Unpack[AlertFields]
    ) -> Rehearsal:
        """Say what an alert would have done in the past; nothing is stored, nobody is told.

        Times are Unix ms, `step` is the ms between two looks; 0 = the server's choice.
        """
        body = {"Expression": expression, **calls.wire_fields(fields)}
        return await self._client.send(calls.rehearse_alert(body, start, end, step))

    async def wait(self, alert: str, *states: State, timeout: float = 60.0) -> AlertView:
        """Wait until an alert is in one of the states, `firing` when none is named; returns it as it is then.

        Raises TimeoutError; NotFound when it is deleted, NoServer when the server goes away.
        """
        look = calls.waiter((await self.get(alert)).uuid, states or ("firing",))
        async with asyncio.timeout(timeout), self.watch(reconnect=False) as changes:
            if found := look(await self.get(alert)):
                return found
            async for change in changes:
                if found := look(change):
                    return found
        raise AssertionError("a subscription that is not renewed ends with an exception")

    def watch(self, *, reconnect: bool = True) -> AsyncSubscription[AlertChange]:
        """Follow alerts as they are created, change, go, and go on to other states. Use it in a with block."""
        return self._client.live(AlertFeed(), reconnect=reconnect)
