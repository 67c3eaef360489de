# SPDX-License-Identifier: Apache-2.0
"""One client of /ws/subscriber: what it asks (SyncRequest), and what its filter lets it see."""

import asyncio
import re
from collections import deque
from collections.abc import Iterable

import msgspec

from netsonde.api.services import GraphView, Services
from netsonde.api.websocket.delta import Messages
from netsonde.api.websocket.envelope import Incoming, read, write
from netsonde.api.websocket.filtered import Asked, Followed
from netsonde.api.websocket.hub import INJECTION, Client, Hub
from netsonde.api.websocket.namespaces import check_namespace
from netsonde.errors import SourceLost, UserError
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.workflows import told_to_all
from netsonde.query import Busy, Delta

_PACE = 0.05
"""Seconds between two answers of a filter that has to be asked anew, at least."""
_SPARE = 4
"""How many times as long as asking took is left to everybody else."""
_LONGEST = 5.0
"""Seconds that asking may take."""
_AFTER_FAILURE = 1.0
"""Seconds after a failure until asking again, at least."""
_MOST_REQUESTS = 100
_BUSY = 1.0
"""Seconds after which a state is asked for again that could not be had because of others."""
_TOLD_JOBS = 100
"""The newest jobs, of which a client is told that missed some."""
_UNASKED = Incoming("Graph", "SyncRequest")


class SyncRequest(msgspec.Struct, frozen=True):
    """`filter` absent = the subscription as it is, "" = without a filter from now on; `time` in Unix ms."""

    time: int | None = msgspec.field(name="Time", default=None)
    filter: str | None = msgspec.field(name="GremlinFilter", default=None)


