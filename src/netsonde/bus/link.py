# SPDX-License-Identifier: Apache-2.0
"""One life of a connection to NATS: publish, request, subscribe, until it breaks.

The client library's own reconnection is off: it gives up for good on some errors of the server, and what it buffers
while away is neither bounded by bytes nor counted. A `Link` that broke is thrown away; `Bus` makes the next.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from netsonde.bus.inbox import Inbox
from netsonde.bus.permissions import inbox_of
from netsonde.bus.settings import BusSettings
from netsonde.errors import SourceLost

_WATCH_INTERVAL = 1.0


class Subscription(Protocol):
    """What `Link.subscribe` returns."""

    async def unsubscribe(self) -> None: ...


class Link:
    """An established connection. Every method raises SourceLost once it is broken."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._inboxes: set[Inbox[Msg]] = set()
        self._numbers = itertools.count()
        self._reply_prefix = client.new_inbox()
        self.reason = ""
        self.lost = asyncio.Event()

    @classmethod
    async def open(cls, settings: BusSettings, name: str, *, what: str = "bus at ") -> "Link":
        """Connect once; raises SourceLost with the reason when that fails. `what` is said before the address."""
        opened: list[Link] = []
        errors: list[str] = []

        async def on_error(error: Exception) -> None:
            errors[:] = [(str(error) or type(error).__name__) if opened else _cause(error)]

        async def on_closed() -> None:
            for link in opened:
                link.break_off(errors[-1] if errors else "connection closed")

        if not settings.servers:
            raise SourceLost(
                "there is no address of a bus: set bus.url to that of a NATS server, or run the all-in-one"
            )
        client = Client()
        try:
            await client.connect(
                servers=settings.servers,
                name=name,
                inbox_prefix=inbox_of(name).encode(),
                token=settings.read_token() or None,
                tls=settings.tls_context(),
                allow_reconnect=False,
                connect_timeout=5,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                ping_interval=settings.ping_interval,
                max_outstanding_pings=2,
                error_cb=on_error,
                closed_cb=on_closed,
            )
        except (nats.errors.Error, OSError, TimeoutError, ValueError) as failed:
            await _discard(client)
            raise SourceLost(f"{what}{settings.url}: {errors[-1] if errors else _cause(failed)}") from failed
        link = cls(client)
        opened.append(link)
        await link.subscribe(f"{link._reply_prefix}.*", link._on_answer)
        return link

    def break_off(self, reason: str) -> None:
        """Fail everything that waits on this connection."""
        if self.lost.is_set():
            return
        self.reason = reason
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(SourceLost(f"bus connection lost: {reason}"))
        for inbox in self._inboxes:
            inbox.fail(f"bus connection lost: {reason}")
        self.lost.set()

    async def wait_lost(self) -> None:
        """Return when the connection is broken, also when the library failed to say so."""
        while not self.lost.is_set():
            try:
                async with asyncio.timeout(_WATCH_INTERVAL):
                    await self.lost.wait()
            except TimeoutError:
                if self._client.is_closed:
                    self.break_off("connection closed")

    async def close(self) -> None:
        """Send what is buffered and disconnect."""
        with suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(2):
                await self._client.close()
        self.break_off("closed by us")

    @property
    def max_payload(self) -> int:
        """Bytes of one message, headers included, that the server takes."""
        return int(self._client.max_payload)

    async def publish(
        self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Hand a message to the connection; raises SourceLost when it is broken."""
        if self.lost.is_set():
            raise SourceLost(f"bus connection lost: {self.reason}")
        try:
            await self._client.publish(subject, data, reply=reply, headers=headers)
        except (nats.errors.Error, OSError) as failed:
            raise SourceLost(f"cannot publish on {subject}: {failed or type(failed).__name__}") from failed

    async def flush(self, timeout: float) -> None:
        """Return when the server has all that was published; raises SourceLost when it does not say so in time."""
        try:
            await self._client.flush(timeout=timeout)  # type: ignore[arg-type]  # documented as seconds, typed as int
        except (nats.errors.Error, OSError, TimeoutError) as failed:
            raise SourceLost(f"the server does not answer: {failed or type(failed).__name__}") from failed

    async def request(self, subject: str, data: bytes, *, timeout: float, headers: dict[str, str] | None = None) -> Msg:
        """Publish and wait for the one answer; SourceLost when none comes or nobody listens."""
        number = str(next(self._numbers))
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            await self.publish(subject, data, reply=f"{self._reply_prefix}.{number}", headers=headers)
            async with asyncio.timeout(timeout):
                message = await answer
        except TimeoutError:
            raise SourceLost(f"no answer on {subject} within {timeout:g} s") from None
        finally:
            del self._answers[number]
        if status_of(message) == "503":
            raise SourceLost(f"nobody answers on {subject}")
        return message

    async def _on_answer(self, message: Msg) -> None:
        answer = self._answers.get(message.subject.rpartition(".")[2])
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def subscribe(
        self, subject: str, callback: Callable[[Msg], Awaitable[None]], *, queue: str = ""
    ) -> Subscription:
        """Call `callback` for each message, one at a time."""
        try:
            return await self._client.subscribe(subject, queue=queue, cb=callback)
        except (nats.errors.Error, OSError) as failed:
            raise SourceLost(f"cannot subscribe to {subject}: {failed or type(failed).__name__}") from failed

    async def open_inbox(self, *, limit: int, subject: str = "") -> "OpenInbox":
        """Subscribe to a subject, "" = a fresh one, whose messages go to an `Inbox` of `limit` items."""
        opened = OpenInbox(self, subject or self._client.new_inbox(), Inbox(limit))
        self._inboxes.add(opened.inbox)
        if self.lost.is_set():
            opened.inbox.fail(f"bus connection lost: {self.reason}")
        try:
            opened.subscription = await self.subscribe(opened.subject, opened.receive)
        except SourceLost:
            self._inboxes.discard(opened.inbox)
            raise
        return opened

    def forget(self, inbox: Inbox[Msg]) -> None:
        self._inboxes.discard(inbox)


def _cause(failed: Exception) -> str:
    """Say what went wrong; a reset may overtake the server's own words about a login that it refused."""
    if isinstance(failed, ConnectionResetError):
        return "the server cut the connection while we logged in: does the token fit (Authorization)?"
    return str(failed) or type(failed).__name__


async def _discard(client: Client) -> None:
    """Close what a failed attempt to connect left open; the library forgets its socket."""
    with suppress(nats.errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(1):
            await client.close()
    transport = getattr(client, "_transport", None)
    if transport is not None:
        transport.close()


class OpenInbox:
    """A subject with its mailbox; `close` it when done."""

    def __init__(self, link: Link, subject: str, inbox: Inbox[Msg]) -> None:
        self._link = link
        self.subject = subject
        self.inbox = inbox
        self.subscription: Subscription | None = None

    async def receive(self, message: Msg) -> None:
        self.inbox.put(message)

    async def close(self) -> None:
        self._link.forget(self.inbox)
        if self.subscription is None or self._link.lost.is_set():
            return
        with suppress(nats.errors.Error, OSError):
            await self.subscription.unsubscribe()


def status_of(message: Msg) -> str:
    """Return the status code of a control message of the server, "" for a message with content."""
    headers = message.headers
    return str(headers.get("Status", "")) if headers and not message.data else ""
