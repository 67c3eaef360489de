# SPDX-License-Identifier: Apache-2.0
"""Network interfaces of the host and of every known namespace, with addresses, routes, neighbours and links.

Source: rtnetlink (RFC 3549, linux/rtnetlink.h), one event socket a namespace; ethtool for hardware devices.
Writes: a node for each interface; edges RelationType=ownership (host or netns -> interface) and layer2 (master ->
        slave; both ends of a veth; lower device -> macvlan, VLAN, VXLAN). Counters to the metrics sink.
Needs:  the namespaces that the `netns` probe registers; CAP_SYS_ADMIN to enter them, nothing for its own.
"""

import asyncio
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial

from netsonde.aio import spawn
from netsonde.errors import SourceLost
from netsonde.graph.batch import Batch
from netsonde.model.elements import Node
from netsonde.observe import Health, logger
from netsonde.probes._api import ProbeContext
from netsonde.probes.namespaces import Namespace
from netsonde.probes.netlink.drivers import DriverReader
from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.metrics import CounterReader
from netsonde.probes.netlink.peers import PeerResolver
from netsonde.probes.netlink.publisher import InterfacePublisher
from netsonde.probes.netlink.routes import reject_routes
from netsonde.probes.netlink.routing import NO_INTERFACE
from netsonde.probes.netlink.rules import routing_rules
from netsonde.probes.netlink.socket import RtnetlinkSocket
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.throttle import Throttle
from netsonde.probes.netlink.translate import Key
from netsonde.probes.netlink.watch import NamespaceWatch

NAMESPACES_A_VISIT = 64
"""Sockets made in one go by the thread that enters namespaces: each hand-over to it costs more than a socket."""
MOST_ROUNDS = 50
"""Times that publishing interfaces may lead to publishing others at once; a move across namespaces takes some five."""
BONDS_EVERY = 5.0
"""Seconds between two readings of bonds with LACP and their members: what LACP comes to makes no event."""
UNSETTLED_DELAY = 0.5
"""Seconds before those are published that are beyond it."""


class NetlinkProbe:
    """Follows every namespace of the registry; all changes of one turn of the loop make one batch."""

    name = "netlink"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._graph = context.graph
        self._namespaces = context.namespaces
        self._settings = context.settings.netlink
        self._context = context
        self._publisher = InterfacePublisher(context.identity, context.namespaces.own.inode, context.namespaces.name)
        self._run: _Run | None = None

    async def run(self, health: Health) -> None:
        """Follow the kernel until cancelled."""
        run = self._run = _Run(self._context, self._publisher, health)
        unsubscribe = self._namespaces.subscribe(run)
        forget_names = self._namespaces.on_renamed(run.namespace_renamed)
        try:
            await run.follow()
        finally:
            unsubscribe()
            forget_names()
            run.close()

    async def settled(self) -> None:
        """Wait until every namespace that is registered now was read and published or is gone, or the run ended."""
        if self._run is not None:
            await self._run.settled()