class Subscriber:
    """Answers one client. `receive` is fed by the reader; `work` runs beside it, one thing at a time."""

    def __init__(self, services: Services, client: Client, hub: Hub) -> None:
        self.client = client
        self._services = services
        self._hub = hub
        self._requests: deque[Incoming] = deque()
        self._resumed: bool | None = None
        """What the next state says of the client's wish to go on; None = nothing."""
        self._rest_until = 0.0
        """Loop time before which its filter is not asked again."""
        self._alarm: asyncio.TimerHandle | None = None

    def receive(self, frame: str | bytes) -> None:
        """Take a frame from the client; what is not understood is answered, not dropped."""
        try:
            message = read(frame)
            if (message.namespace, message.type) == ("Graph", "Ping"):
                self.client.outbox.put(write("Graph", "Pong", None, uuid=message.uuid, status=200))
                return
            if (message.namespace, message.type) != ("Graph", "SyncRequest"):
                raise UserError(
                    f"{message.namespace[:40]}/{message.type[:40]} is not understood here",
                    hint="a subscriber sends Graph/SyncRequest",
                )
            if len(self._requests) >= _MOST_REQUESTS:
                raise UserError(f"{_MOST_REQUESTS} requests are waiting already", hint="wait for their answers")
        except UserError as wrong:
            self.client.outbox.put(write("Graph", "Error", str(wrong), status=400))
            return
        self._requests.append(message)
        self.client.changed.set()

    def refuse_resume(self) -> None:
        """Send a client that wanted to go on a whole state, and say so."""
        self._resumed = False
        self._requests.append(_UNASKED)
        self.client.changed.set()

    async def work(self) -> None:
        """Answer requests, and ask for what a filter shows that cannot be followed, until cancelled."""
        changed = self.client.changed
        try:
            while True:
                await changed.wait()
                changed.clear()
                while self._requests:
                    await self._answer(self._requests.popleft())
                await self._keep_up()
        finally:
            # Whoever comes back begins where this ended.
            changed.set()
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    async def state(self) -> list[str]:
        """Return the messages that put a client right which missed some."""
        if self.client.session is not None:
            self.client.session.cut()
        wants = self.client.handshake.wants
        captures = self._services.captures.views() if wants("Capture") else []
        checks = self._services.checks.views() if wants("Check") else []
        alerts = self._services.alerts.views() if wants("AlertStatus") else []
        injections = self._services.injections.views() if wants(INJECTION) else []
        workflows = self._services.workflows.views() if wants("Workflow") else []
        jobs = self._services.workflows.jobs()[:_TOLD_JOBS] if wants("Workflow") else []
        others = [write("Capture", "Updated", view) for view in captures]
        others += [write("Check", "Updated", view) for view in checks]
        others += [write("AlertStatus", "Updated", view) for view in alerts]
        others += [write(INJECTION, "NodeUpdated", view) for view in injections]
        others += [write("Workflow", "Updated", view) for view in workflows if not view.bundled]
        others += [write("Workflow", "Job", told_to_all(job)) for job in jobs]
        return [*([await self._patient_reply()] if self.client.handshake.may_see("Graph") else []), *others]

    async def _patient_reply(self) -> str:
        while True:
            try:
                return await self._sync_reply()
            except Busy:
                await asyncio.sleep(_BUSY)
            except UserError as refused:
                return write("Graph", "SyncReply", refused.explain(), status=400)

    async def _keep_up(self) -> None:
        view = self.client.view
        if isinstance(view, Asked) and view.stale:
            await self._ask_in_time(view)
        elif isinstance(view, Followed) and not view.ready:
            try:
                await _filled(view)
            except UserError as refused:
                self.client.outbox.put(write("Graph", "Error", refused.explain(), status=400))

    async def _answer(self, message: Incoming) -> None:
        reply = ""
        try:
            asked = msgspec.json.decode(message.obj, type=SyncRequest | None) or SyncRequest()
            reply = await self._sync(asked, message.uuid)
        except asyncio.CancelledError:
            # Cut off: whoever comes back has what the reply was to change, and not the reply.
            self._requests.appendleft(message)
            raise
        except msgspec.DecodeError as bad:
            reply = write("Graph", "SyncReply", f"Obj: {bad}", uuid=message.uuid, status=400)
        except (UserError, SourceLost, TimeoutError) as failed:
            reply = write("Graph", "SyncReply", _words(failed), uuid=message.uuid, status=400)
        finally:
            self.client.outbox.release(reply)

    async def _sync(self, asked: SyncRequest, uuid: str) -> str:
        client, hub = self.client, self._hub
        check_namespace(client.handshake, "Graph")
        wanted = client.gremlin_filter if asked.filter is None else asked.filter.strip()
        if asked.time is not None:
            graph = await self._evaluate(at(wanted, asked.time))
            if asked.filter is not None:
                hub.see(client, hub.view_of(wanted))
            return self._reply([*graph.nodes(), *graph.edges()], uuid)
        same = wanted == client.gremlin_filter
        view = client.view if same else hub.view_of(wanted)
        try:
            if isinstance(view, Asked):
                await self._ask(view)
                # Changes while it was asked for the first time went by unnoticed.
                view.stale = view.stale or not same
            elif view is not None:
                await _filled(view)
            hub.see(client, view)
        finally:
            hub.drop(view)
        # A client takes a state for all that came before it, and changes for what came after it.
        client.outbox.hold()
        return await self._sync_reply(uuid)

    async def _sync_reply(self, uuid: str = "") -> str:
        if self.client.view is not None:
            return self._reply(self.client.view.elements(), uuid)
        return self._envelope(await self._services.graph_json(), uuid)

    def _reply(self, elements: Iterable[Element], uuid: str) -> str:
        ordered = sorted(elements, key=lambda element: element.created_at)
        graph = {
            "Nodes": [one for one in ordered if isinstance(one, Node)],
            "Edges": [one for one in ordered if isinstance(one, Edge)],
        }
        return self._envelope(graph, uuid)

    def _envelope(self, graph: object, uuid: str) -> str:
        session = "" if self.client.session is None else self.client.session.id
        resumed, self._resumed = self._resumed, None
        return write("Graph", "SyncReply", graph, uuid=uuid, status=200, session=session, resumed=resumed)

    async def _evaluate(self, text: str) -> GraphView:
        result = await self._services.queries.run(text)
        if result.graph is None:
            raise UserError(f"Gremlin query '{text}' did not return a graph", hint="end it with .SubGraph()")
        return result.graph

    async def _ask(self, view: Asked) -> list[Delta]:
        """Return the difference between what a filter showed and what it shows now."""
        view.begin()
        try:
            async with asyncio.timeout(_LONGEST):
                graph = await self._evaluate(view.text)
        except BaseException:
            view.failed()
            raise
        return view.answered(graph)

    async def _ask_in_time(self, view: Asked) -> None:
        """Ask and tell, or see to it that it is done when enough time has passed since the last time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < self._rest_until:
            self._alarm = self._alarm or loop.call_at(self._rest_until, self._wake)
            return
        pause = _PACE
        try:
            self.client.tell_graph(Messages(await self._ask(view)))
            view.failing = False
        except (UserError, SourceLost, TimeoutError) as failed:
            # It was valid when it was set, so this passes; the client keeps what it has, and is told once.
            pause = _AFTER_FAILURE
            if not view.failing:
                text = f"the filter could not be asked anew, and is tried again: {_words(failed)}"
                self.client.outbox.put(write("Graph", "Error", text, status=503))
            view.failing = True
        self._rest_until = loop.time() + max(pause, (loop.time() - began) * _SPARE)
        if view.stale:
            self.client.changed.set()

    def _wake(self) -> None:
        self._alarm = None
        self.client.changed.set()


async def _filled(view: Followed) -> None:
    """Wait until a filter is filled, and do it; between two portions everybody else has a turn."""
    while not view.ready:
        view.fill()
        await asyncio.sleep(0)


def _words(failed: Exception) -> str:
    if isinstance(failed, UserError):
        return failed.explain()
    return str(failed) or "the query took too long"


def at(text: str, time_ms: int) -> str:
    """Return a filter as of a time; "" = the whole graph."""
    if not text:
        return f"G.At({time_ms})"
    if re.match(r"\s*[Gg]\s*\.\s*(At|Context)\b", text):
        raise UserError("the filter has a time of its own", hint="leave Time out, or take At(…) out of the filter")
    return re.sub(r"^\s*[Gg]\b", f"G.At({time_ms})", text, count=1)
