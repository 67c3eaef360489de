# SPDX-License-Identifier: Apache-2.0
"""What a run knows around its interface: the path that packets should take, where they went, who owns an address.

Source: the graph, and the flows of all captured interfaces.
"""

from collections.abc import Sequence

from netsonde.checks.guest import Guest
from netsonde.checks.steps._api import Scene, Whereabouts
from netsonde.checks.subjects import Speaker, owner_of_mac
from netsonde.checks.whereabouts import Place, Sightings, Ways, narrower, trail
from netsonde.graph import GraphReader


class Surroundings:
    """Those of one interface, `subject`."""

    def __init__(self, graph: GraphReader, sightings: Sightings, subject: Place) -> None:
        self._graph = graph
        self._sightings = sightings
        self.subject = subject
        self.speaker = Speaker(graph, subject.node_id)
        self.guest = Guest(graph, subject.node_id, self.speaker)
        self._places: Sequence[Place] = ()
        self._path: Sequence[Place] = ()
        self._wiring = -1
        """The number that layer 2 had when the path was found in it; -1 = it has to be found anew."""

    @property
    def has_path(self) -> bool:
        """Whether packets are expected on other interfaces."""
        return bool(self._places)

    def set_places(self, places: Sequence[Place]) -> None:
        """Take the interfaces that the expected path may have; `find_path` has to follow."""
        self._places, self._wiring = places, -1

    def find_path(self, ways: Ways, wiring: int) -> bool:
        """Find the way to these interfaces unless it is known for this wiring; False = no search is allowed now."""
        if self._wiring == wiring:
            return True
        path = ways.in_order(self.subject.node_id, self._places) if self._places else ()
        if path is None:
            return False
        self._path, self._wiring = path, wiring
        return True

    def scene(self, start_ns: int, until_ns: int) -> Scene:
        """Return what a step sees that has this time, in Unix ns by the clock of the interface's host."""
        return Scene(
            self.subject.name, start_ns, until_ns, self.trail, self._owner, self.guest, self._mtu, self._narrower
        )

    def trail(self, flow_uuid: str) -> Whereabouts:
        return trail(self._sightings, self._graph, flow_uuid, subject=self.subject, path=self._path)

    def _mtu(self) -> int:
        node = self._graph.node(self.subject.node_id)
        mtu = 0 if node is None else node.metadata.get("MTU")
        return mtu if isinstance(mtu, int) else 0

    def _narrower(self, mac: str, mtu: int) -> tuple[str, int]:
        return narrower(self._graph, self.subject.node_id, mac, mtu)

    def _owner(self, mac: str) -> str:
        node = owner_of_mac(self._graph, mac)
        name = "" if node is None else node.metadata.get("Name")
        return name if isinstance(name, str) else ""