class _Run:
    """One run of the probe: its watches, and what waits to be published."""

    def __init__(self, context: ProbeContext, publisher: InterfacePublisher, health: Health) -> None:
        self._context = context
        self._settings = context.settings.netlink
        self._namespaces = context.namespaces
        self._publisher = publisher
        self._health = health
        self._loop = asyncio.get_running_loop()
        self._watches: dict[int, NamespaceWatch] = {}
        self._to_open: dict[int, Namespace] = {}
        self._open_wanted = asyncio.Event()
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._peers = PeerResolver(self, context.namespaces.own.inode)
        self._throttle: Throttle[Key] = Throttle(self._settings.table_delay)
        self._drivers = DriverReader(context.namespaces, self.mark, software_too=self._settings.software_features)
        self._counters = CounterReader(
            host=context.host, now_ms=context.now_ms, node_of=self._node_of, sink=context.metrics
        )
        self._dirty: dict[Key, None] = {}
        self._present: set[Key] = set()
        self._gone: set[int] = set()
        self._replaced: set[Key] = set()
        """Interfaces that went and came anew, as others, before it was published."""
        self._ruled: set[int] = set()
        self._settled: set[int] = set()
        self._unpublished: set[int] = set()
        """Namespaces of which nothing was published yet."""
        self._fewer_unpublished = asyncio.Event()
        self._flush_due = False
        self._release: asyncio.TimerHandle | None = None
        self._refused: set[int] = set()
        self._log = logger("probes.netlink")

    async def follow(self) -> None:
        """Run until something breaks; raises what it was."""
        self._forget_unknown()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._open_namespaces(), "netlink-open")
                spawn(group, self._drivers.run(), "netlink-drivers")
                spawn(group, self._count(), "netlink-counters")
                spawn(group, self._follow_bonds(), "netlink-bonds")
                spawn(group, self._until_broken(), "netlink-guard")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    def close(self) -> None:
        for watch in self._watches.values():
            watch.close()
        self._watches = {}
        self._published(self._unpublished)
        if self._release is not None:
            self._release.cancel()

    # NamespaceListener

    def namespace_added(self, namespace: Namespace) -> None:
        self._to_open[namespace.inode] = namespace
        self._open_wanted.set()
        self._unpublished.add(namespace.inode)

    def namespace_removed(self, namespace: Namespace) -> None:
        self._to_open.pop(namespace.inode, None)
        watch = self._watches.pop(namespace.inode, None)
        if watch is not None:
            watch.close()
        self._peers.namespace_removed(namespace.inode)
        self._counters.namespace_gone(namespace.inode)
        self._gone.add(namespace.inode)
        self._published({namespace.inode})
        self._settled.discard(namespace.inode)
        self._refused.discard(namespace.inode)
        self._schedule()

    def namespace_renamed(self, inode: int) -> None:
        self._peers.namespace_renamed(inode)
        for ifindex in self.links(inode):
            self._mark_all(self._publisher.children((inode, ifindex)))

    # WatchOwner

    def watch_changed(self, watch: NamespaceWatch) -> None:
        inode, state = watch.namespace.inode, watch.state
        if inode not in self._settled:
            self._settled.add(inode)
            self._mark_all(self._publisher.of_namespace(inode))
            # It is published even if it is empty.
            self._schedule()
        self._replaced.update((inode, ifindex) for ifindex in state.forgotten & state.links.keys())
        self._mark_all([(inode, ifindex) for ifindex in state.changed])
        tables = [(inode, ifindex) for ifindex in state.table_changed if ifindex in state.links]
        self._mark_all(self._throttle.offer(tables, self._loop.time()))
        for ifindex in state.retold & state.links.keys():
            self._drivers.look_again((inode, ifindex), state.links[ifindex])
        state.changed, state.table_changed, state.retold, state.forgotten = set(), set(), set(), set()
        if state.rules_changed:
            state.rules_changed = False
            self._ruled.add(inode)
            self._schedule()
        self._schedule_release()

    def watch_resynced(self, watch: NamespaceWatch, why: str) -> None:
        self._health.count("resyncs")
        self._peers.forget_ids(watch.namespace.inode)
        name = self._namespaces.name(watch.namespace.inode)
        self._log.warning("reading a namespace anew", namespace=name or "own", why=why)

    def watch_namespace_id(self, watch: NamespaceWatch, nsid: int, *, gone: bool) -> None:
        self._peers.namespace_id_changed(watch.namespace.inode, nsid)
        if not gone:
            self._namespaces.hint()

    def watch_broken(self, watch: NamespaceWatch, why: Exception) -> None:
        if not self._broken.done():
            self._broken.set_exception(why)

    # PeerSource

    def links(self, inode: int) -> Mapping[int, Link]:
        watch = self._watches.get(inode)
        return {} if watch is None else watch.state.links

    def ask_namespace_id(self, inode: int, other: int, answer: Callable[[int], None]) -> None:
        watch, namespace = self._watches.get(inode), self._namespaces.get(other)
        if watch is not None and namespace is not None:
            watch.ask_namespace_id(namespace.fd, answer)

    def refresh(self, key: Key) -> None:
        watch = self._watches.get(key[0])
        if watch is not None and key[1] in watch.state.links:
            watch.refresh_link(key[1])

    def mark(self, key: Key) -> None:
        """Publish an interface in this turn of the loop."""
        self._dirty[key] = None
        self._schedule()

    def _mark_all(self, keys: "list[Key] | set[Key]") -> None:
        for key in keys:
            self.mark(key)

    def _schedule(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _schedule_release(self) -> None:
        at = self._throttle.next_at() if self._release is None else None
        if at is not None:
            self._release = self._loop.call_at(at, self._release_tables)

    def _release_tables(self) -> None:
        self._release = None
        self._mark_all(self._throttle.release(self._loop.time()))
        self._schedule_release()

    def _flush(self) -> None:
        """Publish all that is marked, as one batch, after what has to go before; marking goes on while it works."""
        self._flush_due = False
        try:
            for collect in (self._collect_replaced, self._collect):
                batch = collect()
                if batch.operations:
                    self._context.graph.apply(batch)
        except Exception as failed:
            # What was collected is lost, so the publisher's memory of it is wrong.
            self._publisher.distrust()
            if not self._broken.done():
                self._broken.set_exception(failed)
        self._published(self._settled)
        self._health.gauge("objects", len(self._publisher))
        self._health.gauge("events", sum(watch.events for watch in self._watches.values()))

    def _collect_replaced(self) -> Batch:
        """Take away interfaces whose index another one has now: their nodes, notes and edges are not its own."""
        batch = Batch()
        replaced, self._replaced = self._replaced, set()
        for key in replaced:
            self._take_away(batch, key)
        return batch

    def _collect(self) -> Batch:
        batch = Batch()
        for inode in self._gone:
            for key in self._publisher.of_namespace(inode):
                self._take_away(batch, key)
            self._publisher.forget_rules(inode)
        self._gone = set()
        for inode in self._ruled & self._watches.keys():
            state = self._watches[inode].state
            shown = routing_rules(state.rules.of(NO_INTERFACE), state.rules.omitted(NO_INTERFACE))
            shown |= reject_routes(state.routes.of(NO_INTERFACE), state.routes.omitted(NO_INTERFACE))
            self._publisher.put_rules(batch, inode, shown)
        self._ruled = set()
        for _ in range(MOST_ROUNDS):
            if not self._dirty:
                return batch
            dirty, self._dirty = self._dirty, {}
            for key in dirty:
                self._publish(batch, key)
        # Interfaces that mark each other without an end would stop the agent; so they only cost a little.
        self._health.count("unsettled")
        self._flush_due = True
        self._loop.call_later(UNSETTLED_DELAY, self._flush)
        return batch

    def _publish(self, batch: Batch, key: Key) -> None:
        watch = self._watches.get(key[0])
        link = None if watch is None else watch.state.links.get(key[1])
        if watch is None or link is None:
            self._take_away(batch, key)
            return
        if not watch.ready:
            return
        if key not in self._present:
            self._present.add(key)
            self._peers.link_added(key)
            counters = watch.state.born.pop(key[1], None)
            if watch.complete and counters is not None:
                self._counters.interface_born(key, counters)
        self._peers.link_seen(key, link)
        self._publisher.put(batch, key, watch.state, self._peers, self._drivers.driver(key, link))

    def _take_away(self, batch: Batch, key: Key) -> None:
        if not self._publisher.known(key):
            return
        self._present.discard(key)
        self._mark_all(self._publisher.remove(batch, key))
        self._peers.link_removed(key)
        self._drivers.forget(key)
        self._throttle.forget(key)
        self._counters.interface_gone(key)

    def _forget_unknown(self) -> None:
        """Take away what an earlier run published of namespaces that are gone now."""
        known = {namespace.inode for namespace in self._namespaces.all()}
        self._gone |= self._publisher.namespaces() - known
        self._schedule()

    async def _until_broken(self) -> None:
        await self._broken

    async def _count(self) -> None:
        await self._counters.run(max(1.0, self._settings.metrics_interval), self._watches.values)

    async def _follow_bonds(self) -> None:
        while True:
            await asyncio.sleep(BONDS_EVERY)
            for watch in list(self._watches.values()):
                watch.refresh_bonds()

    async def _open_namespaces(self) -> None:
        while True:
            await self._open_wanted.wait()
            self._open_wanted.clear()
            while self._to_open:
                some = list(self._to_open.values())[:NAMESPACES_A_VISIT]
                for namespace in some:
                    del self._to_open[namespace.inode]
                await self._open(some)
            self._tell_health()

    async def _open(self, namespaces: list[Namespace]) -> None:
        make = partial(RtnetlinkSocket, self._settings.receive_buffer)
        sockets = await self._namespaces.enter_each(namespaces, make, RtnetlinkSocket.close)
        for namespace, sock in zip(namespaces, sockets, strict=True):
            if isinstance(sock, OSError):
                self._refuse(namespace, sock)
            elif self._namespaces.get(namespace.inode) is namespace:
                self._start(namespace, sock)
            else:
                sock.close()

    def _start(self, namespace: Namespace, sock: RtnetlinkSocket) -> None:
        state = NamespaceState(self._settings.table_limit)
        watch = self._watches[namespace.inode] = NamespaceWatch(namespace, sock, state, self)
        watch.start()

    async def settled(self) -> None:
        """Wait for those that are registered now, and not for those that come meanwhile: they might never end."""
        awaited = frozenset(self._unpublished)
        while awaited & self._unpublished:
            self._fewer_unpublished.clear()
            await self._fewer_unpublished.wait()

    def _published(self, namespaces: AbstractSet[int]) -> None:
        """Note of which namespaces nothing is waited for any more."""
        if not namespaces.isdisjoint(self._unpublished):
            self._unpublished = self._unpublished - namespaces
            self._fewer_unpublished.set()

    def _refuse(self, namespace: Namespace, why: OSError) -> None:
        if namespace.own:
            raise SourceLost(f"cannot open rtnetlink: {why.strerror}") from why
        if self._namespaces.get(namespace.inode) is namespace:
            self._refused.add(namespace.inode)
            self._published({namespace.inode})
            self._health.gauge("namespaces_not_entered", len(self._refused))

    def _tell_health(self) -> None:
        self._health.gauge("namespaces", len(self._watches))
        reason = f"{len(self._refused)} namespaces cannot be entered: run as root" if self._refused else ""
        self._health.running(reason)

    def _node_of(self, key: Key) -> Node | None:
        return self._context.graph.node(self._publisher.node_id(key))
