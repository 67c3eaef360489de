# SPDX-License-Identifier: Apache-2.0
"""Request and reply between processes, the reply being a stream of items of any length.

On the wire each message is a kind (1 byte), a number (4 bytes, big endian, from 0) and content. Items are cut into
parts; the asker confirms parts as it takes them, and the answerer stays a bounded number of parts ahead. An asker
that goes away says so; an answerer with nothing to say yet sends `alive`.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import msgspec
import nats.errors
from nats.aio.msg import Msg

from netsonde.bus.inbox import Inbox
from netsonde.bus.link import Link, OpenInbox, Subscription, status_of
from netsonde.errors import Conflict, NotFound, SourceLost, Span, Unsupported, UserError
from netsonde.observe import Health, logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

Handler = Callable[[bytes], AsyncIterator[bytes]]

log = logger("bus.calls")

_HEAD = struct.Struct(">BI")
_ITEM, _PART, _END, _ERROR, _ALIVE = range(5)
_PART_BYTES = 512 * 1024
_ITEM_BYTES = 256 * 1024 * 1024
"""Far more than any answerer of ours puts into one item: whoever sends more would only fill the asker's memory."""
_AHEAD = 64
_CONFIRM_EVERY = 16
_NUMBER_DIGITS = 10
_ALIVE_INTERVAL = 1.0
_ASKER_SILENCE = 120.0
_ASKER_LIMIT = 4 * 1024
_CANCEL = b"cancel"
MAX_CONCURRENT = 64
"""Calls of one verb answered at the same time; further ones are refused and counted."""


class _Refusal(msgspec.Struct, frozen=True):
    """A UserError on its way to the asker."""

    kind: str
    message: str
    hint: str = ""
    text: str = ""
    start: int = -1
    end: int = -1

    @classmethod
    def of(cls, error: UserError) -> "_Refusal":
        span = error.span or Span(-1, -1)
        return cls(type(error).__name__, error.message, error.hint, error.text, span.start, span.end)

    def error(self) -> Exception:
        if self.kind == "SourceLost":
            return SourceLost(self.message)
        known = {"NotFound": NotFound, "Conflict": Conflict, "Unsupported": Unsupported}
        span = Span(self.start, self.end) if self.start >= 0 else None
        return known.get(self.kind, UserError)(self.message, hint=self.hint, span=span, text=self.text)


async def call(bus: "Bus", subject: str, request: bytes, *, timeout: float) -> AsyncGenerator[bytes, None]:
    """Yield the items of the answer. Closing the generator early tells the answerer to stop."""
    link = await bus.link(timeout)
    opened = await link.open_inbox(limit=_ASKER_LIMIT)
    control = ""
    try:
        await link.publish(subject, request, reply=opened.subject)
        parts: list[bytes] = []
        expected = length = 0
        while True:
            message = await opened.inbox.get(timeout, f"no answer on {subject} within {timeout:g} s")
            if status_of(message) == "503":
                raise SourceLost(f"nobody answers on {subject}")
            kind, number, content = _read(message.data, subject)
            control = message.reply or control
            if kind == _ALIVE:
                # From another account the answerer does not hear that we are gone, only that we are silent.
                await link.publish(control, str(expected).encode())
                continue
            if number != expected:
                raise SourceLost(f"{subject}: part {expected} of the answer is missing")
            expected += 1
            if kind == _END:
                control = ""
                return
            if kind == _ERROR:
                control = ""
                raise _refusal(content, subject)
            parts.append(content)
            length += len(content)
            if length > _ITEM_BYTES:
                raise SourceLost(f"{subject}: an item of the answer is longer than {_ITEM_BYTES} bytes")
            if expected % _CONFIRM_EVERY == 0:
                await link.publish(control, str(expected).encode())
            if kind == _ITEM:
                item, parts, length = b"".join(parts), [], 0
                yield item
    finally:
        if control:
            with suppress(SourceLost):
                await link.publish(control, _CANCEL)
        await opened.close()


def _read(message: bytes, subject: str) -> tuple[int, int, bytes]:
    """Split a message of an answer into kind, number and content. Raises SourceLost for what is none."""
    if len(message) < _HEAD.size or message[0] > _ALIVE:
        raise SourceLost(f"{subject}: the answer makes no sense")
    kind, number = _HEAD.unpack_from(message)
    return kind, number, message[_HEAD.size :]


def _refusal(content: bytes, subject: str) -> Exception:
    try:
        return msgspec.json.decode(content, type=_Refusal).error()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return SourceLost(f"{subject}: it was refused, with words that make no sense")


