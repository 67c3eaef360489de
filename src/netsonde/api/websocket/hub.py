# SPDX-License-Identifier: Apache-2.0
"""Fans the changes of graph and captures out to subscribers: each message is encoded once, nobody waits for anybody."""

import asyncio
from collections.abc import Sequence

from netsonde.api.services import GraphEvent, Services, Unsubscribe
from netsonde.api.websocket.delta import full_message, partial_message
from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.outbox import Outbox
from netsonde.model.captures import CaptureChange, CaptureView

_LEGACY = "OnDemandCaptureNotification"


class Client:
    """One subscriber as the hub sees it."""

    def __init__(self, handshake: Handshake, limit: int) -> None:
        self.handshake = handshake
        self.outbox = Outbox(limit)
        self.gremlin_filter = handshake.gremlin_filter
        """"" = the whole graph, whose changes the hub puts straight into the outbox."""
        self.changed = asyncio.Event()
        """The graph changed; set for clients with a filter, which work out for themselves what it means."""


class Hub:
    """Listens to graph and captures while somebody is connected."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients: set[Client] = set()
        self._subscriptions: list[Unsubscribe] = []
        self._active: dict[str, object] = {}

    def join(self, client: Client) -> None:
        self._clients.add(client)
        if not self._subscriptions:
            self._active = {view.uuid: _activity(view) for view in self._services.captures.views()}
            self._subscriptions = [
                self._services.graph.subscribe(self._graph_changed),
                self._services.captures.subscribe(self._capture_changed),
            ]

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        if not self._clients:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []

    def _graph_changed(self, events: Sequence[GraphEvent]) -> None:
        full: list[str] = []
        partial: list[str] = []
        for client in self._clients:
            if not client.handshake.wants("Graph"):
                continue
            if client.gremlin_filter:
                client.changed.set()
                continue
            if client.handshake.policy == "partial":
                partial = partial or [partial_message(one.kind, one.element, one.previous) for one in events]
            else:
                full = full or [full_message(one.kind, one.element) for one in events]
            for message in partial if client.handshake.policy == "partial" else full:
                client.outbox.put(message)

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

    def _put(self, namespace: str, kind: str, view: CaptureView) -> None:
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
