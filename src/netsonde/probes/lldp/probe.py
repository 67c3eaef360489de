# SPDX-License-Identifier: Apache-2.0
"""Switches and switch ports at the other ends of this host's cables.

Source: LLDP frames (IEEE 802.1AB) received on a socket for each interface, in whatever namespace that is;
        nothing is sent, and an lldpd may run beside it.
Writes: nodes Type=switch and switchport, which several hosts share; edges ownership and layer2, switch -> port,
        and layer2, port -> interface.
Needs:  the `netlink` probe for the interfaces; CAP_NET_RAW, and CAP_SYS_ADMIN for other namespaces.
"""

import asyncio
import fnmatch
import socket
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from netsonde.aio import spawn
from netsonde.errors import WireError
from netsonde.graph.batch import OWNERSHIP, Batch, relation_type
from netsonde.graph.events import Event
from netsonde.model.elements import Edge, Node
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.contributions import ContributionPublisher
from netsonde.probes.lldp.cdp import is_cdp, read_cdp
from netsonde.probes.lldp.frame import read_frame
from netsonde.probes.lldp.neighbours import Neighbours
from netsonde.probes.lldp.socket import LONGEST, PACKET_OUTGOING, lost_frames, open_socket
from netsonde.probes.lldp.translate import neighbourhood
from netsonde.probes.namespaces import Namespace

HARDWARE: Final = "device"
FRAMES_A_TURN: Final = 64
"""Frames of one interface that are read in one go; with as many, the next go is after BREATH."""
BREATH: Final = 0.1
"""Seconds that a flooded interface is left to its socket's buffer: 640 frames a second are read at most."""
PUBLISH_EVERY: Final = 0.5
"""Least seconds between two batches: each is a revision that history keeps, and anybody on the cable causes them."""
EVERYTHING: Final = "neighbourhood"


class _Place(NamedTuple):
    """An interface to listen on."""

    netns: int
    ifindex: int


