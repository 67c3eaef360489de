# SPDX-License-Identifier: Apache-2.0
"""The WebSocket endpoints: handshake, then one task that reads, one that writes, one that works."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from litestar.handlers import ASGIRouteHandler

from netsonde.access.rights import PUBLIC, WS_FLOW, WS_PUBLISHER, WS_PUBSUB, WS_SUBSCRIBER, Right
from netsonde.aio import spawn
from netsonde.api.asgi import Receive, Scope, Send, mount, refuse
from netsonde.api.authorize import Gated, Stay, principal_of
from netsonde.api.connections import Connection, Connections
from netsonde.api.errors import as_text, problem_of
from netsonde.api.services import Services
from netsonde.api.websocket.flow_stream import FlowClient, FlowHub
from netsonde.api.websocket.handshake import Handshake, Protocol, read_handshake
from netsonde.api.websocket.hub import Hub
from netsonde.api.websocket.namespaces import within_rights
from netsonde.api.websocket.outbox import Outbox
from netsonde.api.websocket.protobuf import from_protobuf, to_protobuf
from netsonde.api.websocket.publisher import Both, Publisher, Publishers, origin_of
from netsonde.api.websocket.returning import Hangup, Returning, Seat
from netsonde.errors import UserError, WireError

Missed = Callable[[int], None]
"""Told how many messages a client was too slow for."""
Serve = Callable[[Handshake, "Socket", Missed], Awaitable[None]]


_GONE = (Hangup, OSError)
"""Servers raise a kind of OSError when they send to a client that is gone (ASGI 2.4)."""


_LOOK_EVERY = 5.0
"""Seconds between two looks whether the user of a connection may go on with it."""
_POLICY_VIOLATION = 1008


class Socket:
    """An open WebSocket."""

    def __init__(self, receive: Receive, send: Send, protocol: Protocol, stay: Stay) -> None:
        self._receive = receive
        self._send = send
        self._protocol = protocol
        self._stay = stay

    async def send(self, message: str) -> None:
        if self._protocol == "protobuf":
            await self._send({"type": "websocket.send", "bytes": to_protobuf(message)})
        else:
            await self._send({"type": "websocket.send", "text": message})

    async def receive(self) -> str | bytes:
        """Return the next frame as JSON; raises Hangup."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise Hangup
        if message.get("text") is not None:
            text: str = message["text"]
            return text
        frame: bytes = message.get("bytes", b"")
        if self._protocol == "protobuf":
            # What is no message stays as it is: whoever reads it answers that it is not understood.
            with suppress(WireError):
                return from_protobuf(frame)
        return frame

    async def expelled(self) -> None:
        """Wait until the user is logged out or has lost a right; close the connection then, and raise Hangup."""
        while await self._stay.may_go_on():  # noqa: ASYNC110  files, Keystone and clocks tell nobody
            await asyncio.sleep(_LOOK_EVERY)
        await self._send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "log in again"})
        raise Hangup


class Endpoint:
    """Accepts or refuses connections, and lists them."""

    def __init__(self, services: Services, connections: Connections, path: str, right: Right, serve: Serve) -> None:
        self._services = services
        self._connections = connections
        self._path = path
        self._right = right
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await refuse(
                scope, send, 426, f"{self._path} speaks WebSocket only\nhint: connect to ws://HOST{self._path}\n"
            )
            return
        try:
            handshake = within_rights(read_handshake(scope), self._services.gate, principal_of(scope))
            self._check_filter(handshake.gremlin_filter)
        except UserError as wrong:
            problem = problem_of(wrong, self._path)
            await receive()
            await refuse(scope, send, problem.status, as_text(problem))
            return
        await receive()
        headers = [(b"x-host-id", self._services.host.encode()), (b"x-service-type", b"analyzer")]
        await send({"type": "websocket.accept", "headers": headers})
        with self._connections.registered(handshake.host_id, self._describe(scope, handshake)) as name:
            missed = partial(self._connections.count_dropped, name)
            stay = Stay.of(self._services.gate, scope, self._right)
            await self._serve(handshake, Socket(receive, send, handshake.protocol, stay), missed)

    def _check_filter(self, text: str) -> None:
        if text and self._services.queries.check(text).kind != "graph":
            raise UserError(f"Gremlin query '{text}' did not return a graph", hint="end the filter with .SubGraph()")

    def _describe(self, scope: Scope, handshake: Handshake) -> Connection:
        address, port = scope.get("client") or ("", 0)
        now = datetime.fromtimestamp(self._services.now_ms() / 1000, UTC).isoformat()
        return Connection(handshake.client_type, handshake.protocol, address, port, now, endpoint=self._path)


