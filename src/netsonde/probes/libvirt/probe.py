# SPDX-License-Identifier: Apache-2.0
"""Virtual machines as libvirt knows them: running or not, their cards of every kind, who ordered them, their addresses.

Source: libvirt's remote protocol at a Unix socket (libvirt/daemon.py): events of domains, which are not believed but
        lead to another look at the domain's description and state; all domains again every `refresh_interval`.
Writes: nodes Type=libvirt, and Type=device for what is passed through; edges ownership and, interface -> machine,
        vlayer2; notes on the interfaces.
Needs:  the `netlink` probe for the interfaces; the right to open the socket, a read-write one for guests' addresses.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path
from typing import Final
from uuid import UUID

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.graph.paths import parse_path, values_at
from netsonde.model.elements import Node
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.contributions import ContributionPublisher
from netsonde.probes.libvirt.daemon import BY_AGENT, BY_LEASE, FORBIDDEN, NO_DOMAIN, Domain, GuestInterface, Libvirt
from netsonde.probes.libvirt.domain_xml import UnreadableDescription, describe
from netsonde.probes.libvirt.rpc import CallRefused, LibvirtRpc, TooSlow
from netsonde.probes.libvirt.translate import RUNNING, Machine, Translator, names_of

OWNER: Final = "vm-libvirt"
"""After `qemu` in the order in which layers are merged: libvirt knows more than a command line, such as a pause."""
READ_AT_ONCE: Final = 8
MOST_ADDRESSES: Final = 256
"""Addresses of one card that are shown."""
LONGEST_ADDRESS: Final = 64
"""Letters: 45 of an address, a prefix length, and a zone of an interface's name."""
LEAST_REFRESH: Final = 1.0
"""Seconds between two looks at all domains, whatever the settings say."""
SIGNS: Final = frozenset({"Name", "IfIndex", "BusInfo", "Type", "Ovs"})
"""Keys of an interface by which it is found."""
_SIGN_PATHS: Final = tuple(parse_path(path) for path in ("Name", "BusInfo", "Ovs.Options.vhost-server-path"))


