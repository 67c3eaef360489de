# SPDX-License-Identifier: Apache-2.0
"""What a probe states on nodes that others put, kept, so that only differences are written.

`contributions.py` is for those that put nodes and edges too.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.model.elements import Metadata
from netsonde.probes._api import ProbeGraph

S = TypeVar("S")


class Notes(Generic[S]):
    """Notes of one owner, each with the source that it was read from, such as the inode of a namespace."""

    def __init__(self, owner: str, graph: ProbeGraph, *, early: bool = False) -> None:
        """`early`: on nodes too that are not there yet."""
        self._owner = owner
        self._graph = graph
        self._early = early
        self._stated: dict[str, tuple[S, Metadata]] = {}

    def __len__(self) -> int:
        return len(self._stated)

    def forget(self, events: Sequence[Event]) -> bool:
        """Take notice of nodes that are gone; return whether any had notes.

        The notes went with the node, so they have to be stated anew on one that comes back.
        """
        gone = [event.element.id for event in events if event.kind == "deleted" and event.element.id in self._stated]
        for node in gone:
            del self._stated[node]
        return bool(gone)

    def publish(self, wanted: Mapping[str, tuple[S, Metadata]], unread: Collection[S] = ()) -> None:
        """State what is wanted, by node, and nothing else; what was read from sources that are unread now stays."""
        batch = Batch()
        for node, (source, _) in list(self._stated.items()):
            if node not in wanted and source not in unread:
                del self._stated[node]
                batch.drop_layer(node, self._owner)
        for node, said in wanted.items():
            if said[0] in unread or self._stated.get(node) == said:
                continue
            if self._early or self._graph.node(node) is not None:
                self._stated[node] = said
                batch.annotate(node, self._owner, said[1])
        if len(batch):
            self._graph.apply(batch)
