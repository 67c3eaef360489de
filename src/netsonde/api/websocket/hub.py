# SPDX-License-Identifier: Apache-2.0
"""Fans out the changes of the graph and of resources: each message is encoded once, nobody waits for anybody."""

import asyncio
from collections.abc import Sequence

import msgspec

from netsonde.api.resources import Unsubscribe
from netsonde.api.services import Services
from netsonde.api.websocket.delta import Messages
from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.filtered import Asked, Followed, View
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.outbox import Outbox
from netsonde.api.websocket.session import Session
from netsonde.graph.events import Event
from netsonde.model.alerts import AlertChange
from netsonde.model.captures import CaptureChange, CaptureView
from netsonde.model.checks import CheckChange
from netsonde.model.elements import Json
from netsonde.model.injections import InjectionChange
from netsonde.model.notices import rfc3339
from netsonde.model.workflows import WorkflowChange, told_to_all

_LEGACY = "OnDemandCaptureNotification"
INJECTION = "OnDemandPacketInjectionNotification"


class AlertMessage(msgspec.Struct, frozen=True, rename="pascal"):
    """What clients of the reference are told of an alert that fires."""

    uuid: str = msgspec.field(name="UUID")
    timestamp: str
    reason_data: Json


class Client:
    """One subscriber as the hub sees it."""

    def __init__(self, handshake: Handshake, limit: int) -> None:
        self.handshake = handshake
        self.outbox = Outbox(limit)
        self.session = Session(limit) if handshake.numbered else None
        self.view: View | None = None
        """What its filter shows; None = the whole graph."""
        self.unheard = ""
        """Origin whose changes it is not told: its own, when it publishes on the same connection."""
        self.changed = asyncio.Event()
        """There is something to do for the one that works for it: a request, or a filter to ask anew."""

    @property
    def gremlin_filter(self) -> str:
        """ "" = the whole graph."""
        return "" if self.view is None else self.view.text

    def tell_graph(self, messages: Messages) -> None:
        """Put changes of what it sees of the graph, unless it does not want any."""
        if self.handshake.wants("Graph"):
            for message in messages.of(self.handshake.policy, self.unheard):
                self.outbox.put(message)

    def number(self, message: str) -> str:
        """Return a message as it is sent."""
        return message if self.session is None else self.session.number(message)


class Hub:
    """Listens to graph and resources while somebody is connected."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients: set[Client] = set()
        self._followed: dict[str, Followed] = {}
        self._subscriptions: list[Unsubscribe] = []
        self._active: dict[str, object] = {}

    def join(self, client: Client) -> None:
        """Begin to tell a client what it sees. Raises UserError for a wrong filter."""
        self._clients.add(client)
        if not self._subscriptions:
            self._active = {view.uuid: _activity(view) for view in self._services.captures.views()}
            self._subscriptions = [
                self._services.graph.subscribe(self._graph_changed),
                self._services.captures.subscribe(self._capture_changed),
                self._services.checks.subscribe(self._check_changed),
                self._services.alerts.subscribe(self._alert_changed),
                self._services.injections.subscribe(self._injection_changed),
                self._services.workflows.subscribe(self._workflow_changed),
            ]
        self.see(client, self.view_of(client.handshake.gremlin_filter))

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        self.see(client, None)
        if not self._clients:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []

    def view_of(self, text: str) -> View | None:
        """Return what a filter shows, kept up to date from now on; `see` or `drop` must follow. Raises UserError."""
        if not text or self._services.filters.whole(text):
            return None
        followed = self._followed.get(text)
        if followed is None:
            view = self._services.filters.follow(text)
            if view is None:
                return Asked(text, self._services.filters.interest(text))
            followed = self._followed[text] = Followed(text, view)
        return followed

    def see(self, client: Client, view: View | None) -> None:
        """Let a client see something else from now on."""
        before, client.view = client.view, view
        if isinstance(before, Followed):
            before.clients.discard(client)
        if isinstance(view, Followed):
            view.clients.add(client)
        if before is not view:
            self.drop(before)
        client.changed.set()

    def drop(self, view: View | None) -> None:
        """Follow a filter no more, unless somebody sees it."""
        if isinstance(view, Followed) and not view.clients and self._followed.get(view.text) is view:
            del self._followed[view.text]

    def _graph_changed(self, events: Sequence[Event]) -> None:
        messages = Messages(events)
        for followed in tuple(self._followed.values()):
            followed.changed(events)
        for client in self._clients:
            if client.view is None:
                client.tell_graph(messages)
            elif isinstance(client.view, Asked):
                passed = client.view.notice(events)
                if passed:
                    client.tell_graph(Messages(passed))
                if client.view.stale:
                    client.changed.set()

    def _capture_changed(self, change: CaptureChange) -> None:
        self._put("Capture", change.kind, change.view)
        uuid = change.view.uuid
        if change.kind == "Deleted":
            self._active.pop(uuid, None)
            self._put(_LEGACY, "Deleted", change.view)
            return
        before, self._active[uuid] = self._active.get(uuid), _activity(change.view)
        if change.kind == "Added":
            self._put(_LEGACY, "Added", change.view)
        elif before != self._active[uuid]:
            self._put(_LEGACY, "NodeUpdated", change.view)

    def _check_changed(self, change: CheckChange) -> None:
        self._put("Check", change.kind, change.result if change.result is not None else change.view)

    def _alert_changed(self, change: AlertChange) -> None:
        transition = change.transition
        if transition is None:
            self._put("AlertStatus", change.kind, change.view)
            return
        self._put("AlertStatus", "Updated", change.view)
        self._put("AlertStatus", "Transition", transition)
        if transition.notified and transition.state == "firing":
            # The only message that clients of the reference know, and for them it always means that it fires.
            self._put("Alert", "Alert", AlertMessage(transition.alert, rfc3339(transition.at), transition.reason_data))

    def _injection_changed(self, change: InjectionChange) -> None:
        kind = "NodeUpdated" if change.kind == "Updated" else change.kind
        self._put(INJECTION, kind, change.view)

    def _workflow_changed(self, change: WorkflowChange) -> None:
        self._put("Workflow", change.kind, change.view if change.job is None else told_to_all(change.job))

    def _put(self, namespace: str, kind: str, view: object) -> None:
        message = ""
        for client in self._clients:
            if client.handshake.wants(namespace):
                message = message or write(namespace, kind, view)
                client.outbox.put(message)


def _activity(view: CaptureView) -> object:
    """Return what old clients re-read a capture for: on which nodes it is active; counters change all the time."""
    if view.status is None:
        return None
    return view.status.state, [(one.node_id, one.state) for one in view.status.nodes]
