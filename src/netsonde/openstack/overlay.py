# SPDX-License-Identifier: Apache-2.0
"""Lays what clouds say upon the merged graph, at once when a node or an object comes, and takes it back when one goes.

Source: the records in the bucket `openstack`, the merged graph.
Writes: `Neutron`, and what agents lack of `VM.UUID`, `Manager`, `ExtID`, `PeerIntfMAC`, in the layer `openstack`:
        above probes, below the rules and annotations of users; history records it with theirs.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

from netsonde.graph import Event, Graph
from netsonde.model.elements import Metadata, Node
from netsonde.model.openstack import CloudRecord
from netsonde.openstack.joins import KEYS, keys_of_node, keys_of_record, laid, port_id_of

OWNER: Final = "openstack"
_PORTION: Final = 200
"""Nodes that are looked at in one turn of the loop, which others wait for; some 20 µs each."""
_UP: Final = frozenset({"ACTIVE", "N/A"})


class Ground(Protocol):
    """Where metadata is laid upon nodes; `DeclaredElements` is one."""

    def note(self, owner: str, notes: Mapping[str, Metadata | None]) -> None: ...


class Wants(Protocol):
    """Hears which ports should be asked for; `Wanted` is one, for each cloud that is read."""

    def want(self, port_id: str) -> None: ...
    def drop(self, port_id: str) -> None: ...


class Overlay:
    """Keeps the nodes equal to what the records say; `run` may be called again."""

    def __init__(self, graph: Graph, ground: Ground, wants: Sequence[Wants], tell: Callable[[], None]) -> None:
        """`tell` is called after changes."""
        self._graph = graph
        self._ground = ground
        self._wants = wants
        self._tell = tell
        self._records: dict[str, CloudRecord] = {}
        self._by_key: dict[str, dict[str, CloudRecord]] = {}
        """Records by what nodes find them by, and the record's own key."""
        self._keys: dict[str, tuple[str, ...]] = {}
        """What a node may be found by, by its id."""
        self._nodes: dict[str, set[str]] = {}
        """Ids of nodes by what they may be found by."""
        self._laid: dict[str, str] = {}
        """Keys of records by the ids of the nodes upon which they are laid."""
        self._asked: dict[str, str] = {}
        """Ports that are asked for, by the ids of their nodes."""
        self._pending: dict[str, None] = {}
        self._woken = asyncio.Event()
        self.unknown: set[str] = set()
        """Nodes that a switch says are a port of which no cloud has told."""
        self.ambiguous: set[str] = set()
        """Nodes that several ports have the MAC of."""

    @property
    def records(self) -> Mapping[str, CloudRecord]:
        return self._records

    @property
    def joined(self) -> int:
        """Nodes that something of a cloud is laid upon."""
        return len(self._laid)

    def put(self, record: CloudRecord) -> None:
        """Take in what a cloud says now."""
        self._index(record.key, record)

    def gone(self, key: str) -> None:
        self._index(key, None)

    async def run(self) -> None:
        """Follow the graph until cancelled."""
        self._keys.clear()
        self._nodes.clear()
        self._pending = dict.fromkeys(self._laid)
        for node in self._graph.nodes():
            self._take(node)
        self._woken.set()
        unsubscribe = self._graph.subscribe(self._follow)
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self._pending:
                    portion = list(islice(self._pending, _PORTION))
                    for node_id in portion:
                        del self._pending[node_id]
                    self._write(portion)
                    await asyncio.sleep(0)
                self._tell()
        finally:
            unsubscribe()

    def _index(self, key: str, record: CloudRecord | None) -> None:
        before = self._records.pop(key, None)
        for one in () if before is None else keys_of_record(before):
            holders = self._by_key[one]
            del holders[key]
            if not holders:
                del self._by_key[one]
            self._touch(self._nodes.get(one, ()))
        if record is None:
            return
        self._records[key] = record
        for one in keys_of_record(record):
            self._by_key.setdefault(one, {})[key] = record
            self._touch(self._nodes.get(one, ()))

    def _follow(self, events: Sequence[Event]) -> None:
        for event in events:
            node = event.element
            if not isinstance(node, Node) or event.probe == OWNER:
                continue
            if event.kind == "deleted":
                self._forget(node.id)
            elif event.kind == "added" or event.touched & KEYS:
                self._take(node)

    def _take(self, node: Node) -> None:
        keys = tuple(dict.fromkeys(keys_of_node(self._graph.base_metadata(node.id))))
        before = self._keys.get(node.id, ())
        if not (keys or before):
            return
        self._reindex(node.id, before, keys)
        self._touch([node.id])

    def _forget(self, node_id: str) -> None:
        """The graph forgets with a node what was laid upon it."""
        self._reindex(node_id, self._keys.get(node_id, ()), ())
        self._laid.pop(node_id, None)
        self._pending.pop(node_id, None)
        self._ask(node_id, "")
        self.unknown.discard(node_id)
        self.ambiguous.discard(node_id)

    def _reindex(self, node_id: str, before: Iterable[str], after: tuple[str, ...]) -> None:
        for key in before:
            nodes = self._nodes.get(key, set())
            nodes.discard(node_id)
            if not nodes:
                self._nodes.pop(key, None)
        for key in after:
            self._nodes.setdefault(key, set()).add(node_id)
        if after:
            self._keys[node_id] = after
        else:
            self._keys.pop(node_id, None)

    def _touch(self, nodes: Iterable[str]) -> None:
        for node_id in nodes:
            self._pending[node_id] = None
        self._woken.set()

    def _write(self, nodes: Iterable[str]) -> None:
        notes: dict[str, Metadata | None] = {}
        for node_id in nodes:
            record = self._record_of(node_id)
            is_there = self._graph.node(node_id) is not None
            base = self._graph.base_metadata(node_id) if is_there else {}
            self._judge(node_id, record, port_id_of(base))
            if record is not None and is_there:
                wanted = laid(record, base)
                self._laid[node_id] = record.key
                if self._graph.layer(node_id, OWNER) != wanted:
                    notes[node_id] = wanted
            elif self._laid.pop(node_id, None) is not None and is_there:
                notes[node_id] = None
        if notes:
            self._ground.note(OWNER, notes)

    def _record_of(self, node_id: str) -> CloudRecord | None:
        """Return what a node is found to be, by the surest sign that tells."""
        self.ambiguous.discard(node_id)
        for key in self._keys.get(node_id, ()):
            found = self._by_key.get(key, {})
            if len(found) == 1:
                self.ambiguous.discard(node_id)
                return next(iter(found.values()))
            if found:
                self.ambiguous.add(node_id)
        return None

    def _judge(self, node_id: str, record: CloudRecord | None, port_id: str) -> None:
        """Have a port asked for that is not known, or not up yet: Neutron does not tell when it comes up."""
        if record is None and port_id:
            self.unknown.add(node_id)
        else:
            self.unknown.discard(node_id)
        is_up = record is not None and (record.kind != "port" or record.neutron.get("Status") in _UP)
        self._ask(node_id, "" if is_up else port_id)

    def _ask(self, node_id: str, port_id: str) -> None:
        before = self._asked.pop(node_id, "")
        if port_id:
            self._asked[node_id] = port_id
        for wants in self._wants:
            if before and before != port_id:
                wants.drop(before)
            if port_id:
                wants.want(port_id)
