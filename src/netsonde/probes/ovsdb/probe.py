# SPDX-License-Identifier: Apache-2.0
"""Bridges, ports and interfaces of Open vSwitch, with all that other programs wrote there (external_ids).

Source: OVSDB (RFC 7047), database Open_vSwitch, `monitor_cond_since`; tables Open_vSwitch, Bridge, Port, Interface, and
        those that hang on them: QoS, Queue, Mirror, Controller, sFlow, NetFlow, IPFIX, Manager, Datapath, CT_Zone,
        CT_Timeout_Policy.
Writes: nodes Type=ovsbridge, ovsport, and one for each interface without a network device (patch, tunnels, DPDK);
        notes on the nodes of network devices; edges ownership and layer2, Type=patch between patch ports. Counters of
        interfaces without a network device, and of the threads of a userspace datapath, to the metrics sink.
Needs:  the `netlink` probe for the devices; read access to the server's socket.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.model.elements import Json, Metadata, Node
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.contributions import ContributionPublisher
from netsonde.probes.ovsdb.address import check_whereabouts, credentials, parse_address
from netsonde.probes.ovsdb.columns import SHOWN
from netsonde.probes.ovsdb.control import ask, control_socket
from netsonde.probes.ovsdb.jsonrpc import CallRefused, JsonRpc
from netsonde.probes.ovsdb.monitor import Replica, RowKey
from netsonde.probes.ovsdb.statistics import Statistics
from netsonde.probes.ovsdb.switch import DATABASE, Switch
from netsonde.probes.ovsdb.threads import Thread, ThreadCounters, listed, parse_threads

ROWS, STATISTICS = "netsonde", "netsonde-statistics"
"""Our names of the two monitors."""
USERSPACE_DATAPATH: Final = "ovs-netdev"
NO_TRANSACTION: Final = "00000000-0000-0000-0000-000000000000"
MATCHING_KEYS: Final = frozenset({"Name", "IfIndex", "MAC", "Driver"})
"""Keys of a device by which it is matched with its row."""


def names(addresses: Sequence[str]) -> dict[str, str]:
    """Return the addresses by the names of the probes that read them."""
    return {"ovsdb" if number == 0 else f"ovsdb-{number + 1}": each for number, each in enumerate(addresses)}


class OvsdbProbe:
    """Follows one server; rows and nodes stay while it is away, and become equal to it when it is back."""

    needs = ("host",)

    def __init__(self, context: ProbeContext, address: str, name: str = "ovsdb") -> None:
        self.name = name
        self._context = context
        self._settings = context.settings.ovsdb
        self.daemon = address
        self._replica = Replica()
        self._switch = Switch(self._replica.rows, context.graph, context.identity)
        self._counters = ThreadCounters(context.now_ms)
        self._statistics = Statistics(context.host, context.now_ms, self._node_of)
        self._publisher = ContributionPublisher[RowKey](name)
        self._last_transaction = NO_TRANSACTION
        self._dirty: dict[RowKey, None] = {}
        self._flush_due = False
        self._absent_since: dict[str, float] = {}
        self._health = Health(name)
        # For as long as there is a probe: a device that goes while the server is away takes our notes with it.
        context.graph.subscribe(self._graph_changed)

    @classmethod
    def all(cls, context: ProbeContext) -> Iterable["OvsdbProbe"]:
        """Return a probe for each address of the settings; UserError for settings that make no sense."""
        credentials(context.settings.ovsdb)
        check_whereabouts(context.settings.ovsdb)
        for name, address in names(context.settings.ovsdb.addresses).items():
            parse_address(address)
            yield cls(context, address, name)

    async def run(self, health: Health) -> None:
        """Follow the server until it goes away or the agent stops."""
        self._health = health
        try:
            async with (
                await JsonRpc.connect(self.daemon, tls=credentials(self._settings)) as server,
                asyncio.TaskGroup() as group,
            ):
                await self._follow(server, group)
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
            if not isinstance(first, WireError):
                raise first from failed
            # What we know may be wrong now: begin from a full copy.
            self._last_transaction = NO_TRANSACTION
            raise SourceLost(str(first)) from first

    async def _read_threads(self) -> None:
        """Ask the switch again and again for its threads, while it has a userspace datapath."""
        interval = self._settings.thread_interval
        while interval > 0:
            await self._read_threads_once()
            await asyncio.sleep(max(1.0, interval))

    async def _read_threads_once(self) -> None:
        threads: list[Thread] = []
        if self._switch.has_userspace_datapath:
            try:
                text = await ask(control_socket(self.daemon), "dpif-netdev/pmd-stats-show", USERSPACE_DATAPATH)
            except (SourceLost, WireError):
                # It may begin, end or hang: its database says what it does, this is asked again soon.
                self._health.count("threads_unread")
                self._counters.forget()
                return
            threads = parse_threads(text)
        host = self._context.graph.node(self._context.identity.host())
        if host is not None and threads:
            self._context.metrics(list(self._counters.take(threads, host)))
        else:
            self._counters.forget()
        if (told := listed(threads)) != self._switch.threads:
            self._switch.threads = told
            self._mark(("Open_vSwitch", uuid) for uuid in self._replica.rows["Open_vSwitch"])

    async def _follow(self, server: JsonRpc, group: asyncio.TaskGroup) -> None:
        schema = await server.call("get_schema", [DATABASE])
        self._replica.use_schema(schema)
        self._settle("" if server.is_here(self._settings, self.daemon) else self.daemon)
        anew, update = await self._monitor(server)
        self._take(update, anew=anew)
        self._mark(self._all_rows())  # devices may have come or gone while nobody listened
        self._health.running(self._summary)
        if self._settings.statistics:
            await self._follow_statistics(server, schema)
        spawn(group, self._read_threads(), f"{self.name}-threads")
        while True:
            for note in await server.notifications():
                self._take_note(note)

    def _settle(self, elsewhere: str) -> None:
        """Know whose switch it is; where that was another before, nodes of the one become the other's."""
        if self._switch.elsewhere == elsewhere:
            return
        batch = Batch()
        for key in self._all_rows():
            self._publisher.forget(batch, key)
        self._context.graph.apply(batch)
        self._switch.elsewhere = elsewhere
        self._absent_since.clear()
        self._publisher = ContributionPublisher(self.name, host="" if elsewhere else None)

    @property
    def _summary(self) -> str:
        whose = "" if self._switch.is_here else ", another host's"
        return f"Open vSwitch at {self.daemon}{whose}"

    async def _follow_statistics(self, server: JsonRpc, schema: Json) -> None:
        """Start monitoring counters; the health tells where there are none."""
        wanted = self._statistics.requests(schema, everything=not self._switch.is_here)
        try:
            if wanted:
                answer = await server.call("monitor_cond", [DATABASE, STATISTICS, wanted])
                self._context.metrics(self._statistics.take(answer, anew=True))
        except CallRefused as refused:
            self._health.running(f"{self._summary}, without counters: {refused}")

    def _take_note(self, note: dict[str, Json]) -> None:
        update = _updates(note)
        if update[0] == STATISTICS:
            self._context.metrics(self._statistics.take(update[2]))
        else:
            self._take(update)

    def _node_of(self, uuid: str) -> Node | None:
        return self._context.graph.node(self._switch.node_id(uuid))

    async def _monitor(self, server: JsonRpc) -> tuple[bool, Json]:
        """Start monitoring; return whether all rows come or what changed since the last transaction, and these."""
        wanted = self._replica.requests()
        try:
            answer = await server.call("monitor_cond_since", [DATABASE, ROWS, wanted, self._last_transaction])
        except CallRefused:
            # Servers before 2.12 do not know that call.
            answer = [False, NO_TRANSACTION, await server.call("monitor_cond", [DATABASE, ROWS, wanted])]
        if not isinstance(answer, list) or len(answer) != 3:
            raise WireError(f"ovsdb-server answered monitor_cond_since with {answer!r:.60}")
        return not answer[0], answer

    def _take(self, update: Json, *, anew: bool = False) -> None:
        """Take one update in: its rows, and those that depend on them, are published in this turn of the loop."""
        if not isinstance(update, list) or len(update) != 3:
            raise WireError(f"ovsdb-server sent an update that cannot be used: {update!r:.60}")
        touched = self._replica.update(update[2], anew=anew)
        self._last_transaction = str(update[1])
        for key in touched:
            self._mark(self._switch.affected(key))
        self._health.count("events", len(touched))

    def _graph_changed(self, events: Sequence[Event]) -> None:
        """Look again at the rows whose device came, went or got another name."""
        for event in events:
            if event.probe == self.name or not isinstance(event.element, Node):
                continue
            if event.kind == "deleted":
                self._mark(self._publisher.node_lost(event.element.id))
            if event.kind != "updated" or event.touched & MATCHING_KEYS:
                for name in {_name(event.element.metadata), _name(_previous(event))}:
                    self._mark(self._switch.named(name))

    def _mark(self, keys: Iterable[RowKey]) -> None:
        for key in keys:
            self._dirty[key] = None
        if self._dirty and not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        dirty, self._dirty = self._dirty, {}
        batch = Batch()
        for key in dirty:
            self._publisher.put(batch, key, self._switch.contribution(key, waiting=self._is_waiting(key)))
        if batch.operations:
            self._context.graph.apply(batch)
        self._health.gauge("objects", len(self._publisher))

    def _is_waiting(self, key: RowKey) -> bool:
        """Whether to wait some more for the device of an interface; arranges another look when there is one."""
        if key[0] != "Interface" or not self._switch.waits(key[1]):
            self._absent_since.pop(key[1], None)
            return False
        loop = asyncio.get_running_loop()
        since = self._absent_since.setdefault(key[1], loop.time())
        due = since + self._settings.absent_port_delay
        if loop.time() >= due:
            return False
        loop.call_at(due, self._mark, (key,))
        return True

    def _all_rows(self) -> list[RowKey]:
        return [(table, uuid) for table in SHOWN for uuid in self._replica.rows[table]]


def _updates(note: dict[str, Json]) -> list[Json]:
    """Return [monitor, transaction, updates] of a notification of either kind."""
    params = note.get("params")
    if note.get("method") == "update3" and isinstance(params, list) and len(params) == 3:
        return params
    if note.get("method") == "update2" and isinstance(params, list) and len(params) == 2:
        return [params[0], NO_TRANSACTION, params[1]]
    raise WireError(f"ovsdb-server sent something unexpected: {note!r:.80}")


def _previous(event: Event) -> Metadata:
    return event.previous.metadata if event.previous is not None else {}


def _name(metadata: Metadata) -> str:
    name = metadata.get("Name")
    return name if isinstance(name, str) else ""
