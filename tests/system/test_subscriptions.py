# SPDX-License-Identifier: Apache-2.0
"""A subscriber with a filter, cut off in the middle of churn: it goes on, and has what the server has."""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
import websockets

from system.links import Links, ip
from system.stack import Stack

pytestmark = pytest.mark.system


class Mirror:
    """What a client has after all that it was sent, and how it may go on."""

    def __init__(self, stack: Stack, text: str) -> None:
        self._stack = stack
        self._filter = text
        self.has: dict[str, Any] = {}
        self.seq = 0
        self.session = ""
        self.states = 0
        """How often it got everything."""
        self.resumed = 0

    def connect(self) -> websockets.connect:
        wish = f"resume={self.session}:{self.seq}" if self.session else "x-sequence=1"
        address = f"ws://127.0.0.1:{self._stack.port}/ws/subscriber?x-client-type=test&{wish}"
        return websockets.connect(f"{address}&x-gremlin-filter={quote(self._filter)}", max_size=None)

    async def follow(self, socket: websockets.ClientConnection, news: asyncio.Event) -> None:
        if not self.session:
            await socket.send(json.dumps({"Namespace": "Graph", "Type": "SyncRequest", "Obj": {}}))
        async for text in socket:
            self._apply(json.loads(text))
            news.set()

    def _apply(self, message: dict[str, Any]) -> None:
        kind, body = message["Type"], message["Obj"]
        if kind == "Resume":
            self.resumed += 1
            return
        assert message["Seq"] == self.seq + 1 or (kind == "SyncReply" and self.session and message["Seq"] == 1)
        self.seq = message["Seq"]
        if kind == "SyncReply":
            self.states += 1
            self.session = message["Session"]
            self.has = {one["ID"]: one for one in (*body["Nodes"], *body["Edges"])}
        elif not self.session:
            """What happened before the state that was asked for is in it."""
        elif re.fullmatch("(Node|Edge)(Added|Updated)", kind):
            assert (body["ID"] in self.has) is kind.endswith("Updated")
            self.has[body["ID"]] = body
        elif re.fullmatch("(Node|Edge)Deleted", kind):
            del self.has[body["ID"]]


async def followed(mirror: Mirror, until: Any) -> None:
    """Follow on one connection until something is so, then cut it off without a word."""
    news = asyncio.Event()
    async with mirror.connect() as socket, asyncio.TaskGroup() as group:
        following = group.create_task(mirror.follow(socket, news))
        async with asyncio.timeout(20):
            # What it has already may be all there is: how it goes on is told first.
            await news.wait()
            while not await until():
                news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), 0.2)
        following.cancel()
        socket.transport.abort()


def test_a_subscriber_that_was_cut_off_goes_on_and_has_what_the_server_has(stack: Stack, links: Links) -> None:
    text = f"G.V().Has('Name', Regex('{links.prefix}.*')).SubGraph()"
    mirror = Mirror(stack, text)
    links.veth("a")
    asyncio.run(_churn(stack, links, mirror, text))
    assert (mirror.states, mirror.resumed) == (1, 2)
    stack.kill("analyzer")
    stack.wait(lambda: stack.status_code("/readyz") == 200, 30, "ready again")
    asyncio.run(_reach(stack, mirror, text))
    assert (mirror.states, mirror.resumed) == (2, 2)


async def _churn(stack: Stack, links: Links, mirror: Mirror, text: str) -> None:
    await followed(mirror, lambda: _has(mirror, f"{links.prefix}a"))
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(_change, links))
        await followed(mirror, lambda: _has(mirror, f"{links.prefix}3"))
    await _reach(stack, mirror, text)


def _change(links: Links) -> None:
    for number in range(6):
        left, right = links.veth(str(number))
        ip("link", "set", right, "mtu", str(1400 + number))
        ip("link", *[("del", left), ("set", left, "down")][number % 2])


async def _has(mirror: Mirror, name: str) -> bool:
    return any(one["Metadata"].get("Name") == name for one in mirror.has.values())


async def _reach(stack: Stack, mirror: Mirror, text: str) -> None:
    """Follow until the mirror equals what the server gives."""

    async def equal() -> bool:
        (graph,) = await asyncio.to_thread(stack.query, text)
        wanted = {one["ID"]: one for one in (*(graph["Nodes"] or ()), *(graph["Edges"] or ()))}
        return bool(mirror.session) and mirror.has == wanted

    await followed(mirror, equal)
