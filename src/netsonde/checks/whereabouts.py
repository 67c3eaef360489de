# SPDX-License-Identifier: Apache-2.0
"""Where packets were seen: flows of all captured interfaces by TrackingID, and the order in which they should be."""

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netsonde.checks.facts import FlowSeen
from netsonde.checks.steps._api import Whereabouts
from netsonde.checks.subjects import vlan_of
from netsonde.graph import GraphReader

_MOST_FLOWS: Final = 50_000
_MOST_PLACES: Final = 64
_MOST_LOOKED_AT: Final = 5_000
_MOST_TO_SWITCH: Final = 16
_MOST_NODES_KEPT: Final = 200_000
"""Of all searches together; each takes about 100 bytes."""
_VLAN: Final = 0xFFF


class Sightings:
    """Flows by what they have in common everywhere; bounded, the oldest are forgotten and counted."""

    def __init__(self, limit: int = _MOST_FLOWS) -> None:
        self._limit = limit
        self._tracking: OrderedDict[str, str] = OrderedDict()
        self._places: OrderedDict[str, dict[str, FlowSeen]] = OrderedDict()
        self.forgotten = 0

    def add(self, flow: FlowSeen) -> None:
        self._tracking[flow.uuid] = flow.tracking_id
        places = self._places.setdefault(flow.tracking_id, {})
        if len(places) < _MOST_PLACES or flow.node_tid in places:
            places.setdefault(flow.node_tid, flow)
        for known in (self._tracking, self._places):
            if len(known) > self._limit:
                known.popitem(last=False)
                self.forgotten += 1

    def of(self, flow_uuid: str) -> dict[str, FlowSeen]:
        """Return where the packets of a flow were seen, by TID."""
        return self._places.get(self._tracking.get(flow_uuid, ""), {})


@dataclass(frozen=True, slots=True)
class Place:
    """One interface of the expected path."""

    node_id: str
    tid: str
    name: str


def trail(
    sightings: Sightings, graph: GraphReader, flow_uuid: str, *, subject: Place, path: Sequence[Place]
) -> Whereabouts:
    """Return where the packets of a flow of `subject` went; `path` is in the order in which they should."""
    seen = sightings.of(flow_uuid)
    reached = [place for place in path if place.tid in seen]
    reached.sort(key=lambda place: seen[place.tid].start_ns)
    missing = next((place.name for place in path if place.tid not in seen), "")
    last = seen.get(reached[-1].tid if reached else subject.tid)
    node = graph.node(subject.node_id)
    vlan = (last.vlan_ids & _VLAN if last is not None else 0) or (vlan_of(graph, node) if node is not None else 0)
    names = tuple(place.name for place in reached)
    return Whereabouts(names, missing, vlan, len(path), tuple(place.node_id for place in reached))


class Ways:
    """The order in which a node's packets come to places, by distance over layer 2.

    Interfaces that hang on the same switch share one search of what is beyond it; it is kept until an edge changes
    that it met. `searches` is how many more are allowed.
    """

    def __init__(self, graph: GraphReader) -> None:
        self._graph = graph
        self._found: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._nodes_kept = 0
        self.searches = 0

    def changed(self, ends: Collection[str]) -> None:
        """Edges of layer 2 came, went or changed between these nodes."""
        for start, distance in [*self._found.items()]:
            if not distance.keys().isdisjoint(ends):
                self._drop(start)

    def in_order(self, start: str, places: Iterable[Place]) -> list[Place] | None:
        """Return the places to which a node has a way, the nearest first; all, by name, when it has none.

        None = no search is allowed any more.
        """
        near = self._towards_switch(start)
        switch = next(reversed(near))
        beyond = self._beyond(switch)
        if beyond is None:
            return None
        known = [*places]
        distance = {
            place.node_id: near.get(place.node_id, near[switch] + beyond.get(place.node_id, 0))
            for place in known
            if place.node_id in near or place.node_id in beyond
        }
        reachable = [place for place in known if place.node_id in distance]
        return sorted(reachable or known, key=lambda place: (distance.get(place.node_id, 0), place.name, place.node_id))

    def _towards_switch(self, start: str) -> dict[str, int]:
        """Return the distances of the nodes up to the first, the last in the dict, from which there are several ways.

        Nothing else can be reached but by that one.
        """
        distance, node_id = {start: 0}, start
        while len(distance) < _MOST_TO_SWITCH:
            onward = _neighbours(self._graph, node_id) - distance.keys()
            if len(onward) != 1:
                break
            (following,) = onward
            distance[following] = distance[node_id] + 1
            node_id = following
        return distance

    def _beyond(self, switch: str) -> dict[str, int] | None:
        found = self._found.get(switch)
        if found is None and self.searches > 0:
            self.searches -= 1
            found = self._found[switch] = _distances(self._graph, switch)
            self._nodes_kept += len(found)
            while self._nodes_kept > _MOST_NODES_KEPT:
                self._drop(next(iter(self._found)))
        return found

    def _drop(self, start: str) -> None:
        self._nodes_kept -= len(self._found.pop(start))


def _distances(graph: GraphReader, start: str) -> dict[str, int]:
    distance, waiting = {start: 0}, deque((start,))
    while waiting and len(distance) < _MOST_LOOKED_AT:
        node_id = waiting.popleft()
        for other in _neighbours(graph, node_id):
            if other not in distance:
                distance[other] = distance[node_id] + 1
                waiting.append(other)
    return distance


def narrower(graph: GraphReader, start: str, mac: str, mtu: int) -> tuple[str, int]:
    """Return name and MTU of the first interface on the way to a MAC address whose MTU is less than one.

    ("", 0) when there is none. Where the graph has no way to the address, what the interface is linked with counts, the
    nearest first. A bridge takes on the least MTU of its ports, so a port tells more.
    """
    before = _predecessors(graph, start)
    end = next((node.id for node in graph.nodes_with("MAC", mac) if node.id in before), None) if mac else None
    way = [*before] if end is None else _way(before, end)
    found: list[tuple[str, int]] = []
    for node_id in way:
        node = graph.node(node_id)
        own = None if node is None else node.metadata.get("MTU")
        if node is not None and isinstance(own, int) and 0 < own < mtu:
            place = (str(node.metadata.get("Name", "")), own)
            if node.metadata.get("Type") not in ("bridge", "ovsbridge"):
                return place
            found.append(place)
    return next(iter(found), ("", 0))


def _predecessors(graph: GraphReader, start: str) -> dict[str, str]:
    """Return what is linked with a node over layer 2, the nearest first, each with the node before it."""
    before, waiting = {start: ""}, deque((start,))
    while waiting and len(before) < _MOST_LOOKED_AT:
        node_id = waiting.popleft()
        for other in sorted(_neighbours(graph, node_id)):
            if other not in before:
                before[other] = node_id
                waiting.append(other)
    return before


def _way(before: dict[str, str], end: str) -> list[str]:
    way = [end]
    while before[way[-1]]:
        way.append(before[way[-1]])
    return way[::-1]


def _neighbours(graph: GraphReader, node_id: str) -> set[str]:
    """Return what is linked with a node over layer 2."""
    found = {edge.child for edge in graph.out_edges(node_id) if edge.metadata.get("RelationType") == "layer2"}
    found.update(edge.parent for edge in graph.in_edges(node_id) if edge.metadata.get("RelationType") == "layer2")
    return found
