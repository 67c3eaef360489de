# SPDX-License-Identifier: Apache-2.0
"""One client of /ws/publisher: what it says of nodes and edges is declared, as if it had come by REST.

Messages are taken one after the other: a client that is faster than the bus is slowed down by its own connection, and
what it sent before it left is declared all the same. What is refused is answered, with the UUID of the message.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from netsonde.api.elements import EdgeBody, NodeBody, change_edge, change_node, edge_of, insist, node_of, refuse
from netsonde.api.errors import problem_of
from netsonde.api.services import Services
from netsonde.api.websocket.envelope import Incoming, read, write
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.namespaces import check_namespace
from netsonde.api.websocket.outbox import Outbox
from netsonde.api.websocket.subscriber import Subscriber
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.graph.equality import same_json
from netsonde.model.elements import Edge, Element, Metadata, Node
from netsonde.observe import logger
from netsonde.query import Busy
from netsonde.schema import problems

log = logger("api.publisher")

_SET, _DELETE = 1, 2
_MOST_LEFT_BEHIND: Final = 1000
_TOLD: Final = 10
"""Refusals of one Sync that are told in words."""


class Ops(msgspec.Struct, frozen=True, rename="pascal"):
    """One operation of a partial update."""

    type: int
    key: str
    value: Any = None


class PartialBody(msgspec.Struct, frozen=True, rename="pascal"):
    """A difference between two revisions of an element."""

    id: str = msgspec.field(name="ID")
    ops: list[Ops]
    revision: int | None = None


class SyncBody(msgspec.Struct, frozen=True, rename="pascal"):
    """Everything that a client publishes."""

    nodes: list[NodeBody] | None = None
    edges: list[EdgeBody] | None = None


class Publishers:
    """How many connections publish under which origin: what is deleted when a client leaves may be another's too."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._open: Counter[str] = Counter()
        self._left_behind: dict[str, None] = {}
        """Origins whose elements could not be deleted; beyond the limit they wait for their own publisher."""

    @asynccontextmanager
    async def present(self, handshake: Handshake) -> AsyncIterator[None]:
        """Count a client while it is here; what it published goes when it leaves and before it is here anew.

        Only if it wants that, and nobody else publishes under its origin.
        """
        origin = origin_of(handshake)
        is_first = not self._open[origin]
        self._open[origin] += 1
        try:
            await self._withdraw_again()
            if handshake.deletes_on_disconnect and is_first:
                await self._withdraw(origin)
            yield
        finally:
            self._open[origin] -= 1
            if not self._open[origin]:
                del self._open[origin]
                if handshake.deletes_on_disconnect:
                    await self._withdraw(origin)

    async def _withdraw_again(self) -> None:
        for origin in [one for one in self._left_behind if not self._open[one]]:
            if not await self._withdraw(origin):
                # The bus is still away, for the others too.
                return

    async def _withdraw(self, origin: str) -> bool:
        """Delete what was published under an origin; tell whether that was possible."""
        try:
            await self._services.declared.withdraw(origin)
        except (SourceLost, UserError, TimeoutError) as failed:
            if len(self._left_behind) < _MOST_LEFT_BEHIND:
                self._left_behind[origin] = None
            log.warning(
                "what a publisher left behind stays until it or another publisher connects",
                origin=origin[:200],
                reason=str(failed) or "it took too long",
            )
            return False
        self._left_behind.pop(origin, None)
        return True


