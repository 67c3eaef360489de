# SPDX-License-Identifier: Apache-2.0
"""The captures of a server, for the blocking client."""

from collections.abc import Iterator, Sequence
from typing import Unpack

from netsonde.client import calls
from netsonde.client.answers import Packet, Preview
from netsonde.client.calls import Captured
from netsonde.client.capture_fields import CaptureFields, CaptureUpdate, waiter, wire_fields
from netsonde.client.feeds import CaptureFeed
from netsonde.client.live import Subscription, first
from netsonde.client.naming import is_uuid
from netsonde.client.sender import Sender
from netsonde.model.captures import CaptureChange, CaptureState, CaptureView


class ClientCaptures:
    """The captures of a server. Each is called by its name, its UUID, or the beginning of that."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def all(self) -> list[CaptureView]:
        return self._client.send(calls.captures())

    def get(self, capture: str) -> CaptureView:
        if is_uuid(capture):
            return self._client.send(calls.capture(capture))
        return calls.named_capture(capture, self.all())

    def create(self, gremlin: Captured, *, ttl: str = "", **fields: Unpack[CaptureFields]) -> CaptureView:
        """Create a capture; it may wait for interfaces to appear. After `ttl` (such as 1h30m) it deletes itself."""
        return self._client.send(calls.create_capture(gremlin, wire_fields(fields), ttl))

    def update(self, capture: str, *, ttl: str = "", **fields: Unpack[CaptureUpdate]) -> CaptureView:
        """Change a capture; what is not named stays as it is."""
        uuid = (self.get(capture)).uuid
        return self._client.send(calls.patch_capture(uuid, wire_fields(fields), ttl))

    def pause(self, capture: str) -> CaptureView:
        """Stop capturing, and keep the definition and the packets."""
        return self.update(capture, paused=True)

    def resume(self, capture: str) -> CaptureView:
        return self.update(capture, paused=False)

    def delete(self, capture: str) -> None:
        self._client.send(calls.delete_capture((self.get(capture)).uuid))

    def preview(self, gremlin: Captured) -> Preview:
        """Say what a capture would find if it were created now."""
        return self._client.send(calls.preview_capture(gremlin))

    def wait(self, capture: str, *states: CaptureState, timeout: float = 60.0) -> CaptureView:
        """Wait until a capture is in one of the states, `active` when none is named; returns it as it is then.

        Raises TimeoutError; NotFound when it is deleted, UserError when it fails or finishes instead, NoServer when the
        server goes away, since what happens then is not seen.
        """
        look = waiter(self.get(capture).uuid, states or ("active",))
        found = first(self.watch(reconnect=False), lambda: look(self.get(capture)), look, timeout)
        if found is None:
            raise TimeoutError(f"the capture {capture} is not {' or '.join(states or ('active',))} after {timeout:g} s")
        return found

    def watch(self, *, reconnect: bool = True) -> Subscription[CaptureChange]:
        """Follow captures as they are created, change and go; what happens while the server is away is not told.

        Use it in a with block.
        """
        return self._client.live(CaptureFeed(), reconnect=reconnect)

    def packets(
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
        return self._client.send(calls.packets((self.get(capture)).uuid, parameters))

    def pcapng(self, capture: str, *, nodes: Sequence[str] = (), flows: Sequence[str] = ()) -> bytes:
        """Return kept packets as a pcapng file."""
        return self._client.send(calls.pcapng((self.get(capture)).uuid, {"node": nodes, "flow": flows}))

    def follow(self, capture: str, *, nodes: Sequence[str] = ()) -> Iterator[bytes]:
        """Yield a pcapng file as it grows: the kept packets, then each as it arrives, for ever."""
        call = calls.pcapng((self.get(capture)).uuid, {"follow": True, "node": nodes})
        return self._client.stream(call)