def websocket_routes(services: Services, connections: Connections) -> list[ASGIRouteHandler]:
    """Return the handlers of all endpoints."""
    returning, flow_hub = Returning(services, Hub(services), connections.resumption), FlowHub(services)
    publishers = Publishers(services)
    limit = services.settings.subscriber_queue

    async def attend(seat: Seat, socket: Socket, missed: Missed, reader: Coroutine[Any, Any, None]) -> None:
        subscriber, client = seat.subscriber, seat.subscriber.client
        try:
            await _together(
                reader=reader,
                work=subscriber.work(),
                writer=_write(socket, client.outbox, subscriber.state, missed, number=client.number, first=seat.first),
                elsewhere=seat.taken_over(),
                expelled=socket.expelled(),
            )
        finally:
            returning.leave(seat)

    async def subscriber(handshake: Handshake, socket: Socket, missed: Missed) -> None:
        seat = await returning.enter(handshake)
        await attend(seat, socket, missed, _read(socket, seat.subscriber.receive))

    async def flow_stream(handshake: Handshake, socket: Socket, missed: Missed) -> None:
        client = FlowClient(handshake, limit)
        flow_hub.join(client)
        try:
            await _together(
                reader=_read(socket, _ignore),
                writer=_write(socket, client.outbox, _no_state, missed),
                expelled=socket.expelled(),
            )
        finally:
            flow_hub.leave(client)

    async def publisher(handshake: Handshake, socket: Socket, missed: Missed) -> None:
        outbox = Outbox(limit)
        taking = Publisher(services, handshake, outbox).receive
        async with publishers.present(handshake):
            await _together(
                reader=_take(socket, taking), writer=_answer(socket, outbox, missed), expelled=socket.expelled()
            )

    async def publish_and_subscribe(handshake: Handshake, socket: Socket, missed: Missed) -> None:
        async with publishers.present(handshake):
            seat = await returning.enter(handshake)
            client = seat.subscriber.client
            client.unheard = origin_of(handshake)
            both = Both(seat.subscriber, Publisher(services, handshake, client.outbox))
            await attend(seat, socket, missed, _take(socket, both.receive))

    def route(path: str, serve: Serve, *, right: Right) -> ASGIRouteHandler:
        endpoint = Endpoint(services, connections, path, right, serve)
        return mount(path, Gated(endpoint, services.gate, right), right=right)

    return [
        route("/ws/subscriber", subscriber, right=WS_SUBSCRIBER),
        route("/ws/subscriber/flow", flow_stream, right=WS_FLOW),
        route("/ws/publisher", publisher, right=WS_PUBLISHER),
        route("/ws/pubsub", publish_and_subscribe, right=WS_PUBSUB),
        mount("/ws/{rest:path}", _nothing, right=PUBLIC),
    ]


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse in words what is served by no endpoint, as those between servers of the reference."""
    known = "/ws/subscriber, /ws/subscriber/flow, /ws/publisher and /ws/pubsub"
    await refuse(scope, send, 404, f"nothing is at {scope['path'][:100]}\nhint: this server has {known}\n")


async def _together(**works: Coroutine[Any, Any, None]) -> None:
    """Run all until one learns that the client is gone."""
    with suppress(*_GONE):
        try:
            async with asyncio.TaskGroup() as group:
                for name, work in works.items():
                    spawn(group, work, f"websocket {name}")
        except ExceptionGroup as failed:
            # The first failure ends the connection; the others follow from it.
            raise failed.exceptions[0] from failed


async def _read(socket: Socket, receive: Callable[[str | bytes], None]) -> None:
    while True:
        receive(await socket.receive())


async def _take(socket: Socket, receive: Callable[[str | bytes], Awaitable[None]]) -> None:
    """Read no further before a message is done: a client that sends too fast waits."""
    while True:
        await receive(await socket.receive())


async def _write(
    socket: Socket,
    outbox: Outbox,
    state: Callable[[], Awaitable[Sequence[str]]],
    missed: Missed,
    *,
    number: Callable[[str], str] = str,
    first: Sequence[str] = (),
) -> None:
    """Send `first`, then what is put; after an overflow the whole state, taken after it so that nothing falls between.

    `number` is called in the order of sending, before anything is sent that may not arrive.
    """
    for part in first:
        await socket.send(part)
    while True:
        message = await outbox.take()
        if message is not None:
            await socket.send(number(message))
            continue
        missed(outbox.dropped)
        for part in [number(part) for part in await state()]:
            await socket.send(part)


async def _answer(socket: Socket, outbox: Outbox, missed: Missed) -> None:
    """Send answers while somebody hears them; who left without waiting for them is still to be read to the end."""
    with suppress(*_GONE):
        await _write(socket, outbox, _no_state, missed)


async def _no_state() -> Sequence[str]:
    """Flow reports repeat themselves."""
    return ()


def _ignore(_: str | bytes) -> None:
    """Exporters have nothing to say."""
