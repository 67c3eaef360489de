# SPDX-License-Identifier: Apache-2.0
"""Carries feeds over WebSockets and connects again when the server went away. `async_live` does so for asyncio.

The queue of unread messages is short. A reader that is slow makes the server's queue fill up, which drops what is old
and sends the whole state anew: a Snapshot, as after a new connection.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from ssl import SSLContext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from netsonde.client.errors import NoServer, Unavailable, error_of
from netsonde.client.feeds import Feed
from netsonde.client.http import START_HINT
from netsonde.client.server import Server, tls
from netsonde.errors import UserError

if TYPE_CHECKING:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import ClientConnection

E = TypeVar("E")
T = TypeVar("T")

_LARGEST = 1 << 30
"""Bytes of one message: a snapshot of a very large graph is one message."""
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 8.0
"""Seconds before connecting again; doubled each time."""
_FAREWELL = 1.0
"""Seconds that a server gets to say good-bye: who interrupts us wants to go."""


class Live(Generic[E]):
    """What both kinds share."""

    def __init__(
        self,
        server: Server,
        feed: Feed[E],
        *,
        headers: Mapping[str, str] | None = None,
        context: SSLContext | None = None,
        timeout: float = 60.0,
        reconnect: bool = True,
    ) -> None:
        self._feed = feed
        self._server = server
        self._reconnect = reconnect
        self._delay = _FIRST_DELAY
        self._address = server.websocket(feed.path, feed.parameters())
        self._options: dict[str, Any] = {
            "additional_headers": dict(headers or {}),
            "ssl": tls(server, context),
            "max_size": _LARGEST,
            "open_timeout": timeout,
            "close_timeout": _FAREWELL,
            "compression": None,
            "proxy": None,
        }

    def is_well(self) -> None:
        """A message arrived: the next loss is a new one."""
        self._delay = _FIRST_DELAY

    def next_delay(self) -> float:
        delay, self._delay = self._delay, min(self._delay * 2, _LONGEST_DELAY)
        return delay

    def refused(self, refusal: "InvalidStatus") -> UserError:
        answer = refusal.response
        kind = answer.headers.get("content-type", "")
        return error_of(answer.status_code, kind, bytes(answer.body or b""), self._server.url)

    def away(self, failed: Exception) -> NoServer:
        reason = getattr(failed, "strerror", None) or str(failed) or type(failed).__name__
        return NoServer(f"no server answers at {self._server.url}: {reason}", hint=START_HINT)

    def ended(self) -> NoServer:
        return NoServer(f"the server at {self._server.url} ended the subscription")


def first(
    changes: "Subscription[E]", now: Callable[[], T | None], look: Callable[[E], T | None], timeout: float
) -> T | None:
    """Return what `now` gives once the changes are heard, else what `look` makes of one; None when time is up (s)."""
    with changes:
        timer = threading.Timer(timeout, changes.close)
        timer.start()
        try:
            found = now()
            return found if found is not None else next((one for one in map(look, changes) if one is not None), None)
        finally:
            timer.cancel()


class Subscription(Live[E]):
    """A feed to iterate over. It is connected when entered; leaving the block closes it."""

    _connection: "ClientConnection | None" = None

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._open = ExitStack()
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; a thread that waits for its next event sees the end."""
        self._closing.set()
        if self._connection is not None:
            self._connection.close()
            self._open.close()

    def __iter__(self) -> Iterator[E]:
        """Yield events for ever; raises NoServer at the end of a connection that is not to be made again."""
        while not self._closing.is_set():
            yield from self._events_of_connection()
            if self._closing.is_set():
                return
            if not self._reconnect:
                raise self.ended()
            self._connect_again()

    def _events_of_connection(self) -> Iterator[E]:
        from websockets.exceptions import ConnectionClosed

        assert self._connection is not None, "use it in a with block"
        with suppress(ConnectionClosed):
            while True:
                message = self._connection.recv()
                self.is_well()
                yield from self._feed.events(message)

    def _connect_again(self) -> None:
        while not self._closing.wait(self.next_delay()):
            with suppress(NoServer, Unavailable):
                self._connect()
                return

    def _connect(self) -> None:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect

        try:
            self._open.close()
            self._connection = self._open.enter_context(connect(self._address, **self._options))
            greeting = self._feed.greeting()
            if greeting is not None:
                self._connection.send(greeting)
        except InvalidStatus as refusal:
            raise self.refused(refusal) from refusal
        except (OSError, EOFError, InvalidHandshake, ConnectionClosed) as failed:
            raise self.away(failed) from failed