class LibvirtProbe:
    """Keeps machines equal to the daemon's domains; they stay as they were while it is away."""

    name = "libvirt"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.libvirt
        self._translator = Translator(context.graph, context.identity, context.namespaces.own.inode)
        self._publisher = ContributionPublisher[UUID](OWNER)
        self._machines: dict[UUID, Machine] = {}
        self._named: dict[str, set[UUID]] = {}
        self._dirty: dict[UUID, Domain] = {}
        self._wanted = asyncio.Event()
        self._health = Health(self.name)
        self._unreadable: set[UUID] = set()
        self._version = ""
        self._may_ask_agents = True
        # For as long as there is a probe: an interface that goes while libvirt is away takes our notes with it.
        context.graph.subscribe(self._graph_changed)

    @property
    def daemon(self) -> str:
        """The first socket that exists, else the last that was looked for."""
        sockets = self._settings.sockets or ("",)
        return next((socket for socket in sockets if Path(socket).exists()), sockets[-1])

    async def run(self, health: Health) -> None:
        """Follow the daemon until it goes away or the agent stops."""
        self._health = health
        try:
            connection = LibvirtRpc.connect(self.daemon, self._settings.answer_timeout)
            async with connection as rpc, asyncio.TaskGroup() as group:
                spawn(group, rpc.receive(), "libvirt-receive")
                await self._follow(Libvirt(rpc, self._settings.uri), group)
        except ExceptionGroup as failed:
            raise _lost(failed.exceptions[0]) from failed

    async def _follow(self, libvirt: Libvirt, group: asyncio.TaskGroup) -> None:
        self._version = await libvirt.meet()
        self._may_ask_agents = True
        self._translator.netns = _netns_of(libvirt.rpc.daemon_pid) or self._context.namespaces.own.inode
        await self._list(libvirt)
        await self._read_dirty(libvirt)
        self._tell()
        spawn(group, self._take_events(libvirt), "libvirt-events")
        spawn(group, self._read_for_ever(libvirt), "libvirt-read")
        spawn(group, self._refresh_for_ever(libvirt), "libvirt-refresh")

    async def _list(self, libvirt: Libvirt) -> None:
        """Forget domains that the daemon has no more, and want to read all others."""
        # One that is read while the daemon makes its list may have come too late for it.
        before = set(self._machines)
        domains = {domain.uuid: domain for domain in await libvirt.domains()}
        self._forget(before - domains.keys())
        self._unreadable &= domains.keys()
        self._dirty |= domains

    async def _take_events(self, libvirt: Libvirt) -> None:
        while True:
            touched = await libvirt.touched()
            self._health.count("events")
            self._dirty[touched.uuid] = touched
            if libvirt.rpc.events_lost:
                libvirt.rpc.events_lost = False
                self._health.count("relisted")
                await self._list(libvirt)
            self._wanted.set()

    async def _read_for_ever(self, libvirt: Libvirt) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._read_dirty(libvirt)
            self._tell()

    async def _refresh_for_ever(self, libvirt: Libvirt) -> None:
        while True:
            await self._ask_addresses(libvirt)
            await asyncio.sleep(max(LEAST_REFRESH, self._settings.refresh_interval))
            await self._list(libvirt)
            self._wanted.set()

    async def _read_dirty(self, libvirt: Libvirt) -> None:
        """Look at the domains that wait, and show them, some at a time."""
        while self._dirty:
            some = list(self._dirty)[:READ_AT_ONCE]
            domains = [self._dirty.pop(uuid) for uuid in some]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._read(libvirt, domain), name="libvirt-domain") for domain in domains]
            read = [task.result() for task in tasks]
            self._show([machine for machine in read if machine is not None])
            self._forget(domain.uuid for domain, machine in zip(domains, read, strict=True) if machine is None)

    async def _read(self, libvirt: Libvirt, domain: Domain) -> Machine | None:
        """Return a domain as it is now, or was where it cannot be read; None when it is gone."""
        self._unreadable.discard(domain.uuid)
        before = self._machines.get(domain.uuid)
        try:
            state, description = await libvirt.state(domain), describe(await libvirt.xml(domain))
        except CallRefused as refused:
            if refused.code == NO_DOMAIN:
                return None
            return self._not_read(domain)
        except UnreadableDescription:
            return self._not_read(domain)
        except TooSlow:
            # A machine whose monitor hangs is locked; the daemon itself must answer.
            await libvirt.version()
            return self._not_read(domain)
        addresses = {} if before is None or state not in RUNNING else before.addresses
        return Machine(domain.uuid, domain.name, state, description, addresses)

    def _not_read(self, domain: Domain) -> Machine | None:
        """Count it, and return the domain as it was."""
        self._unreadable.add(domain.uuid)
        self._health.count("unreadable")
        return self._machines.get(domain.uuid)

    async def _ask_addresses(self, libvirt: Libvirt) -> None:
        """Ask for the addresses of machines that libvirt leases to, or whose agents answer."""
        for machine in list(self._machines.values()):
            if machine.state not in RUNNING:
                continue
            found: list[GuestInterface] = []
            if machine.description.is_leased:
                found += await self._addresses(libvirt, machine, BY_LEASE)
            if machine.description.agent and self._may_ask_agents:
                found += await self._addresses(libvirt, machine, BY_AGENT)
            addresses, refused = _by_mac(found, {card.mac for card in machine.description.cards if card.mac})
            if refused:
                self._health.count("addresses_refused", refused)
            now = self._machines.get(machine.uuid)
            if now is not None and now.addresses != addresses:
                self._show([replace(now, addresses=addresses)])

    async def _addresses(self, libvirt: Libvirt, machine: Machine, source: int) -> list[GuestInterface]:
        try:
            return await libvirt.addresses(Domain(machine.name, machine.uuid, -1), source)
        except CallRefused as refused:
            if refused.code == FORBIDDEN:
                self._may_ask_agents = False
                self._tell()
        except TooSlow:
            self._health.count("silent_agents")
        return []

    def _tell(self) -> None:
        parts = [f"libvirt {self._version} at {self.daemon}"]
        if self._unreadable:
            parts.append(f"{len(self._unreadable)} machines could not be read")
        if not self._may_ask_agents:
            parts.append("guests' agents are not asked: the socket is read-only")
        self._health.running("; ".join(parts))

    def _show(self, machines: Sequence[Machine]) -> None:
        batch = Batch()
        for machine in machines:
            self._unname(machine.uuid)
            self._machines[machine.uuid] = machine
            for name in names_of(machine):
                self._named.setdefault(name, set()).add(machine.uuid)
            self._publisher.put(batch, machine.uuid, self._translator.contribution(machine))
        self._apply(batch)

    def _forget(self, uuids: Iterable[UUID]) -> None:
        batch = Batch()
        for uuid in uuids:
            self._unname(uuid)
            self._machines.pop(uuid, None)
            self._publisher.forget(batch, uuid)
        self._apply(batch)

    def _unname(self, uuid: UUID) -> None:
        before = self._machines.get(uuid)
        for name in () if before is None else names_of(before):
            having = self._named.get(name, set())
            having.discard(uuid)
            if not having:
                self._named.pop(name, None)

    def _apply(self, batch: Batch) -> None:
        if len(batch):
            self._context.graph.apply(batch)
        self._health.gauge("objects", len(self._machines))

    def _graph_changed(self, events: Sequence[Event]) -> None:
        """Join machines again with interfaces that came, went or got another name."""
        touched: set[UUID] = set()
        for event in events:
            if event.probe == OWNER or not isinstance(event.element, Node):
                continue
            if event.kind == "deleted":
                touched |= self._publisher.node_lost(event.element.id)
            if event.kind != "updated" or event.touched & SIGNS:
                touched.update(*(self._named.get(name, ()) for name in _signs(event)))
        if touched:
            asyncio.get_running_loop().call_soon(self._show_again, touched)

    def _show_again(self, uuids: Iterable[UUID]) -> None:
        self._show([self._machines[uuid] for uuid in uuids if uuid in self._machines])


