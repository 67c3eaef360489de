# SPDX-License-Identifier: Apache-2.0
"""The live graph of an agent or an analyzer: layers in, revisions and events out.

One event loop thread uses it; nothing here waits. A batch is applied as a whole: each element it touched gets at
most one revision, computed layers (TIDs) are in that same revision, then every listener gets the events once, in the
order in which the batches were applied.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.frozen import FrozenElements, FrozenGraph
from netsonde.graph.indexed import IndexedElements
from netsonde.graph.layers import Layers
from netsonde.graph.reader import GraphReader
from netsonde.graph.remote import RemoteChanges
from netsonde.graph.transaction import Transaction
from netsonde.model.elements import Edge, Element, Metadata, Node
from netsonde.model.topology import TopologyBatch, TopologySnapshot
from netsonde.observe import Listeners

Listener = Callable[[Sequence[Event]], None]


class ComputedLayer(Protocol):
    """Metadata derived from the graph itself, renewed within each batch before anybody sees its events."""

    owner: str

    def update(
        self, graph: GraphReader, base: Callable[[str], Metadata], touched: Iterable[str]
    ) -> dict[str, Metadata]:
        """Return the layer of each node where it changed.

        `touched` are the nodes that the batch touched, itself or by an edge, those that are gone included; `base`
        gives what probes say of a node, without annotations.
        """


class Graph(IndexedElements):
    """Nodes and edges with their layers; implements GraphReader."""

    def __init__(self, host: str, origin: str, now_ms: Callable[[], int]) -> None:
        super().__init__()
        self.host = host
        self.origin = origin
        self.now_ms = now_ms
        self.revision = 0
        """Grows by one with each batch that changed something."""
        self._node_layers: Layers[Node] = Layers(self._nodes)
        self._edge_layers: Layers[Edge] = Layers(self._edges)
        self._waiting_edges: dict[str, set[str]] = {}
        self._computed: list[ComputedLayer] = []
        self._listeners: Listeners[Sequence[Event]] = Listeners("graph")
        self._undelivered: deque[Sequence[Event]] = deque()
        self._delivering = False
        self._frozen: tuple[FrozenGraph, ...] = ()

    def freeze(self) -> FrozenGraph:
        """Return this moment's graph for another thread to read; release it, since each change costs a little more."""
        frozen = FrozenGraph(
            FrozenElements(self._nodes, self._node_indexes),
            FrozenElements(self._edges, self._edge_indexes),
            out=self._out,
            into=self._in,
            release=self._thaw,
        )
        self._frozen = (*self._frozen, frozen)
        return frozen

    def _thaw(self, released: FrozenGraph) -> None:
        self._frozen = tuple(frozen for frozen in self._frozen if frozen is not released)

    def apply(self, batch: Batch) -> Sequence[Event]:
        """Apply a batch and return its events. From a listener it takes effect at once; its events come next."""
        transaction = Transaction(self)
        for operation in batch.operations:
            transaction.perform(operation)
        return self._finish(transaction)

    def apply_remote(self, batch: TopologyBatch) -> Sequence[Event]:
        """Apply changes of another graph, each under the origin of its element."""
        transaction = Transaction(self)
        RemoteChanges(transaction).apply(batch.changes)
        return self._finish(transaction)

    def replace_origin(self, snapshot: TopologySnapshot) -> Sequence[Event]:
        """Make what the agent of a host says equal to a snapshot; only differences become events."""
        transaction = Transaction(self)
        RemoteChanges(transaction).replace(f"agent.{snapshot.host}", snapshot.nodes, snapshot.edges)
        return self._finish(transaction)

    def drop_origin(self, origin: str) -> Sequence[Event]:
        """Withdraw everything that an origin said; objects that others see too stay."""
        transaction = Transaction(self)
        RemoteChanges(transaction).replace(origin, (), ())
        return self._finish(transaction)

    def claim(self, owner: str, put: Iterable[Element], gone: Iterable[Element] = ()) -> Sequence[Event]:
        """Let `owner` state elements just as they are (origin, times, revision), and withdraw others that it stated.

        Unlike those of a batch, they may come from elsewhere: what `owner` states need not have it as its origin.
        """
        transaction = Transaction(self)
        for element in gone:
            if isinstance(element, Node):
                transaction.unclaim_node(element.id, owner)
            else:
                transaction.unclaim_edge(element.id, owner)
        for element in put:
            if isinstance(element, Node):
                transaction.claim_node(element, owner)
            else:
                transaction.claim_edge(element, owner)
        return self._finish(transaction)

    def add_computed(self, layer: ComputedLayer) -> None:
        """Add a computed layer; do it before the first batch."""
        self._computed.append(layer)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each batch that changed something; return what ends it."""
        return self._listeners.add(listener)

    def base_metadata(self, node_id: str) -> Metadata:
        """Return what probes say of a node, without annotations and computed layers."""
        return self._node_layers.base(node_id)

    def is_noted(self, node_id: str) -> bool:
        """Tell whether anybody says more of a node than those who put it: users, rules, checks."""
        return bool(self._node_layers.notes(node_id))

    def layer(self, node_id: str, owner: str) -> Metadata:
        """Return what one owner said of a node, {} when nothing."""
        note = self._node_layers.notes(node_id).get(owner)
        if note is not None:
            return note
        claim = self._node_layers.claims(node_id).get(owner)
        return {} if claim is None else claim.metadata

    def note(self, node_id: str, owner: str, metadata: Metadata) -> None:
        """Make what `owner` says of a node equal to `metadata`, {} = nothing; nobody notes what is not there."""
        if self.node(node_id) is None or self.layer(node_id, owner) == metadata:
            return
        batch = Batch()
        if metadata:
            batch.annotate(node_id, owner, metadata)
        else:
            batch.drop_layer(node_id, owner)
        self.apply(batch)

    def _finish(self, transaction: Transaction) -> Sequence[Event]:
        events = transaction.finish(self._computed)
        if events:
            self.revision += 1
            self._undelivered.append(events)
            self._deliver()
        return events

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._undelivered:
                self._listeners.tell(self._undelivered.popleft())
        finally:
            self._delivering = False
