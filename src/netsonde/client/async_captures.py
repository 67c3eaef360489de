# SPDX-License-Identifier: Apache-2.0
"""The captures of a server, for the client of asyncio."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Unpack

from netsonde.client import calls
from netsonde.client.answers import Packet, Preview
from netsonde.client.async_live import AsyncSubscription
from netsonde.client.async_sender import AsyncSender
from netsonde.client.calls import Captured
from netsonde.client.capture_fields import CaptureFields, CaptureUpdate, waiter, wire_fields
from netsonde.client.feeds import CaptureFeed
from netsonde.client.naming import is_uuid
from netsonde.model.captures import CaptureChange, CaptureState, CaptureView


class AsyncClientCaptures:
    """The captures of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def all(self) -> list[CaptureView]:
        return await self._client.send(calls.captures())

    async def get(self, capture: str) -> CaptureView:
        if is_uuid(capture):
            return await self._client.send(calls.capture(capture))
        return calls.named_capture(capture, await self.all())

    async def create(self, gremlin: Captured, *, ttl: str = "", **fields: Unpack[CaptureFields]) -> CaptureView:
        """Create a capture; it may wait for interfaces to appear. After `ttl` (such as 1h30m) it deletes itself."""
        return await self._client.send(calls.create_capture(gremlin, wire_fields(fields), ttl))

    async def update(self, capture: str, *, ttl: str = "", **fields: Unpack[CaptureUpdate]) -> CaptureView:
        """Change a capture; what is not named stays as it is."""
        uuid = (await self.get(capture)).uuid
        return await self._client.send(calls.patch_capture(uuid, wire_fields(fields), ttl))

    async def pause(self, capture: str) -> CaptureView:
        """Stop capturing, and keep the definition and the packets."""
        return await self.update(capture, paused=True)

    async def resume(self, capture: str) -> CaptureView:
        return await self.update(capture, paused=False)

    async def delete(self, capture: str) -> None:
        await self._client.send(calls.delete_capture((await self.get(capture)).uuid))

    async def preview(self, gremlin: Captured) -> Preview:
        """Say what a capture would find if it were created now."""
        return await self._client.send(calls.preview_capture(gremlin))

    async def wait(self, capture: str, *states: CaptureState, timeout: float = 60.0) -> CaptureView:
        """Wait until a capture is in one of the states, `active` when none is named; returns it as it is then.

        Raises TimeoutError; NotFound when it is deleted, UserError when it fails or finishes instead, NoServer when the
        server goes away, since what happens then is not seen.
        """
        look = waiter((await self.get(capture)).uuid, states or ("active",))
        async with asyncio.timeout(timeout), self.watch(reconnect=False) as changes:
            if found := look(await self.get(capture)):
                return found
            async for change in changes:
                if found := look(change):
                    return found
        raise AssertionError("a subscription that is not renewed ends with an exception")

    def watch(self, *, reconnect: bool = True) -> AsyncSubscription[CaptureChange]:
        """Follow captures as they are created, change and go; what happens while the server is away is not told.

        Use it in a with block.
        """
        return self._client.live(CaptureFeed(), reconnect=reconnect)

    async def packets(
        self,
        capture: str,
        *,
        nodes: Sequence[str] = (),
        flows: Sequence[str] = (),
        limit: int | None = None,
        after: int | None = None,
    ) -> list[Packet]:
        """Return kept packets, decoded, in order of time; of some interfaces (TIDs) or flows (UUIDs)."""
        parameters = {"node": nodes, "flow": flows, "limit": limit, "after": after}
        return await self._client.send(calls.packets((await self.get(capture)).uuid, parameters))

    async def pcapng(self, capture: str, *, nodes: Sequence[str] = (), flows: Sequence[str] = ()) -> bytes:
        """Return kept packets as a pcapng file."""
        return await self._client.send(calls.pcapng((await self.get(capture)).uuid, {"node": nodes, "flow": flows}))

    async def follow(self, capture: str, *, nodes: Sequence[str] = ()) -> AsyncIterator[bytes]:
        """Yield a pcapng file as it grows: the kept packets, then each as it arrives, for ever."""
        call = calls.pcapng((await self.get(capture)).uuid, {"follow": True, "node": nodes})
        async for piece in self._client.stream(call):
            yield piece