class LldpProbe:
    """Listens on every wanted interface that there is; neighbours are kept over a restart of the probe."""

    name = "lldp"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._patterns = context.settings.lldp.interfaces
        self._neighbours = Neighbours()
        self._publisher = ContributionPublisher[str](self.name, host="")
        self._wanted: dict[str, _Place] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._to_open: dict[str, None] = {}
        self._open_wanted = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._held: asyncio.TimerHandle | None = None
        self._unpublished = False
        self._refused: dict[str, str] = {}
        self._health = Health(self.name)

    async def run(self, health: Health) -> None:
        """Listen until cancelled."""
        self._health = health
        unsubscribe = [self._context.graph.subscribe(self._graph_changed), self._context.namespaces.subscribe(self)]
        try:
            for node in self._context.graph.nodes_with("EncapType", "ether"):
                self._look_at(node)
            self._expire()
            self._publish()
            self._tell()
            async with asyncio.TaskGroup() as group:
                spawn(group, self._open_for_ever(), "lldp-open")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            for end in unsubscribe:
                end()
            for listening in tuple(self._sockets):
                self._close(listening)
            self._wanted = {}
            for timer in (self._timer, self._held):
                if timer is not None:
                    timer.cancel()
            self._held = None

    # NamespaceListener

    def namespace_added(self, namespace: Namespace) -> None:
        """Open what waited for it: interfaces are published before their namespace can be entered."""
        waiting = [node for node, place in self._wanted.items() if place.netns == namespace.inode]
        self._open(waiting)

    def namespace_removed(self, namespace: Namespace) -> None:
        """Let go of it at once: a socket inside would keep it alive."""
        for node, place in tuple(self._wanted.items()):
            if place.netns == namespace.inode:
                self._lose(node)

    # Which interfaces

    def _graph_changed(self, events: Sequence[Event]) -> None:
        for event in events:
            element = event.element
            if event.probe == self.name:
                continue
            if isinstance(element, Node) and event.kind == "deleted":
                self._publisher.node_lost(element.id)
                self._lose(element.id)
            elif isinstance(element, Node):
                self._look_at(element)
            elif isinstance(element, Edge) and event.kind == "added" and relation_type(element.metadata) == OWNERSHIP:
                owned = self._context.graph.node(element.child)
                if owned is not None:
                    self._look_at(owned)

    def _look_at(self, node: Node) -> None:
        """Listen on an interface, or no more, as what is known of it now wants."""
        place = self._place(node) if self._is_wanted(node) else None
        if place == self._wanted.get(node.id):
            return
        self._lose(node.id)
        if place is not None:
            self._wanted[node.id] = place
            self._open([node.id])

    def _is_wanted(self, node: Node) -> bool:
        facts = node.metadata
        if facts.get("EncapType") != "ether" or not isinstance(facts.get("IfIndex"), int):
            return False
        if not self._patterns:
            return facts.get("Type") == HARDWARE
        return any(fnmatch.fnmatchcase(str(facts.get("Name")), pattern) for pattern in self._patterns)

    def _place(self, node: Node) -> _Place | None:
        """Return where an interface is, None while its owner is not known."""
        ifindex = node.metadata["IfIndex"]
        assert isinstance(ifindex, int)
        for edge in self._context.graph.in_edges(node.id):
            owner = self._context.graph.node(edge.parent)
            if relation_type(edge.metadata) == OWNERSHIP and owner is not None:
                if owner.metadata.get("Type") == "host":
                    return _Place(self._context.namespaces.own.inode, ifindex)
                inode = owner.metadata.get("Inode")
                return _Place(inode, ifindex) if isinstance(inode, int) else None
        return None

    # Sockets

    def _open(self, nodes: list[str]) -> None:
        self._to_open.update(dict.fromkeys(nodes))
        self._open_wanted.set()

    async def _open_for_ever(self) -> None:
        while True:
            await self._open_wanted.wait()
            self._open_wanted.clear()
            waiting, self._to_open = self._to_open, {}
            for node in waiting:
                await self._open_one(node)
            self._tell()

    async def _open_one(self, node: str) -> None:
        place = self._wanted.get(node)
        namespace = None if place is None else self._context.namespaces.get(place.netns)
        if place is None or namespace is None or node in self._sockets:
            return
        make = partial(open_socket, place.ifindex)
        (made,) = await self._context.namespaces.enter_each([namespace], make, socket.socket.close)
        if isinstance(made, OSError):
            self._refused[node] = made.strerror or str(made)
        elif self._wanted.get(node) == place and self._context.namespaces.get(place.netns) is namespace:
            self._refused.pop(node, None)
            self._sockets[node] = made
            asyncio.get_running_loop().add_reader(made, self._readable, node, made)
        else:
            made.close()

    def _lose(self, node: str) -> None:
        """Stop listening on an interface, and forget who was heard there: it is gone, or not wanted any more."""
        self._wanted.pop(node, None)
        self._to_open.pop(node, None)
        self._refused.pop(node, None)
        self._close(node)
        if self._neighbours.interface_gone(node):
            self._publish()

    def _close(self, node: str) -> None:
        found = self._sockets.pop(node, None)
        if found is not None:
            asyncio.get_running_loop().remove_reader(found)
            found.close()

    # Frames

    def _readable(self, node: str, source: socket.socket) -> None:
        changed = False
        for _ in range(FRAMES_A_TURN):
            try:
                frame, (_, _, packet_type, *_) = source.recvfrom(LONGEST)
            except BlockingIOError:
                break
            except OSError:
                break  # the interface was set down; it may come up again
            if packet_type != PACKET_OUTGOING:
                changed = self._hear(node, frame) or changed
        else:
            loop = asyncio.get_running_loop()
            loop.remove_reader(source)
            loop.call_later(BREATH, self._read_on, node, source)
        if changed:
            self._publish()
        self._set_timer()

    def _read_on(self, node: str, source: socket.socket) -> None:
        """Listen again to an interface that was flooded, if it is still wanted, and count what its buffer lost."""
        if self._sockets.get(node) is source:
            self._health.count("dropped", lost_frames(source))
            asyncio.get_running_loop().add_reader(source, self._readable, node, source)

    def _hear(self, node: str, frame: bytes) -> bool:
        self._health.count("frames")
        try:
            said = read_cdp(frame) if is_cdp(frame) else read_frame(frame)
        except WireError:
            self._health.count("malformed")
            return False
        if said.unreadable:
            self._health.count("unreadable", said.unreadable)
        return self._neighbours.hear(node, said, asyncio.get_running_loop().time())

    def _expire(self) -> None:
        self._timer = None
        if self._neighbours.expire(asyncio.get_running_loop().time()):
            self._publish()
        self._set_timer()

    def _set_timer(self) -> None:
        until = self._neighbours.next_expiry()
        if until is not None and (self._timer is None or self._timer.when() > until):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(until, self._expire)

    def _publish(self) -> None:
        """Publish at once what changed, or when the time is over that the last batch holds for."""
        if self._held is not None:
            self._unpublished = True
            return
        self._unpublished = False
        self._write()
        self._held = asyncio.get_running_loop().call_later(PUBLISH_EVERY, self._release)

    def _release(self) -> None:
        self._held = None
        if self._unpublished:
            self._publish()

    def _write(self) -> None:
        batch = Batch()
        self._publisher.put(batch, EVERYTHING, neighbourhood(self._neighbours))
        if len(batch):
            self._context.graph.apply(batch)
        self._health.gauge("objects", len(self._neighbours))
        self._health.gauge("refused", self._neighbours.refused)

    def _tell(self) -> None:
        self._health.gauge("interfaces", len(self._sockets))
        reason = f"listening on {len(self._sockets)} interfaces"
        if self._refused:
            reason += f"; not on {len(self._refused)}: {next(iter(self._refused.values()))}"
        self._health.running(reason)
