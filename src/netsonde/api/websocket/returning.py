# SPDX-License-Identifier: Apache-2.0
"""Subscribers that were cut off and come back: they go on where they were, or get the whole state and are told so.

Only clients that asked for sequence numbers are kept, for a while, some of them, and each with a bounded number of
messages. Nothing is worked out for a filter that has to be asked anew until its client is back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from netsonde.api.connections import Resumption
from netsonde.api.services import Services
from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.hub import Client, Hub
from netsonde.api.websocket.outbox import MOST_CHARACTERS
from netsonde.api.websocket.subscriber import Subscriber

_MOST_WAITING = 32
_MOST_CHARACTERS_AWAY = 4 * 1024 * 1024
"""Put for one client that is away."""
_LET_GO = 5.0
"""Seconds that a connection has to end when its client is already on another one."""


class Hangup(Exception):
    """The client went away, with or without a closing frame: both are normal."""


@dataclass(slots=True, eq=False)
class Seat:
    """A client on a connection."""

    subscriber: Subscriber
    first: Sequence[str] = ()
    """What is sent before anything else."""
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    async def taken_over(self) -> None:
        """Wait until the client is on another connection; raises Hangup."""
        await self._wanted.wait()
        raise Hangup

    async def give_up(self) -> None:
        """End the connection. Raises TimeoutError when it does not."""
        self._wanted.set()
        async with asyncio.timeout(_LET_GO):
            await self._left.wait()

    def left(self) -> None:
        self._left.set()


class Returning:
    """Gives each connection its client: a new one, or one that was cut off."""

    def __init__(self, services: Services, hub: Hub, counts: Resumption, *, most: int = _MOST_WAITING) -> None:
        self._services = services
        self._hub = hub
        self._counts = counts
        self._most = most
        self._seated: dict[str, Seat] = {}
        self._waiting: dict[str, tuple[Subscriber, asyncio.TimerHandle]] = {}

    async def enter(self, handshake: Handshake) -> Seat:
        """Return the seat of a client; `leave` must follow."""
        seat = await self._returned(handshake)
        if seat is None:
            subscriber = Subscriber(
                self._services, Client(handshake, self._services.settings.subscriber_queue), self._hub
            )
            self._hub.join(subscriber.client)
            seat = Seat(subscriber)
            if handshake.resume is not None:
                self._counts.refused += 1
                subscriber.refuse_resume()
        session = seat.subscriber.client.session
        if session is not None:
            self._seated[session.id] = seat
        return seat

    def leave(self, seat: Seat) -> None:
        """Keep the client for a while, if it may come back."""
        client = seat.subscriber.client
        seconds = self._services.settings.subscriber_resume
        if client.session is None or seconds <= 0:
            self._hub.leave(client)
        else:
            id = client.session.id
            self._seated.pop(id, None)
            while len(self._waiting) >= self._most:
                self._expire(next(iter(self._waiting)))
            client.outbox.most_characters = _MOST_CHARACTERS_AWAY
            timer = asyncio.get_running_loop().call_later(seconds, self._expire, id)
            self._waiting[id] = seat.subscriber, timer
            self._count()
        seat.left()

    async def _returned(self, handshake: Handshake) -> Seat | None:
        if handshake.resume is None:
            return None
        id, seq = handshake.resume
        seated = self._seated.get(id)
        if seated is not None:
            # A broken connection may be noticed by the client long before the server.
            try:
                await seated.give_up()
            except TimeoutError:
                return None
        subscriber = self._take(id)
        if subscriber is None:
            return None
        client = subscriber.client
        missed = None if client.session is None or client.outbox.overflowed else client.session.after(seq)
        if missed is None or not _same(client.handshake, handshake):
            self._hub.leave(client)
            return None
        self._counts.resumed += 1
        resumed = write("Graph", "Resume", {"Missed": len(missed)}, status=200, session=id, resumed=True)
        return Seat(subscriber, [resumed, *missed])

    def _take(self, id: str) -> Subscriber | None:
        subscriber, timer = self._waiting.pop(id, (None, None))
        self._count()
        if subscriber is None or timer is None:
            return None
        timer.cancel()
        subscriber.client.outbox.most_characters = MOST_CHARACTERS
        return subscriber

    def _expire(self, id: str) -> None:
        subscriber = self._take(id)
        if subscriber is not None:
            self._counts.expired += 1
            self._hub.leave(subscriber.client)

    def _count(self) -> None:
        self._counts.waiting = len(self._waiting)


def _same(before: Handshake, now: Handshake) -> bool:
    """Tell whether a client is who it was, and wants what it wanted before."""
    return (before.namespaces, before.gremlin_filter, before.policy, before.user, before.allowed) == (
        now.namespaces,
        now.gremlin_filter,
        now.policy,
        now.user,
        now.allowed,
    )
