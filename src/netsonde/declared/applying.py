# SPDX-License-Identifier: Apache-2.0
"""Declared elements and annotations in the merged graph: put there, kept there, never in the way of a probe.

An ownership edge waits while somebody else owns its child: the graph keeps one owner, and would drop the probe's.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from netsonde.declared.catalogue import Catalogue, Delta, Name
from netsonde.declared.importing import owners, ownership_problem
from netsonde.graph import Batch, Event, Graph
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.model.elements import Edge, Element, Metadata

DECLARED: Final = "0.declared"
"""Owner of the claims. Digits sort before letters, so that what an agent says of the same element wins."""
USER: Final = "user"
"""Owner of the annotations; the graph lays owners of this name above all probes."""
RULE: Final = "rule."
"""Begin of the owners of what rules lay upon nodes; the graph lays it between probes and users."""


class Applier:
    """Brings one catalogue into one graph; `annotations` maps ids of nodes to what users say of them."""

    def __init__(self, graph: Graph, catalogue: Catalogue) -> None:
        self._graph = graph
        self._catalogue = catalogue
        self.annotations: dict[str, Metadata] = {}
        self._rule_notes: dict[str, dict[str, Metadata]] = {}
        """What rules lay upon nodes, by the id of the node and the owner."""
        self._held: dict[str, dict[str, None]] = {}
        """Ids of ownership edges that wait, by the id of the child."""

    def apply(self, delta: Delta) -> None:
        """Take in what changed in the catalogue."""
        put = [self._foreign(element) for element in delta.put.values() if self._is_free(element)]
        if put or delta.gone:
            self._graph.claim(DECLARED, put, delta.gone.values())

    def annotate(self, node_id: str, metadata: Metadata | None) -> None:
        """Let users say this of a node, whether it is there or not; None = nothing any more."""
        batch = Batch()
        if metadata:
            self.annotations[node_id] = metadata
            batch.annotate(node_id, USER, metadata)
        elif self.annotations.pop(node_id, None) is not None:
            batch.drop_layer(node_id, USER)
        if batch.operations:
            self._graph.apply(batch)

    def note(self, owner: str, notes: Mapping[str, Metadata | None]) -> None:
        """Lay the metadata of one rule upon nodes that are there, by id; None = not any more."""
        batch = Batch()
        for node_id, metadata in notes.items():
            if metadata is not None:
                self._rule_notes.setdefault(node_id, {})[owner] = metadata
                batch.annotate(node_id, owner, metadata)
            elif self._rule_notes.get(node_id, {}).pop(owner, None) is not None:
                batch.drop_layer(node_id, owner)
            if not self._rule_notes.get(node_id):
                self._rule_notes.pop(node_id, None)
        if batch.operations:
            self._graph.apply(batch)

    def ruled(self, node_id: str) -> list[Metadata]:
        """Return what rules lay upon a node, the one that wins last."""
        notes = self._rule_notes.get(node_id, {})
        return [notes[owner] for owner in sorted(notes)]

    def ruled_nodes(self) -> list[str]:
        return list(self._rule_notes)

    def is_waiting(self, edge: Edge) -> bool:
        """Tell whether a declared edge is not shown, because an end is missing or its child has another owner."""
        return self._graph.edge(edge.id) is None

    def follow(self, events: Sequence[Event]) -> None:
        """Take in what happened to the graph; listen with it."""
        free: dict[str, None] = {}
        batch = Batch()
        for event in events:
            if event.kind != "deleted":
                continue
            if isinstance(event.element, Edge):
                free.update(self._released(event.element))
                continue
            self._rule_notes.pop(event.element.id, None)
            if event.element.id in self.annotations:
                # The graph forgets what is said of a node that goes; its users have not.
                batch.annotate(event.element.id, USER, self.annotations[event.element.id])
        if batch.operations:
            self._graph.apply(batch)
        if free:
            self.apply(Delta({Name("edge", edge.id): edge for edge in map(self._catalogue.edge, free) if edge}))

    def _released(self, gone: Edge) -> dict[str, None]:
        """Return declared edges that may stand in for an ownership edge that is gone; note it if it is one."""
        if relation_type(gone.metadata) != OWNERSHIP:
            return {}
        if self._catalogue.edge(gone.id) is not None:
            # A probe owns the child now, or one of the ends is gone.
            self._held.setdefault(gone.child, {})[gone.id] = None
        return self._held.pop(gone.child, {})

    def _is_free(self, element: Element) -> bool:
        if not isinstance(element, Edge) or relation_type(element.metadata) != OWNERSHIP:
            return True
        others = [owner for owner in owners(self._graph, element.child) if owner.id != element.id]
        if others or ownership_problem(element, self._owner):
            self._held.setdefault(element.child, {})[element.id] = None
            return False
        return True

    def _owner(self, child: str) -> Edge | None:
        return next(owners(self._graph, child), None)

    def _foreign(self, element: Element) -> Element:
        """Edges of the graph's own origin would go for good with one of their ends; a user's wait for it."""
        if element.origin != self._graph.origin:
            return element
        return msgspec.structs.replace(element, origin=f"api.{self._graph.host}")
