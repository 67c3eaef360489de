# SPDX-License-Identifier: Apache-2.0
"""What a WebSocket of the server is asked for, and its messages as typed events. No I/O; `live` carries it.

After every connect, the first and any later one, a graph feed begins with a Snapshot of all that it lets one see:
who applies events in order has the server's graph, whatever was missed in between.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from netsonde.client.answers import WireTopology
from netsonde.client.query import EdgesQuery, GraphQuery, NodesQuery, PathsQuery, Query
from netsonde.errors import UserError
from netsonde.model.captures import CaptureChange, CaptureView
from netsonde.model.elements import Edge, Node
from netsonde.model.flow_record import Flow
from netsonde.model.topology import ChangeKind, EdgeChange, NodeChange

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)

CLIENT_TYPE = "netsonde-client"


class Snapshot(msgspec.Struct, frozen=True):
    """All nodes and edges as they are now: it replaces what was known before."""

    nodes: list[Node]
    edges: list[Edge]


class FlowReports(msgspec.Struct, frozen=True):
    """Flows that agents reported together, each in its latest state."""

    flows: list[Flow]


class CaptureStats(msgspec.Struct, frozen=True):
    """Counters of one capture over all its interfaces."""

    capture_id: str = msgspec.field(name="CaptureID", default="")
    packets_received: int = msgspec.field(name="PacketsReceived", default=0)
    packets_dropped: int = msgspec.field(name="PacketsDropped", default=0)
    flow_count: int = msgspec.field(name="FlowCount", default=0)


GraphEvent: TypeAlias = Snapshot | NodeChange | EdgeChange
FlowEvent: TypeAlias = FlowReports | CaptureStats


class Feed(Protocol[E_co]):
    """One subscription: where, with which parameters, what is sent first, what arrives."""

    @property
    def path(self) -> str: ...
    def parameters(self) -> Mapping[str, str]: ...
    def greeting(self) -> str | None: ...
    def events(self, message: str | bytes) -> Iterator[E_co]: ...


class _Envelope(msgspec.Struct, frozen=True):
    namespace: str = msgspec.field(name="Namespace", default="")
    type: str = msgspec.field(name="Type", default="")
    status: int = msgspec.field(name="Status", default=0)
    obj: msgspec.Raw = msgspec.field(name="Obj", default=msgspec.Raw(b"null"))


_envelopes = msgspec.json.Decoder(_Envelope)
_CHANGES: Mapping[str, ChangeKind] = {"Added": "added", "Updated": "updated", "Deleted": "deleted"}


@dataclass(frozen=True, slots=True)
class GraphFeed:
    """The graph, or the part that a filter gives."""

    filter: str = ""
    path: str = "/ws/subscriber"

    def parameters(self) -> Mapping[str, str]:
        return {
            "x-client-type": CLIENT_TYPE,
            "x-websocket-namespace": "Graph",
            "x-update-policy": "full",
            "x-gremlin-filter": self.filter,
        }

    def greeting(self) -> str:
        return '{"Namespace":"Graph","Type":"SyncRequest","Obj":{}}'

    def events(self, message: str | bytes) -> Iterator[GraphEvent]:
        """Yield what a message says; raises UserError for the server's refusal."""
        envelope = read_envelope(message)
        if envelope.namespace != "Graph":
            return
        if envelope.type in ("SyncReply", "Error"):
            if envelope.status >= 400:
                text = read_obj(envelope, str)
                raise UserError(text or "the server refuses the subscription")
            graph = read_obj(envelope, WireTopology)
            yield Snapshot(graph.nodes or [], graph.edges or [])
            return
        kind = _CHANGES.get(envelope.type[4:])
        if kind and envelope.type.startswith("Node"):
            yield NodeChange(kind, read_obj(envelope, Node))
        elif kind and envelope.type.startswith("Edge"):
            yield EdgeChange(kind, read_obj(envelope, Edge))


@dataclass(frozen=True, slots=True)
class CaptureFeed:
    """Captures that are created, change their definition or status, or go."""

    path: str = "/ws/subscriber"

    def parameters(self) -> Mapping[str, str]:
        return {"x-client-type": CLIENT_TYPE, "x-websocket-namespace": "Capture"}

    def greeting(self) -> None:
        return None

    def events(self, message: str | bytes) -> Iterator[CaptureChange]:
        envelope = read_envelope(message)
        kinds: Mapping[str, Literal["Added", "Updated", "Deleted"]] = {
            "Added": "Added",
            "Updated": "Updated",
            "Deleted": "Deleted",
        }
        kind = kinds.get(envelope.type)
        if envelope.namespace == "Capture" and kind:
            yield CaptureChange(kind, read_obj(envelope, CaptureView))


@dataclass(frozen=True, slots=True)
class FlowFeed:
    """Flows as they are reported, of all captures or of some, and the captures' counters."""

    captures: tuple[str, ...] = ()
    path: str = "/ws/subscriber/flow"

    def parameters(self) -> Mapping[str, str]:
        names = ",".join(f"flow/{uuid}" for uuid in self.captures) or "flow"
        return {"x-client-type": CLIENT_TYPE, "x-websocket-namespace": f"{names},stats"}

    def greeting(self) -> None:
        return None

    def events(self, message: str | bytes) -> Iterator[FlowEvent]:
        envelope = read_envelope(message)
        if envelope.type == "store":
            yield FlowReports(read_obj(envelope, list[Flow]))
        elif envelope.type == "stats":
            stats = read_obj(envelope, CaptureStats)
            if not self.captures or stats.capture_id in self.captures:
                yield stats


def graph_filter(gremlin: "str | Query[Any] | None") -> str:
    """Return the filter of a subscription; a query for elements is taken as the graph that they make."""
    if gremlin is None or isinstance(gremlin, str):
        return gremlin or ""
    if isinstance(gremlin, NodesQuery | EdgesQuery | PathsQuery):
        gremlin = gremlin.sub_graph()
    if not isinstance(gremlin, GraphQuery):
        raise UserError(f"a subscription is to a graph, and this query gives {gremlin.kind}")
    if gremlin.bindings:
        raise UserError("a subscription keeps its query as text, and a value in this one is too long for that")
    return gremlin.text


def apply(nodes: dict[str, Node], edges: dict[str, Edge], event: GraphEvent) -> None:
    """Bring what is known, by id, up to date with an event."""
    if isinstance(event, Snapshot):
        nodes.clear()
        edges.clear()
        nodes.update((node.id, node) for node in event.nodes)
        edges.update((edge.id, edge) for edge in event.edges)
    elif isinstance(event, NodeChange):
        _apply_one(nodes, event.node.id, event.node, event.kind)
    else:
        _apply_one(edges, event.edge.id, event.edge, event.kind)


def _apply_one(known: dict[str, E], element_id: str, element: E, kind: ChangeKind) -> None:
    if kind == "deleted":
        known.pop(element_id, None)
    else:
        known[element_id] = element


def read_obj(envelope: _Envelope, into: type[E]) -> E:
    try:
        return msgspec.json.decode(envelope.obj, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise UserError(f"the server sent what is no message: {envelope.type[:40]}: {bad}") from bad


def read_envelope(message: str | bytes) -> _Envelope:
    try:
        return _envelopes.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise UserError(f"the server sent what is no message: {bad}") from bad
