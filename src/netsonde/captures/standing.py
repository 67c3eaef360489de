# SPDX-License-Identifier: Apache-2.0
"""One standing definition on a graph: which nodes it wants there, and at which of them it can capture."""

from collections.abc import Iterable, Sequence
from typing import Final

from netsonde.captures.definitions import compiled, is_expired
from netsonde.captures.engines._api import Point
from netsonde.captures.placement import place
from netsonde.errors import UserError
from netsonde.graph import Event, GraphReader
from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.model.captures import Capture
from netsonde.model.elements import Edge
from netsonde.query import Matcher, StandingQuery

_OWN_NOTES: Final = frozenset({"Captures", "SFlow"})
"""Keys that captures write themselves."""


class Standing:
    """A definition, its matcher, and the devices of the nodes that match.

    `evaluates` tells which queries are judged on this graph; others match nothing but their targets.
    """

    def __init__(self, capture: Capture, graph: GraphReader, *, only_local: bool) -> None:
        self.capture = capture
        self._graph = graph
        self._only_local = only_local
        self.problem = ""
        """Why the definition cannot be followed here, "" when it can."""
        self.query: StandingQuery | None = None
        self._matcher: Matcher | None = None
        self._targets: frozenset[str] = frozenset()
        self.points: dict[str, Point] = {}
        """Devices by the id of the node that matches."""
        self.no_device: set[str] = set()
        """Nodes that match and have no device, or not yet."""
        self._compile()
        self.refresh(self.matching)

    @property
    def matching(self) -> set[str]:
        """Ids of the nodes that match on this graph or are targets there."""
        matched = self._matcher.matching if self._matcher is not None else set()
        return matched | self._targets if self._targets else matched

    def redefine(self, capture: Capture) -> None:
        """Take a changed definition; its query is compiled anew only if that changed."""
        before, self.capture = self.capture, capture
        if (before.gremlin_query, before.type) != (capture.gremlin_query, capture.type):
            self._compile()
            self.refresh({*self.points, *self.no_device, *self.matching})

    def set_targets(self, node_ids: Iterable[str]) -> set[str]:
        """Take the nodes that an analyzer wants; return those that this changed."""
        before, self._targets = self._targets, frozenset(node_ids)
        changed = set(before ^ self._targets)
        self.refresh(changed)
        return changed

    def follow(self, events: Sequence[Event], touched: Iterable[str], *, moved: bool) -> set[str]:
        """Follow one batch; return the nodes whose match or device changed.

        `touched` are the nodes in the events, `moved` tells that owners or namespaces changed.
        """
        changed: set[str] = set()
        if self._matcher is not None:
            try:
                gained, lost = self._matcher.update(events)
                changed = gained | lost
                self.problem = ""
            except UserError as too_much:
                self.problem = str(too_much)
        known = changed.union(node_id for node_id in touched if self._knows(node_id))
        if moved:
            known |= self.no_device
        return self.refresh(known) | changed

    def refresh(self, node_ids: Iterable[str]) -> set[str]:
        """Look again whether and where these nodes can be captured; return those that changed."""
        changed: set[str] = set()
        for node_id in node_ids:
            before = (self.points.get(node_id), node_id in self.no_device)
            self._place(node_id)
            if before != (self.points.get(node_id), node_id in self.no_device):
                changed.add(node_id)
        return changed

    def is_runnable(self, now_ms: int) -> bool:
        """Tell whether the definition wants anything at all now."""
        return not self.capture.paused and not is_expired(self.capture, now_ms)

    def _compile(self) -> None:
        self.query, self._matcher, self.problem = None, None, ""
        try:
            self.query = compiled(self.capture)
            if self.query.local or not self._only_local:
                self._matcher = Matcher(self.query, self._graph)
        except UserError as bad:
            self.problem = str(bad)

    def _place(self, node_id: str) -> None:
        node = self._graph.node(node_id)
        self.points.pop(node_id, None)
        self.no_device.discard(node_id)
        if node is None or not self._matches(node_id):
            return
        point = place(self._graph, node, self.capture)
        if point is None:
            self.no_device.add(node_id)
        else:
            self.points[node_id] = point

    def _matches(self, node_id: str) -> bool:
        return node_id in self._targets or (self._matcher is not None and node_id in self._matcher.matching)

    def _knows(self, node_id: str) -> bool:
        return node_id in self.points or node_id in self.no_device or node_id in self._targets


def touched_by(events: Sequence[Event]) -> tuple[set[str], bool]:
    """Return the nodes that events touch, and whether owners or namespaces changed."""
    touched: set[str] = set()
    moved = False
    for event in events:
        element = event.element
        if isinstance(element, Edge):
            if relation_type(element.metadata) == OWNERSHIP:
                touched.add(element.child)
                moved = True
        elif not event.touched or not event.touched <= _OWN_NOTES:
            # Our own note on a node is no reason to look at it again.
            touched.add(element.id)
            moved = moved or element.metadata.get("Type") in ("netns", "host")
    return touched, moved
