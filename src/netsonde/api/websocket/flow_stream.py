# SPDX-License-Identifier: Apache-2.0
"""Live flows for exporters: /ws/subscriber/flow, namespaces `flow`, `flow/<capture>` and `stats`."""

from collections.abc import Mapping, Sequence

import msgspec

from netsonde.api.resources import Unsubscribe
from netsonde.api.services import Services
from netsonde.api.websocket.envelope import write
from netsonde.api.websocket.handshake import Handshake
from netsonde.api.websocket.outbox import Outbox
from netsonde.model.captures import CaptureChange, CaptureView
from netsonde.model.elements import Json

_BATCH = 100
_DEFAULT = frozenset({"flow", "stats"})
Flow = Mapping[str, Json]


class CaptureStats(msgspec.Struct, frozen=True):
    """Counters of a capture over all its interfaces, in the shape of the reference."""

    capture_id: str = msgspec.field(name="CaptureID")
    packets_received: int = msgspec.field(name="PacketsReceived")
    packets_dropped: int = msgspec.field(name="PacketsDropped")
    flow_count: int = msgspec.field(name="FlowCount")
    flow_dropped: int = msgspec.field(name="FlowDropped", default=0)
    kernel_flow_dropped: int = msgspec.field(name="KernelFlowDropped", default=0)


class FlowClient:
    """One exporter: which namespaces it gets, and what waits for it."""

    def __init__(self, handshake: Handshake, limit: int) -> None:
        named = handshake.namespaces - {"*"}
        self.namespaces = named or _DEFAULT
        self.outbox = Outbox(limit)


class FlowHub:
    """Listens to flow reports while somebody is connected; each message is encoded once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients: set[FlowClient] = set()
        self._subscriptions: list[Unsubscribe] = []
        self._flows: dict[str, int] = {}

    def join(self, client: FlowClient) -> None:
        self._clients.add(client)
        if not self._subscriptions:
            self._subscriptions = [
                self._services.flows.subscribe(self._reported),
                self._services.captures.subscribe(self._capture_changed),
            ]

    def leave(self, client: FlowClient) -> None:
        self._clients.discard(client)
        if not self._clients:
            for unsubscribe in self._subscriptions:
                unsubscribe()
            self._subscriptions = []
            self._flows.clear()

    def _reported(self, flows: Sequence[Flow]) -> None:
        for begin in range(0, len(flows), _BATCH):
            self._send(flows[begin : begin + _BATCH])

    def _send(self, flows: Sequence[Flow]) -> None:
        by_capture: dict[str, list[Flow]] = {}
        for flow in flows:
            by_capture.setdefault(str(flow.get("CaptureID", "")), []).append(flow)
        for capture_id, some in by_capture.items():
            self._flows[capture_id] = self._flows.get(capture_id, 0) + len(some)
            self._put(f"flow/{capture_id}", "store", some)
        self._put("flow", "store", flows)

    def _capture_changed(self, change: CaptureChange) -> None:
        if change.kind == "Deleted":
            self._flows.pop(change.view.uuid, None)
        else:
            self._put("stats", "stats", stats_of(change.view, self._flows.get(change.view.uuid, 0)))

    def _put(self, namespace: str, kind: str, obj: object) -> None:
        message = ""
        for client in self._clients:
            if namespace in client.namespaces:
                message = message or write(namespace, kind, obj)
                client.outbox.put(message)


def stats_of(view: CaptureView, flow_count: int) -> CaptureStats:
    """Sum the counters of the interfaces that a capture is on."""
    nodes = view.status.nodes if view.status else []
    received = sum(node.packets_received for node in nodes)
    dropped = sum(node.packets_dropped for node in nodes)
    evicted = sum(node.flows_evicted for node in nodes)
    return CaptureStats(view.uuid, received, dropped, flow_count, evicted)