def _signs(event: Event) -> set[str]:
    """Return the texts by which a node is found as a machine's device, or was before."""
    nodes = [node for node in (event.element, event.previous) if node is not None]
    values = (value for node in nodes for path in _SIGN_PATHS for value in values_at(node, path))
    return {value for value in values if isinstance(value, str) and value}


def _by_mac(interfaces: Iterable[GuestInterface], macs: set[str]) -> tuple[dict[str, tuple[str, ...]], int]:
    """Return the addresses of these cards once, in the order in which they were told, and how many were refused:
    guests say what they like, and as much of it as they like."""
    found: dict[str, dict[str, None]] = {}
    refused = 0
    for interface in interfaces:
        if interface.mac not in macs:
            continue
        kept = found.setdefault(interface.mac, {})
        for address in interface.addresses:
            if address in kept:
                continue
            if len(kept) < MOST_ADDRESSES and _is_address(address):
                kept[address] = None
            else:
                refused += 1
    return {mac: tuple(addresses) for mac, addresses in found.items() if addresses}, refused


def _is_address(text: str) -> bool:
    try:
        # A zone may be any text (RFC 4007 §11).
        return len(text) <= LONGEST_ADDRESS and bool(ip_interface(text))
    except ValueError:
        return False


def _netns_of(pid: int) -> int:
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return 0


def _lost(failed: Exception) -> Exception:
    """Return why the daemon cannot be followed any more, as the supervisor wants it."""
    if isinstance(failed, ExceptionGroup):
        return _lost(failed.exceptions[0])
    if isinstance(failed, WireError | CallRefused):
        return SourceLost(str(failed))
    return failed
