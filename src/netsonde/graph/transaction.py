# SPDX-License-Identifier: Apache-2.0
"""One batch being applied: layers change first, then each touched element is settled into at most one revision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import singledispatchmethod
from typing import TYPE_CHECKING, TypeVar

import msgspec

from netsonde.graph.batch import (
    OWNERSHIP,
    Annotate,
    DeleteEdge,
    DeleteNode,
    DropLayer,
    Operation,
    PutEdge,
    PutNode,
    relation_type,
)
from netsonde.graph.equality import same_json
from netsonde.graph.events import Event, EventBatch, touched_keys
from netsonde.model.elements import Edge, Node

if TYPE_CHECKING:
    from netsonde.graph.graph import ComputedLayer, Graph
    from netsonde.graph.layers import Layers

E = TypeVar("E", Node, Edge)


class Transaction:
    """Applies operations to the layers of a graph and settles them. It has access to the graph's inner parts."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.now = graph.now_ms()
        self._nodes_before: dict[str, Node | None] = {}
        self._edges_before: dict[str, Edge | None] = {}
        self._dirty_nodes: dict[str, None] = {}
        self._dirty_edges: dict[str, None] = {}
        self._writers: dict[str, str] = {}

    @singledispatchmethod
    def perform(self, operation: Operation) -> None:
        raise TypeError(f"not an operation on a graph: {operation!r}")

    @perform.register
    def _put_node(self, op: PutNode) -> None:
        host = self.graph.host if op.host is None else op.host
        node = Node(op.id, op.metadata, host, self.graph.origin, self.now, self.now)
        self.claim_node(node, op.owner)

    @perform.register
    def _annotate(self, op: Annotate) -> None:
        self.graph._node_layers.note(op.id, op.owner, op.metadata)
        self._touch_node(op.id, op.owner)

    @perform.register
    def _drop_layer(self, op: DropLayer) -> None:
        self.unclaim_node(op.id, op.owner)

    @perform.register
    def _delete_node(self, op: DeleteNode) -> None:
        self._touch_node(op.id, "")
        self.graph._node_layers.forget(op.id)

    @perform.register
    def _put_edge(self, op: PutEdge) -> None:
        graph = self.graph
        edge = Edge(op.id, op.metadata, graph.host, graph.origin, self.now, self.now, parent=op.parent, child=op.child)
        self.claim_edge(edge, op.owner)

    @perform.register
    def _delete_edge(self, op: DeleteEdge) -> None:
        if op.owner is not None:
            self.unclaim_edge(op.id, op.owner)
            return
        self._touch_edge(op.id, "")
        self._stop_waiting(op.id)
        self.graph._edge_layers.forget(op.id)

    def claim_node(self, node: Node, owner: str) -> None:
        """Let `owner` state a node; a repeated statement changes nothing."""
        before = self.graph._node_layers.claims(node.id).get(owner)
        if before is not None and same_json(before.metadata, node.metadata) and before.host == node.host:
            return
        self._touch_node(node.id, owner)
        self.graph._node_layers.claim(node.id, owner, node)

    def unclaim_node(self, node_id: str, owner: str) -> None:
        self._touch_node(node_id, owner)
        self.graph._node_layers.drop(node_id, owner)

    def claim_edge(self, edge: Edge, owner: str) -> None:
        before = self.graph._edge_layers.claims(edge.id).get(owner)
        if before is not None and same_json(before.metadata, edge.metadata) and _same_ends(before, edge):
            return
        self._touch_edge(edge.id, owner)
        self.graph._edge_layers.claim(edge.id, owner, edge)

    def unclaim_edge(self, edge_id: str, owner: str) -> None:
        self._touch_edge(edge_id, owner)
        self._stop_waiting(edge_id)
        self.graph._edge_layers.drop(edge_id, owner)

    def finish(self, computed: Sequence[ComputedLayer]) -> Sequence[Event]:
        """Settle everything that was touched and return the events: edges go first and come last."""
        self._settle()
        for layer in computed:
            self._compute(layer)
        return self._events()

    def _touch_node(self, node_id: str, writer: str) -> None:
        before = self._nodes_before.setdefault(node_id, self.graph._nodes.get(node_id))
        for frozen in self.graph._frozen:
            frozen.keep_node(node_id, before)
        self._dirty_nodes[node_id] = None
        self._note_writer(node_id, writer)

    def _touch_edge(self, edge_id: str, writer: str) -> None:
        before = self._edges_before.setdefault(edge_id, self.graph._edges.get(edge_id))
        for frozen in self.graph._frozen:
            frozen.keep_edge(edge_id, before)
        self._dirty_edges[edge_id] = None
        self._note_writer(edge_id, writer)

    def _note_writer(self, element_id: str, writer: str) -> None:
        if self._writers.setdefault(element_id, writer) != writer:
            self._writers[element_id] = ""

    def _stop_waiting(self, edge_id: str) -> None:
        for claim in self.graph._edge_layers.claims(edge_id).values():
            for end in (claim.parent, claim.child):
                waiting = self.graph._waiting_edges.get(end)
                if waiting is not None:
                    waiting.discard(edge_id)
                    if not waiting:
                        del self.graph._waiting_edges[end]

    def _settle(self) -> None:
        for node_id in self._dirty_nodes:
            self._settle_node(node_id)
        self._dirty_nodes = {}
        while self._dirty_edges:
            edges, self._dirty_edges = self._dirty_edges, {}
            for edge_id in edges:
                self._settle_edge(edge_id)

    def _settle_node(self, node_id: str) -> None:
        graph = self.graph
        if graph._node_layers.claims(node_id):
            is_new = node_id not in graph._nodes
            graph._nodes[node_id] = self._revise(node_id, graph._node_layers, self._nodes_before[node_id])
            for edge_id in graph._waiting_edges.pop(node_id, ()) if is_new else ():
                self._touch_edge(edge_id, self._writers[node_id])
        elif graph._nodes.pop(node_id, None) is not None:
            graph._node_layers.forget(node_id)
            for edge in (*graph._out.of(node_id), *graph._in.of(node_id)):
                self._strand(edge, node_id)
        graph._node_layers.compact(node_id)

    def _strand(self, edge: Edge, gone: str) -> None:
        """Take away an edge whose end is gone: for good if it is ours, until the node is back if another's."""
        graph = self.graph
        self._touch_edge(edge.id, self._writers[gone])
        for owner, claim in dict(graph._edge_layers.claims(edge.id)).items():
            if claim.origin == graph.origin:
                graph._edge_layers.drop(edge.id, owner)
            else:
                graph._edge_layers.claim(edge.id, owner, claim)

    def _settle_edge(self, edge_id: str) -> None:
        graph = self.graph
        claims = graph._edge_layers.claims(edge_id)
        served = graph._edges.get(edge_id)
        head = next(iter(claims.values()), None)
        missing = [] if head is None else [end for end in (head.parent, head.child) if end not in graph._nodes]
        if head is None or missing:
            if served is not None:
                self._unlink(served)
            for end in missing:
                graph._waiting_edges.setdefault(end, set()).add(edge_id)
            graph._edge_layers.compact(edge_id)
            return
        if served is not None and not _same_ends(served, head):
            self._unlink(served)
        edge = self._revise(edge_id, graph._edge_layers, self._edges_before[edge_id])
        self._link(edge)
        graph._edge_layers.compact(edge_id)
        if relation_type(edge.metadata) == OWNERSHIP:
            self._keep_tree(edge)

    def _link(self, edge: Edge) -> None:
        graph = self.graph
        for frozen in graph._frozen:
            frozen.keep_ends(edge)
        graph._edges[edge.id] = edge
        graph._out.put(edge.parent, edge)
        graph._in.put(edge.child, edge)

    def _unlink(self, edge: Edge) -> None:
        graph = self.graph
        for frozen in graph._frozen:
            frozen.keep_ends(edge)
        del graph._edges[edge.id]
        graph._out.remove(edge.parent, edge.id)
        graph._in.remove(edge.child, edge.id)

    def _keep_tree(self, edge: Edge) -> None:
        """Remove the owner that the child had before, and the edge that would close a ring of owners."""
        for other in self.graph._in.of(edge.child):
            if other.id != edge.id and relation_type(other.metadata) == OWNERSHIP:
                self._drop_edge(other)
        if edge.parent == edge.child:
            self._drop_edge(edge)
        above, seen = edge.parent, {edge.child}
        while above not in seen:
            seen.add(above)
            owner = self._owner_edge(above)
            if owner is None:
                return
            if owner.parent == edge.child:
                self._drop_edge(owner)
                return
            above = owner.parent

    def _owner_edge(self, node_id: str) -> Edge | None:
        edges = self.graph._in.of(node_id)
        return next((edge for edge in edges if relation_type(edge.metadata) == OWNERSHIP), None)

    def _drop_edge(self, edge: Edge) -> None:
        self._touch_edge(edge.id, self._writers.get(edge.id, ""))
        self.graph._edge_layers.forget(edge.id)
        self._settle_edge(edge.id)

    def _revise(self, element_id: str, layers: Layers[E], before: E | None) -> E:
        """Return the element as its layers say now: `before` itself when nothing differs."""
        claims = layers.claims(element_id)
        head = next(iter(claims.values()))
        if before is not None and before.origin in claims:
            head = claims[before.origin]
        metadata = layers.merged(element_id)
        if before is None:
            return self._shared(msgspec.structs.replace(head, metadata=metadata, deleted_at=None))
        same = (before.host, before.origin) == (head.host, head.origin) and _same_ends(before, head)
        if same and same_json(before.metadata, metadata):
            return before
        changed_at = head.updated_at if head.updated_at > before.updated_at else self.now
        return self._shared(
            msgspec.structs.replace(
                head,
                metadata=metadata,
                created_at=before.created_at,
                updated_at=changed_at,
                deleted_at=None,
                revision=max(before.revision + 1, head.revision),
            )
        )

    def _shared(self, element: E) -> E:
        """Make equal strings one string: elements decoded from the bus each bring their own copies."""
        host, origin = sys.intern(element.host), sys.intern(element.origin)
        if isinstance(element, Node):
            return msgspec.structs.replace(element, host=host, origin=origin)
        nodes = self.graph._nodes
        parent, child = nodes[element.parent].id, nodes[element.child].id
        return msgspec.structs.replace(element, host=host, origin=origin, parent=parent, child=child)

    def _compute(self, layer: ComputedLayer) -> None:
        touched = dict.fromkeys(self._nodes_before)
        for edge_id, before in self._edges_before.items():
            for edge in (before, self.graph._edges.get(edge_id)):
                if edge is not None:
                    touched[edge.parent] = touched[edge.child] = None
        for node_id, metadata in layer.update(self.graph, self.graph.base_metadata, touched).items():
            writer = self._writers.get(node_id, layer.owner)
            if metadata:
                self.graph._node_layers.note(node_id, layer.owner, metadata)
            else:
                self.graph._node_layers.drop(node_id, layer.owner)
            self._touch_node(node_id, writer)
        self._settle()

    def _events(self) -> Sequence[Event]:
        graph = self.graph
        nodes: list[Event] = []
        edges: list[Event] = []
        for node_id, node_before in self._nodes_before.items():
            event = self._event(node_before, graph._nodes.get(node_id), self._writers[node_id])
            if event is not None:
                nodes.append(event)
                graph._node_indexes.change(node_id, node_before, graph._nodes.get(node_id), event.touched)
        for edge_id, edge_before in self._edges_before.items():
            event = self._event(edge_before, graph._edges.get(edge_id), self._writers[edge_id])
            if event is not None:
                edges.append(event)
                graph._edge_indexes.change(edge_id, edge_before, graph._edges.get(edge_id), event.touched)
        return EventBatch(
            [
                *(event for event in edges if event.kind == "deleted"),
                *(event for event in nodes if event.kind == "deleted"),
                *(event for event in nodes if event.kind != "deleted"),
                *(event for event in edges if event.kind != "deleted"),
            ]
        )

    def _event(self, before: E | None, after: E | None, writer: str) -> Event | None:
        if before is after:
            return None
        if after is None:
            assert before is not None
            gone = msgspec.structs.replace(before, deleted_at=self.now)
            return Event("deleted", gone, before, writer, frozenset(before.metadata))
        if before is None:
            return Event("added", after, None, writer, frozenset(after.metadata))
        return Event("updated", after, before, writer, touched_keys(before.metadata, after.metadata))


def _same_ends(one: Node | Edge, other: Node | Edge) -> bool:
    if isinstance(one, Edge) and isinstance(other, Edge):
        return (one.parent, one.child) == (other.parent, other.child)
    return True