class Publisher:
    """Takes the messages of one client."""

    def __init__(self, services: Services, handshake: Handshake, outbox: Outbox) -> None:
        self._services = services
        self._handshake = handshake
        self._origin = origin_of(handshake)
        self._outbox = outbox

    async def receive(self, frame: str | bytes) -> None:
        """Do what a message says, or answer why not."""
        message = Incoming()
        try:
            message = read(frame)
            await self.perform(message)
        except (UserError, SourceLost, TimeoutError) as failed:
            self.refuse(message, failed)

    def refuse(self, message: Incoming, failed: Exception) -> None:
        """Tell the client that a message has no effect."""
        status = problem_of(failed, "/ws/publisher").status
        words = failed.explain() if isinstance(failed, UserError) else str(failed) or "it took too long"
        self._outbox.put(write("Graph", "Error", words, uuid=message.uuid, status=status))

    async def perform(self, message: Incoming) -> None:
        """Raises UserError, or SourceLost while the bus is away."""
        if message.namespace != "Graph":
            raise UserError(f"the namespace {message.namespace[:40]!r} is not taken here", hint="publish in Graph")
        if message.type == "SyncRequest":
            self._outbox.put(await self._graph(message))
            return
        if message.type == "Sync":
            await self._sync(_decoded(message, SyncBody))
            return
        noun, verb = message.type[:4], message.type[4:]
        if noun not in ("Node", "Edge") or verb not in _VERBS:
            raise UserError(
                f"{message.type[:40]!r} is not understood here",
                hint="publishers send Sync, and Node or Edge with Added, Updated, PartiallyUpdated, Deleted",
            )
        body = _decoded(
            message, PartialBody if verb == "PartiallyUpdated" else NodeBody if noun == "Node" else EdgeBody
        )
        if not body.id:
            raise UserError("ID is missing", hint="publishers choose the ids of their elements")
        await getattr(self, _VERBS[verb])(noun, body)

    async def _graph(self, message: Incoming) -> str:
        check_namespace(self._handshake, "Graph")
        try:
            graph = await self._services.graph_json()
        except Busy as busy:
            return write("Graph", "SyncReply", busy.explain(), uuid=message.uuid, status=400)
        return write("Graph", "SyncReply", graph, uuid=message.uuid, status=200)

    async def _sync(self, said: SyncBody) -> None:
        """Make what this client published equal to what it says now; the rest is done although some is refused."""
        nodes, edges = said.nodes or [], said.edges or []
        kept: set[tuple[type[Element], str]] = {(Node, one.id) for one in nodes} | {(Edge, one.id) for one in edges}
        published = self._services.declared.published(self._origin)
        gone: list[Element] = [one for one in published if (type(one), one.id) not in kept]
        refused: list[str] = []
        for body in (*nodes, *edges):
            noun = "Edge" if isinstance(body, EdgeBody) else "Node"
            try:
                if self._shown(noun, body.id) is None:
                    await self._add(noun, body)
                else:
                    await self._update(noun, msgspec.structs.replace(body, revision=None))
            except UserError as wrong:
                refused.append(f"{noun} {body.id[:80]}: {wrong.message}")
        # Edges first: a node takes its edges along.
        for one in sorted(gone, key=lambda element: isinstance(element, Node)):
            if self._shown("Edge" if isinstance(one, Edge) else "Node", one.id) is not None:
                await self._delete_element(one)
        if refused:
            raise UserError(f"{len(refused)} elements of a Sync are refused: " + "; ".join(refused[:_TOLD]))

    async def _add(self, noun: str, body: NodeBody) -> None:
        body = msgspec.structs.replace(body, origin=self._origin, revision=body.revision or 1, deleted_at=None)
        element: Element
        element = edge_of(body, self._services) if isinstance(body, EdgeBody) else node_of(body, self._services)
        shown = self._shown(noun, element.id)
        if shown is not None:
            if same_json(shown.metadata, element.metadata):
                return
            raise Conflict(f"{noun} ID conflict: {element.id[:100]} is there already", hint=f"send {noun}Updated")
        refuse(problems(element.metadata, "edge" if isinstance(element, Edge) else "node"))
        await self._services.declared.create(element)

    async def _update(self, noun: str, body: NodeBody) -> None:
        self._check_revision(noun, body.id, body.revision)
        await self._change(noun, body.id, body.metadata)

    async def _update_partially(self, noun: str, body: PartialBody) -> None:
        self._check_revision(noun, body.id, body.revision)
        shown = self._shown(noun, body.id)
        if shown is None:
            raise _absent(noun, body.id)
        await self._change(noun, body.id, after(shown.metadata, body.ops))

    async def _delete(self, noun: str, body: NodeBody) -> None:
        shown = self._shown(noun, body.id)
        if shown is None:
            raise _absent(noun, body.id)
        await self._delete_element(shown)

    async def _delete_element(self, element: Element) -> None:
        declared = self._services.declared
        is_edge = isinstance(element, Edge)
        if (declared.edge(element.id) if is_edge else declared.node(element.id)) is None:
            raise Conflict(
                f"{element.id} is shown by {element.origin or 'a probe'}, which would show it again",
                hint="publishers delete what they published",
            )
        await (declared.delete_edge(element.id) if is_edge else declared.delete_node(element.id))

    async def _change(self, noun: str, element_id: str, metadata: Metadata) -> None:
        change = change_edge if noun == "Edge" else change_node
        await insist(lambda: change(self._services, element_id, lambda _: metadata))

    def _check_revision(self, noun: str, element_id: str, revision: int | None) -> None:
        """Clients of the reference that know no revisions send none or 0, and mean now."""
        shown = self._shown(noun, element_id)
        if shown is not None and revision and revision <= shown.revision:
            raise Conflict(
                f"{noun} {element_id[:100]} is at revision {shown.revision} already, {revision} is not newer",
                hint="read it again, or send Revision 0",
            )

    def _shown(self, noun: str, element_id: str) -> Element | None:
        graph, declared = self._services.graph, self._services.declared
        if noun == "Edge":
            return graph.edge(element_id) or declared.edge(element_id)
        return graph.node(element_id)


class Both:
    """One client of /ws/pubsub: it asks as a subscriber does and publishes as a publisher does."""

    def __init__(self, subscriber: Subscriber, publisher: Publisher) -> None:
        self._subscriber = subscriber
        self._publisher = publisher

    async def receive(self, frame: str | bytes) -> None:
        try:
            is_request = read(frame).type == "SyncRequest"
        except UserError:
            is_request = True
        if is_request:
            self._subscriber.receive(frame)
        else:
            await self._publisher.receive(frame)


_VERBS: Final = {"Added": "_add", "Updated": "_update", "PartiallyUpdated": "_update_partially", "Deleted": "_delete"}


def origin_of(handshake: Handshake) -> str:
    """Return the origin of what a client publishes."""
    return f"{handshake.client_type}.{handshake.host_id}"


def after(metadata: Metadata, ops: Sequence[Ops]) -> Metadata:
    """Return metadata after operations on dotted keys; what is not there is not deleted."""
    changed: Metadata = dict(metadata)
    for op in ops:
        if op.type not in (_SET, _DELETE):
            raise UserError(f"an operation of Type {op.type} is not known", hint="1 sets a key, 2 deletes it")
        *above, last = op.key.split(".")
        place = changed
        for name in above:
            below = place.get(name)
            place[name] = place = dict(below) if isinstance(below, dict) else {}
        if op.type == _SET:
            place[last] = op.value
        else:
            place.pop(last, None)
    return changed


def _decoded(message: Incoming, into: Any) -> Any:
    try:
        return msgspec.json.decode(message.obj, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as bad:
        raise UserError(f"Obj: {bad}", hint="GET /api/openapi.json describes nodes and edges") from bad


def _absent(noun: str, element_id: str) -> NotFound:
    return NotFound(f"{noun} '{element_id[:100]}' not found", hint=f"send {noun}Added first")