class Responder:
    """Answers one verb, each call in a task of its own, up to `MAX_CONCURRENT`."""

    def __init__(self, subject: str, handler: Handler, health: Health) -> None:
        self._subject = subject
        self._handler = handler
        self._health = health
        self._answers: set[asyncio.Task[None]] = set()
        self._subscription: Subscription | None = None

    async def listen(self, link: Link) -> None:
        """Take calls from this connection; those of a former one fail by themselves."""

        async def on_call(message: Msg) -> None:
            self._begin(link, message)

        # In a queue group: should two processes claim one host, an asker still gets one answer.
        self._subscription = await link.subscribe(self._subject, on_call, queue="answerers")

    async def stop(self) -> None:
        """Take no more calls and break off the answers under way."""
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()
            self._subscription = None
        for answer in self._answers:
            answer.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _begin(self, link: Link, message: Msg) -> None:
        self._health.count("calls_answered")
        refuse = len(self._answers) >= MAX_CONCURRENT
        if refuse:
            self._health.count("calls_refused")
        handler = _busy if refuse else self._handler
        loop = asyncio.get_running_loop()
        task = loop.create_task(_Answer(link, message.reply).run(handler, message.data), name=self._subject)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)


async def _busy(request: bytes) -> AsyncIterator[bytes]:
    for _ in (request,):
        raise SourceLost("too many calls at once")
    yield b""


class _Answer:
    """One answer under way."""

    def __init__(self, link: Link, reply: str) -> None:
        self._link = link
        self._reply = reply
        self._number = 0
        self._confirmed = 0
        self._heard = asyncio.get_running_loop().time()

    async def run(self, handler: Handler, request: bytes) -> None:
        try:
            control = await self._link.open_inbox(limit=1024)
        except SourceLost:
            return
        try:
            with suppress(SourceLost):  # the asker or the connection is gone: nobody is left to tell
                await self._answer(handler, request, control)
        finally:
            await control.close()

    async def _answer(self, handler: Handler, request: bytes, control: OpenInbox) -> None:
        try:
            async with aclosing(_with_pauses(handler(request))) as items:
                async for item in items:
                    await self._send_item(item, control)
        except _Cancelled:
            return
        except SourceLost as lost:
            await self._refuse(_Refusal("SourceLost", str(lost)), control)
        except UserError as refused:
            await self._refuse(_Refusal.of(refused), control)
        except Exception as crash:
            # A handler that fails must not take the process down, and its asker must not wait in vain.
            log.exception("a call failed", subject=self._reply, reason=str(crash))
            await self._refuse(_Refusal("SourceLost", f"{type(crash).__name__}: {crash}"), control)
        else:
            await self._send(_END, b"", control)

    async def _refuse(self, refusal: _Refusal, control: OpenInbox) -> None:
        await self._send(_ERROR, msgspec.json.encode(refusal), control)

    async def _send_item(self, item: bytes | None, control: OpenInbox) -> None:
        if item is None:
            self._take_confirmations(control.inbox)
            if asyncio.get_running_loop().time() - self._heard > _ASKER_SILENCE:
                raise _Cancelled
            await self._link.publish(self._reply, _HEAD.pack(_ALIVE, 0), reply=control.subject)
            return
        view = memoryview(item)
        begin = 0
        while len(item) - begin > _PART_BYTES:
            await self._send(_PART, view[begin : begin + _PART_BYTES], control)
            begin += _PART_BYTES
        await self._send(_ITEM, view[begin:], control)

    async def _send(self, kind: int, content: bytes | memoryview, control: OpenInbox) -> None:
        while self._number - self._confirmed >= _AHEAD:
            self._confirm(await control.inbox.get(_ASKER_SILENCE, "the asker fell silent"))
        self._take_confirmations(control.inbox)
        head = _HEAD.pack(kind, self._number)
        self._number += 1
        await self._link.publish(self._reply, head + bytes(content), reply=control.subject)

    def _take_confirmations(self, inbox: Inbox[Msg]) -> None:
        for message in inbox.take():
            self._confirm(message)

    def _confirm(self, message: Msg) -> None:
        # 503: the asker's inbox is gone, it cannot have told us. Nor does it ask who says what is no number.
        if message.data == _CANCEL or status_of(message) == "503":
            raise _Cancelled
        if not message.data.isdigit() or len(message.data) > _NUMBER_DIGITS:
            raise _Cancelled
        self._confirmed = max(self._confirmed, int(message.data))
        self._heard = asyncio.get_running_loop().time()


class _Cancelled(Exception):
    """The asker does not want the rest."""


async def _with_pauses(items: AsyncIterator[bytes]) -> AsyncGenerator[bytes | None, None]:
    """Yield the items, and None whenever none has come for a while."""
    iterator = aiter(items)
    following: asyncio.Task[bytes] | None = None
    loop = asyncio.get_running_loop()
    try:
        while True:
            following = following or loop.create_task(_next(iterator), name="bus.calls.next")
            done, _ = await asyncio.wait({following}, timeout=_ALIVE_INTERVAL)
            if not done:
                yield None
                continue
            task, following = following, None
            try:
                item = task.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        if following is not None:
            following.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await following
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


async def _next(iterator: AsyncIterator[bytes]) -> bytes:
    return await anext(iterator)
