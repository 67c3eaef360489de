# SPDX-License-Identifier: Apache-2.0
"""One client of /ws/subscriber: what it asks (SyncRequest), and what its filter lets it see."""

import asyncio
import re
from collections import deque

import msgspec

from netsonde.api.services import GraphView, Services
from netsonde.api.websocket.delta import full_message, partial_message
from netsonde.api.websocket.envelope import Incoming, read, write
from netsonde.api.websocket.hub import Client
from netsonde.errors import SourceLost, UserError
from netsonde.model.elements import Edge, Element, Node
from netsonde.query import Busy

_PACE = 0.05
"""Seconds between two evaluations of a filter, at least."""
_SPARE = 4
"""How many times as long as an evaluation took the loop is left to everybody else."""
_MOST_REQUESTS = 100
_BUSY = 1.0
"""Seconds after which a state is asked for again that could not be had because of others."""


class SyncRequest(msgspec.Struct, frozen=True):
    """`filter` absent = the subscription as it is, "" = without a filter from now on; `time` in Unix ms."""

    time: int | None = msgspec.field(name="Time", default=None)
    filter: str | None = msgspec.field(name="GremlinFilter", default=None)


class Subscriber:
    """Answers one client. `messages` is fed by the reader; `work` runs beside it, one thing at a time."""

    def __init__(self, services: Services, client: Client) -> None:
        self._services = services
        self._client = client
        self._requests: deque[Incoming] = deque()
        self._seen: dict[str, Element] = {}
        """What the client has of a filtered graph, nodes before edges."""

    def receive(self, frame: str | bytes) -> None:
        """Take a frame from the client; what is not understood is answered, not dropped."""
        try:
            message = read(frame)
            if (message.namespace, message.type) != ("Graph", "SyncRequest"):
                raise UserError(
                    f"{message.namespace[:40]}/{message.type[:40]} is not understood here",
                    hint="a subscriber sends Graph/SyncRequest",
                )
            if len(self._requests) >= _MOST_REQUESTS:
                raise UserError(f"{_MOST_REQUESTS} requests are waiting already", hint="wait for their answers")
        except UserError as wrong:
            self._client.outbox.put(write("Graph", "Error", str(wrong), status=400))
            return
        self._requests.append(message)
        self._client.changed.set()

    async def work(self) -> None:
        """Answer requests and follow the filter until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._client.changed.wait()
            self._client.changed.clear()
            while self._requests:
                await self._answer(self._requests.popleft())
            if self._client.gremlin_filter:
                began = loop.time()
                await self._follow_filter()
                await asyncio.sleep(max(_PACE, (loop.time() - began) * _SPARE))

    async def state(self) -> list[str]:
        """Return the messages that put a client right which missed some."""
        captures = [write("Capture", "Updated", view) for view in self._services.captures.views()]
        return [await self._patient_reply(), *(captures if self._client.handshake.wants("Capture") else [])]

    async def _answer(self, message: Incoming) -> None:
        try:
            asked = msgspec.json.decode(message.obj, type=SyncRequest | None) or SyncRequest()
            reply = await self._sync(asked, message.uuid)
        except msgspec.DecodeError as bad:
            reply = write("Graph", "SyncReply", f"Obj: {bad}", uuid=message.uuid, status=400)
        except (UserError, SourceLost, TimeoutError) as failed:
            text = failed.explain() if isinstance(failed, UserError) else str(failed) or "the query took too long"
            reply = write("Graph", "SyncReply", text, uuid=message.uuid, status=400)
        self._client.outbox.put(reply)

    async def _sync(self, asked: SyncRequest, uuid: str) -> str:
        client = self._client
        wanted = client.gremlin_filter if asked.filter is None else asked.filter.strip()
        if asked.time is not None:
            graph = await self._evaluate(at(wanted, asked.time))
            if asked.filter is not None:
                client.gremlin_filter, self._seen = wanted, {}
            return _reply(_elements(graph), uuid)
        if wanted:
            seen = _elements(await self._evaluate(wanted))
            client.gremlin_filter, self._seen = wanted, seen
            # Changes during the evaluation went by unnoticed when there was no filter before.
            client.changed.set()
        else:
            client.gremlin_filter, self._seen = "", {}
        return await self._sync_reply(uuid)

    async def _patient_reply(self) -> str:
        while True:
            try:
                return await self._sync_reply()
            except Busy:
                await asyncio.sleep(_BUSY)

    async def _sync_reply(self, uuid: str = "") -> str:
        if self._client.gremlin_filter:
            return _reply(self._seen, uuid)
        return write("Graph", "SyncReply", await self._services.graph_json(), uuid=uuid, status=200)

    async def _evaluate(self, text: str) -> GraphView:
        result = await self._services.queries.run(text)
        if result.graph is None:
            raise UserError(f"Gremlin query '{text}' did not return a graph", hint="end it with .SubGraph()")
        return result.graph

    async def _follow_filter(self) -> None:
        """Send the difference between what the client has and what the filter gives now."""
        wanted = self._client.gremlin_filter
        try:
            now = _elements(await self._evaluate(wanted))
        except (UserError, SourceLost, TimeoutError):
            # It was valid when it was set, so this passes; the client keeps what it has until the next change.
            return
        before, self._seen = self._seen, now
        for element in reversed([one for key, one in before.items() if key not in now]):
            self._client.outbox.put(full_message("deleted", element))
        for key, element in now.items():
            previous = before.get(key)
            if previous is None:
                self._client.outbox.put(full_message("added", element))
            elif previous is not element and previous != element:
                self._put_update(element, previous)

    def _put_update(self, element: Element, previous: Element) -> None:
        if self._client.handshake.policy == "partial":
            self._client.outbox.put(partial_message("updated", element, previous))
        else:
            self._client.outbox.put(full_message("updated", element))


def at(text: str, time_ms: int) -> str:
    """Return a filter as of a time; "" = the whole graph."""
    if not text:
        return f"G.At({time_ms})"
    if re.match(r"\s*[Gg]\s*\.\s*(At|Context)\b", text):
        raise UserError("the filter has a time of its own", hint="leave Time out, or take At(…) out of the filter")
    return re.sub(r"^\s*[Gg]\b", f"G.At({time_ms})", text, count=1)


def _elements(graph: GraphView) -> dict[str, Element]:
    """Return all elements, nodes first; nodes and edges may share an id."""
    found: dict[str, Element] = {f"n{node.id}": node for node in graph.nodes()}
    found.update((f"e{edge.id}", edge) for edge in graph.edges())
    return found


def _reply(elements: dict[str, Element], uuid: str) -> str:
    ordered = sorted(elements.values(), key=lambda element: element.created_at)
    graph = {
        "Nodes": [one for one in ordered if isinstance(one, Node)],
        "Edges": [one for one in ordered if isinstance(one, Edge)],
    }
    return write("Graph", "SyncReply", graph, uuid=uuid, status=200)
