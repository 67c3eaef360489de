# SPDX-License-Identifier: Apache-2.0
"""Publishes a graph to a server and keeps it equal there, over lost connections: after each connect the whole of it.

What the server refuses is what one iterates over; it keeps nothing else back.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import Any

import msgspec

from netsonde.client.async_live import AsyncSubscription
from netsonde.client.feeds import read_envelope
from netsonde.client.server import Server
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import ChangeKind

_MOST_PENDING = 10_000
"""Changes that wait to be sent; beyond them the whole is sent instead."""
_VERBS: Mapping[ChangeKind, str] = {"added": "Added", "updated": "Updated", "deleted": "Deleted"}

State = Callable[[], tuple[Sequence[Node], Sequence[Edge]]]


class PublisherFeed:
    """/ws/publisher for one origin, `<client type>.<name>`; what it published goes when it leaves."""

    path = "/ws/publisher"

    def __init__(self, client_type: str, name: str, state: State) -> None:
        """`state` gives everything that is to be there."""
        self._client_type = client_type
        self._name = name
        self._state = state
        self.begin: Callable[[], None] = lambda: None
        """Called when the whole is said: changes before it are in it."""

    def parameters(self) -> Mapping[str, str]:
        return {
            "x-client-type": self._client_type,
            "x-host-id": self._name,
            "x-persistence-policy": "DeleteOnDisconnect",
        }

    def greeting(self) -> str:
        self.begin()
        nodes, edges = self._state()
        return _message("Sync", {"Nodes": nodes, "Edges": edges})

    def events(self, message: str | bytes) -> Iterator[str]:
        """Yield the words of a refusal."""
        envelope = read_envelope(message)
        if envelope.type == "Error":
            yield msgspec.json.decode(envelope.obj, type=str)


class Publishing(AsyncSubscription[str]):
    """A graph that is published while the block lasts; run `send_changes` beside the iteration."""

    def __init__(
        self, server: Server, feed: PublisherFeed, *, headers: Mapping[str, str], context: SSLContext | None = None
    ) -> None:
        super().__init__(server, feed, headers=headers, context=context)
        self._publisher = feed
        feed.begin = self._begin
        self._pending: deque[str] = deque()
        self._is_whole = False
        """The whole is sent next, since there were too many changes."""
        self._news = asyncio.Event()
        self._greeted = asyncio.Event()

    def publish(self, changes: Iterable[tuple[ChangeKind, Element]]) -> None:
        """Send changes of the graph, in order, when that is possible."""
        for kind, element in changes:
            noun = "Edge" if isinstance(element, Edge) else "Node"
            # Revision 0 means now: the server counts its own.
            said = msgspec.structs.replace(element, revision=0)
            self._pending.append(_message(noun + _VERBS[kind], said))
        if len(self._pending) > _MOST_PENDING:
            self._pending.clear()
            self._is_whole = True
        self._news.set()

    async def send_changes(self) -> None:
        """Send what is published, until cancelled."""
        from websockets.exceptions import ConnectionClosed

        while True:
            await self._news.wait()
            await self._greeted.wait()
            assert self._connection is not None
            if self._is_whole:
                message = self._publisher.greeting()
            elif self._pending:
                message = self._pending.popleft()
            else:
                self._news.clear()
                continue
            # A message that is lost with its connection is part of the whole that the next one begins with.
            with suppress(ConnectionClosed):
                await self._connection.send(message)

    async def _connect(self) -> None:
        self._greeted.clear()
        await super()._connect()
        self._greeted.set()

    def _begin(self) -> None:
        self._is_whole = False
        self._pending.clear()


def _message(kind: str, obj: Any) -> str:
    return msgspec.json.encode({"Namespace": "Graph", "Type": kind, "Obj": obj}).decode()
