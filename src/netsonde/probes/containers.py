# SPDX-License-Identifier: Apache-2.0
"""Containers into the graph, whoever runs them: each owned by its network namespace, which gets its name.

Source: what a probe found out of an engine, and /proc/PID/ns/net of the container's first process (proc(5)).
The probes of several engines may know one container (Docker's are containerd's too): its node is one, by its id.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.events import Event
from netsonde.graph.ids import edge_id
from netsonde.model.elements import Metadata
from netsonde.probes._api import ProbeContext

UNKNOWN: Final = 0
"""Instead of an inode: we may not look, so the container hangs under the host."""
LABEL_BYTES: Final = 64 * 1024
"""Of names and values of one container's labels: whoever makes an image writes them, and a node must fit on the bus."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that has processes."""

    id: str
    name: str
    manager: str
    """Engine that manages it: `docker`, `podman`."""
    pid: int
    """First process, in the agent's pid namespace."""
    owns_namespace: bool
    """Whether its network namespace was made for it; it is not when it joined that of another container."""
    facts: Metadata
    """What is shown under `Container`."""
    pod: str = ""
    """Name of the pod that it belongs to."""
    more: Metadata = field(default_factory=dict)
    """What only its manager has, under keys of its own."""

    @property
    def metadata(self) -> Metadata:
        return {"Type": "container", "Name": self.name, "Manager": self.manager, "Container": self.facts, **self.more}


@dataclass(frozen=True, slots=True)
class _Shown:
    container: Container
    netns: int
    """Inode of its network namespace, or UNKNOWN."""


class ContainerPublisher:
    """Writes containers under one owner's name, differences only."""

    def __init__(self, context: ProbeContext, owner: str, proc: Path = Path("/proc")) -> None:
        self._context = context
        self._owner = owner
        self._proc = proc
        self._shown: dict[str, _Shown] = {}
        self._inside: dict[int, set[str]] = {}
        # Not only while the engine is there: containers stay without it, and must find their namespaces again.
        context.graph.subscribe(self._graph_changed)

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def ids(self) -> set[str]:
        return set(self._shown)

    def shown(self, container_id: str) -> Container | None:
        """Return a container as it was shown last, None for one that is not."""
        found = self._shown.get(container_id)
        return None if found is None else found.container

    def update(self, containers: Iterable[Container], gone: Iterable[str] = ()) -> None:
        """Show these containers as they are now and take others away, all in one batch."""
        batch = Batch()
        touched: set[int] = set()
        for container_id in gone:
            touched |= self._hide(batch, container_id)
        for container in containers:
            touched |= self._show(batch, container)
        for inode in touched:
            self._name_namespace(batch, inode)
        if len(batch):
            self._context.graph.apply(batch)

    def drop_dead(self) -> None:
        """Take away containers whose first process has ended: for the time in which the engine is away."""
        self.update((), [known for known, shown in self._shown.items() if self._netns(shown.container.pid) is None])

    def _graph_changed(self, events: Sequence[Event]) -> None:
        for event in events:
            inode = event.element.metadata.get("Inode")
            if event.kind == "deleted" and isinstance(inode, int):
                self._namespace_lost(inode)

    def _namespace_lost(self, inode: int) -> None:
        """A namespace's node is gone, and with it its edges to containers and our note: state them for its return."""
        batch = Batch()
        for container_id in self._inside.get(inode, ()):
            self._put_edge(batch, self._shown[container_id])
        self._name_namespace(batch, inode)
        self._context.graph.apply(batch)

    def _show(self, batch: Batch, container: Container) -> set[int]:
        """State one container; return the namespaces whose name may have changed."""
        netns = self._netns(container.pid)
        if netns is None:
            return self._hide(batch, container.id)
        before = self._shown.get(container.id)
        shown = self._shown[container.id] = _Shown(container, netns)
        if before is None or before.container.metadata != container.metadata:
            batch.put_node(self._node(container.id), self._owner, container.metadata)
        if before is not None and before.netns != netns:
            self._leave(before)
            batch.delete_edge(self._edge(before), self._owner)
        if before is None or before.netns != netns:
            self._inside.setdefault(netns, set()).add(container.id)
            self._put_edge(batch, shown)
            self._look_for(netns)
        return {netns, netns if before is None else before.netns}

    def _hide(self, batch: Batch, container_id: str) -> set[int]:
        gone = self._shown.pop(container_id, None)
        if gone is None:
            return set()
        self._leave(gone)
        # An edge that waits for its namespace would wait for ever.
        batch.delete_edge(self._edge(gone), self._owner)
        batch.drop_layer(self._node(container_id), self._owner)
        return {gone.netns}

    def _leave(self, shown: _Shown) -> None:
        inside = self._inside[shown.netns]
        inside.discard(shown.container.id)
        if not inside:
            del self._inside[shown.netns]

    def _edge(self, shown: _Shown) -> str:
        return edge_id(self._owning_node(shown.netns), self._node(shown.container.id), OWNERSHIP)

    def _put_edge(self, batch: Batch, shown: _Shown) -> None:
        owner, node = self._owning_node(shown.netns), self._node(shown.container.id)
        batch.put_edge(None, owner, node, self._owner, {"RelationType": OWNERSHIP})

    def _name_namespace(self, batch: Batch, inode: int) -> None:
        """Let a namespace be called like the container that it was made for, whichever was seen first."""
        namespaces = self._context.namespaces
        if inode in (UNKNOWN, namespaces.own.inode):
            return
        node = self._context.identity.netns(inode)
        inside = [self._shown[container_id].container for container_id in self._inside.get(inode, ())]
        if not inside:
            namespaces.prefer_name(inode, self._owner, "")
            batch.drop_layer(node, self._owner)
            return
        first = min(inside, key=lambda container: (not container.owns_namespace, container.name, container.id))
        namespaces.prefer_name(inode, self._owner, first.pod or first.name)
        batch.annotate(node, self._owner, {"Manager": first.manager})

    def _node(self, container_id: str) -> str:
        return self._context.identity.container(container_id)

    def _owning_node(self, netns: int) -> str:
        identity = self._context.identity
        return identity.host() if netns in (UNKNOWN, self._context.namespaces.own.inode) else identity.netns(netns)

    def _look_for(self, netns: int) -> None:
        """Have a namespace looked for that is in no directory that is watched."""
        if netns != UNKNOWN and self._context.namespaces.get(netns) is None:
            self._context.namespaces.hint()

    def _netns(self, pid: int) -> int | None:
        """Return the inode of a process's network namespace, None when it has ended."""
        try:
            return os.stat(f"{self._proc}/{pid}/ns/net").st_ino
        except PermissionError:
            return UNKNOWN
        except OSError:
            return None


def kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that are shown, in order: those that find room in LABEL_BYTES."""
    kept: dict[str, str] = {}
    room = LABEL_BYTES
    for name, value in labels.items():
        size = len(name.encode()) + len(value.encode())
        if size <= room:
            kept[name] = value
            room -= size
    return kept


def lxc_id(owner: int, path: str, name: str) -> str:
    """Return the id of a container of LXC: user that runs its monitor, directory of all containers, name."""
    return f"lxc:{owner}:{path}/{name}"


def unix_ms(text: str) -> int:
    """Return an RFC 3339 time in Unix milliseconds, 0 for none (engines write the year 1) or one that is no time."""
    try:
        moment = datetime.fromisoformat(text)
        return max(0, int(moment.timestamp() * 1000)) if moment.tzinfo is not None else 0
    except (ValueError, OverflowError):
        return 0
