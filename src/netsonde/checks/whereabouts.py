# SPDX-License-Identifier: Apache-2.0
"""Where packets were seen: flows of all captured interfaces by TrackingID, and the order in which they should be."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netsonde.checks.facts import FlowSeen
from netsonde.checks.steps._api import Whereabouts
from netsonde.checks.subjects import vlan_of
from netsonde.graph import GraphReader

_MOST_FLOWS: Final = 50_000
_MOST_PLACES: Final = 64
_MOST_LOOKED_AT: Final = 5_000
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


def in_order(graph: GraphReader, start: str, places: Iterable[Place]) -> list[Place]:
    """Return the places to which a node has a way over layer 2, by their distance; all, by name, when it has none."""
    distance = _distances(graph, start)
    known = [*places]
    reachable = [place for place in known if place.node_id in distance]
    return sorted(reachable or known, key=lambda place: (distance.get(place.node_id, 0), place.name, place.node_id))


def _distances(graph: GraphReader, start: str) -> dict[str, int]:
    distance, waiting = {start: 0}, deque((start,))
    while waiting and len(distance) < _MOST_LOOKED_AT:
        node_id = waiting.popleft()
        ends = [(edge, edge.child) for edge in graph.out_edges(node_id)]
        ends += [(edge, edge.parent) for edge in graph.in_edges(node_id)]
        for edge, other in ends:
            if other not in distance and edge.metadata.get("RelationType") == "layer2":
                distance[other] = distance[node_id] + 1
                waiting.append(other)
    return distance
