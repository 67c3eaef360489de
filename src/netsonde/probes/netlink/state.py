# SPDX-License-Identifier: Apache-2.0
"""What is known of one namespace: its interfaces, addresses, routes, neighbours; fed by messages. Pure.

Marks what changed in `changed` (interfaces to publish now) and `table_changed` (those whose routes, neighbours or
forwarding entries differ, which may wait a little).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from netsonde.probes.netlink.addresses import Address, AddressTable, decode_address
from netsonde.probes.netlink.bridge_vlans import PortVlans, decode_port
from netsonde.probes.netlink.counters import Counters, counters_of_link
from netsonde.probes.netlink.links import NO_QUEUE, Link, decode_link, decode_port_facts, is_interface, link_index
from netsonde.probes.netlink.neighbours import Key as NeighbourKey
from netsonde.probes.netlink.neighbours import Neighbour, decode_neighbour
from netsonde.probes.netlink.programs import Programs, root_discipline
from netsonde.probes.netlink.routes import Route
from netsonde.probes.netlink.routing import NO_INTERFACE, Routing
from netsonde.probes.netlink.rules import Rule, decode_rule
from netsonde.probes.netlink.tables import RecordTable
from netsonde.probes.netlink_wire import (
    AF_BRIDGE,
    AF_INET,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_DELNEXTHOP,
    RTM_DELQDISC,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_DELTFILTER,
    RTM_DELVLAN,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWNEXTHOP,
    RTM_NEWQDISC,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RTM_NEWTFILTER,
    RTM_NEWVLAN,
    Message,
)

IFF_UP: Final = 0x1
RT_TABLE_MAIN: Final = 254

DumpName = Literal["links", "addresses", "nexthops", "routes", "neighbours", "fdb", "rules", "vlans", "qdiscs", "hooks"]
VXLAN: Final = "vxlan"
_LINK_KEY: Final = 0


@dataclass(slots=True)
class NamespaceState:
    """The tables of one namespace. `limit` caps routes, neighbours and FDB entries of one interface, each."""

    limit: int
    changed: set[int] = field(default_factory=set)
    table_changed: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    """Interfaces that went; those that are there again are others, under an index that was free again."""
    born: dict[int, Counters] = field(default_factory=dict)
    """What those had counted that came, until somebody takes it."""
    retold: set[int] = field(default_factory=set)
    """Interfaces of which the kernel told again though nothing that its message shows has changed."""
    links: dict[int, Link] = field(default_factory=dict)
    routing: Routing = field(init=False)
    programs: Programs = field(init=False)
    hooks_untold: list[int] = field(default_factory=list)
    """Interfaces whose hooks for programs are to be read."""
    neighbours: RecordTable[NeighbourKey, Neighbour] = field(init=False)
    fdb: RecordTable[NeighbourKey, Neighbour] = field(init=False)
    rules: RecordTable[Rule, Rule] = field(init=False)
    """Of the namespace as a whole, under the ifindex NO_INTERFACE."""
    rules_changed: bool = False
    """Whether rules, or routes that lead nowhere, differ."""
    routes_untold: bool = False
    """Whether routes went without a message where some are only counted: how many of those is not known."""
    fdb_untold: bool = False
    """Whether an interface came that may have forwarding entries of which no message tells."""
    links_untold: set[int] = field(default_factory=set)
    """Interfaces whose virtual functions, or queueing, may differ from what is known."""
    vlans: PortVlans = field(default_factory=PortVlans)
    vlans_untold: bool = False
    """Whether VLANs of ports may differ from what is known: a bridge began to filter, or some were changed alone."""
    _addresses: AddressTable = field(init=False)
    _confirmed_links: set[int] | None = None

    def __post_init__(self) -> None:
        self.routing = Routing(self.limit)
        self.programs = Programs(self.limit)
        self.neighbours = RecordTable(self.limit)
        self.fdb = RecordTable(self.limit)
        self.rules = RecordTable(self.limit)
        self._addresses = AddressTable(self.limit)

    @property
    def routes(self) -> RecordTable[Route, Route]:
        return self.routing.routes

    def addresses(self, ifindex: int) -> list[Address]:
        """Return the addresses of an interface in order; one with several peers stands there for each."""
        return sorted(self._addresses.of(ifindex).values(), key=lambda address: address.rank)

    def take(self, message: Message) -> None:
        """Take one message in, from a dump or an event; WireError when it cannot be decoded."""
        handler = _HANDLERS.get(message.type)
        if handler is not None:
            handler(self, message)

    def begin(self, dump: DumpName) -> None:
        """The answers to a dump begin to come."""
        if dump == "links":
            self._confirmed_links = set()
        elif dump == "nexthops":
            self.routing.nexthops.begin()
        elif dump == "vlans":
            self.vlans.begin()
        elif dump == "qdiscs":
            self.programs.begin()
        elif dump == "hooks":
            pass  # each is a part of what the dump of disciplines began
        else:
            self._table(dump).begin()

    def finish(self, dump: DumpName) -> None:
        """The dump is complete: what it did not confirm is gone."""
        if dump == "links":
            confirmed, self._confirmed_links = self._confirmed_links or set(), None
            for ifindex in [known for known in self.links if known not in confirmed]:
                self._forget(ifindex)
            return
        if dump == "vlans":
            self.changed |= self.vlans.finish()
            return
        if dump in ("qdiscs", "hooks"):
            self._programs_read(dump)
            return
        if dump in ("nexthops", "routes"):
            finish = self.routing.finish_nexthops if dump == "nexthops" else self.routing.finish_routes
            self._rerouted(finish())
            return
        stale = self._table(dump).finish()
        if dump == "rules":
            self.rules_changed = self.rules_changed or bool(stale)
            return
        (self.changed if dump == "addresses" else self.table_changed).update(stale)

    def _table(
        self, dump: DumpName
    ) -> AddressTable | RecordTable[Route, Route] | RecordTable[Rule, Rule] | RecordTable[NeighbourKey, Neighbour]:
        if dump == "addresses":
            return self._addresses
        if dump == "routes":
            return self.routes
        if dump == "rules":
            return self.rules
        return self.fdb if dump == "fdb" else self.neighbours

    def _new_link(self, message: Message) -> None:
        if not is_interface(message):
            self._bridge_port(message)
            return
        link = decode_link(message)
        if self._confirmed_links is not None:
            self._confirmed_links.add(link.ifindex)
        before = self.links.get(link.ifindex)
        link = self._with_functions(link, before)
        if before == link:
            if self._confirmed_links is None:
                self.retold.add(link.ifindex)
            return
        if before is None:
            self.born[link.ifindex] = counters_of_link(message)
        if before is None and link.kind == VXLAN:
            # One that is moved here from another namespace brings them along.
            self.fdb_untold = True
        if link.filters_vlans != (before is not None and before.filters_vlans):
            self.vlans_untold = link.filters_vlans
            self.changed.update(port.ifindex for port in self.links.values() if port.master == link.ifindex)
        self.links[link.ifindex] = link
        self.changed.add(link.ifindex)
        if before is not None and before.flags & IFF_UP and not link.flags & IFF_UP:
            self._flushed(link.ifindex, self.routing.interface_down(link.ifindex))

    def _with_functions(self, told: Link, before: Link | None) -> Link:
        """Return an interface with its virtual functions, which events leave out: they have to be asked for."""
        if told.functions is not None:
            return told
        if before is not None:
            if before.functions is not None:
                self.links_untold.add(told.ifindex)
            return replace(told, functions=before.functions)
        if self._confirmed_links is None and told.bus:
            # Hardware that came: it may have functions, or be one of which no message about its parent tells.
            self.links_untold.add(told.ifindex)
            self.links_untold.update(link.ifindex for link in self.links.values() if link.functions is not None)
        return told

    def _del_link(self, message: Message) -> None:
        if is_interface(message):
            self._forget(link_index(message))
        elif self.vlans.put(link_index(message), ()):
            self.changed.add(link_index(message))

    def _bridge_port(self, message: Message) -> None:
        ifindex, vlans = decode_port(message)
        if self.vlans.put(ifindex, vlans):
            self.changed.add(ifindex)
        link, facts = self.links.get(ifindex), decode_port_facts(message)
        if link is not None and "BridgePort" in link.slave and facts and facts != link.slave:
            self.links[ifindex] = replace(link, slave=facts)
            self.changed.add(ifindex)

    def _vlans_changed(self, _: Message) -> None:
        """VLANs were changed by a message of their own, of which no link message tells."""
        self.vlans_untold = True

    def _forget(self, ifindex: int) -> None:
        if self._confirmed_links is not None:
            self._confirmed_links.discard(ifindex)
        if self.links.pop(ifindex, None) is None:
            return
        for table in (self._addresses, self.neighbours, self.fdb):
            table.drop_interface(ifindex)
        self.vlans.put(ifindex, ())
        self.programs.table.drop_interface(ifindex)
        self._rerouted(self.routing.interface_gone(ifindex))
        self.table_changed.discard(ifindex)
        self.forgotten.add(ifindex)
        self.born.pop(ifindex, None)
        self.changed.add(ifindex)

    def _new_address(self, message: Message) -> None:
        address = decode_address(message)
        if address is not None and self._addresses.put(address.ifindex, address.key, address) != address:
            self.changed.add(address.ifindex)

    def _del_address(self, message: Message) -> None:
        address = decode_address(message)
        if address is None:
            return
        if self._addresses.drop(address.ifindex, address.key):
            self.changed.add(address.ifindex)
        if not self._addresses.has(address.text):
            self._flushed(
                address.ifindex,
                self.routing.address_gone(address.family, address.text, self._main_table(address.ifindex)),
            )
        if address.family == AF_INET and not self._addresses.has_ipv4(address.ifindex):
            self._flushed(address.ifindex, self.routing.last_address_gone(address.ifindex))

    def _new_route(self, message: Message) -> None:
        self._rerouted(self.routing.new_route(message))

    def _del_route(self, message: Message) -> None:
        self._rerouted(self.routing.del_route(message))

    def _new_nexthop(self, message: Message) -> None:
        self._rerouted(self.routing.new_nexthop(message))

    def _del_nexthop(self, message: Message) -> None:
        self._rerouted(self.routing.del_nexthop(message))

    def _programs_read(self, dump: DumpName) -> None:
        if dump == "qdiscs":
            self.hooks_untold = self.programs.hooked()
        if dump == "hooks" or not self.hooks_untold:
            self.table_changed |= self.programs.hook_read()

    def _new_discipline(self, message: Message) -> None:
        self.table_changed |= self.programs.new_discipline(message)
        ifindex, kind = root_discipline(message)
        link = self.links.get(ifindex)
        if link is not None and link.facts.get("Qdisc", NO_QUEUE) != kind:
            self.links_untold.add(ifindex)

    def _del_discipline(self, message: Message) -> None:
        self.table_changed |= self.programs.del_discipline(message)
        self.links_untold.add(root_discipline(message)[0])

    def _new_filter(self, message: Message) -> None:
        self.table_changed |= self.programs.new_filter(message)

    def _del_filter(self, message: Message) -> None:
        self.table_changed |= self.programs.del_filter(message)

    def _main_table(self, ifindex: int) -> int:
        """Return the number of the table that an interface's own routes are in: its VRF's, or the main one."""
        link = self.links.get(ifindex)
        master = None if link is None else self.links.get(link.master, link)
        table = None if master is None else master.facts.get("VRFTable")
        return table if isinstance(table, int) else RT_TABLE_MAIN

    def _flushed(self, ifindex: int, changed: set[int]) -> None:
        if any(self.routes.omitted(each) for each in (ifindex, *changed)):
            self.routes_untold = True
        self._rerouted(changed)

    def _rerouted(self, ifindexes: set[int]) -> None:
        if NO_INTERFACE in ifindexes:
            self.rules_changed = True
        self.table_changed |= ifindexes - {NO_INTERFACE}

    def _new_rule(self, message: Message) -> None:
        rule = decode_rule(message)
        if rule is not None and self.rules.put(NO_INTERFACE, rule, rule) is None:
            self.rules_changed = True

    def _del_rule(self, message: Message) -> None:
        rule = decode_rule(message)
        if rule is not None and self.rules.drop(NO_INTERFACE, rule):
            self.rules_changed = True

    def _new_neighbour(self, message: Message) -> None:
        entry = decode_neighbour(message)
        if entry is None:
            return
        if not entry.is_shown:
            self._drop_neighbour(entry)
        elif not entry.same_facts(self._table_of(entry).put(entry.ifindex, entry.key, entry)):
            self.table_changed.add(entry.ifindex)

    def _del_neighbour(self, message: Message) -> None:
        entry = decode_neighbour(message)
        if entry is not None:
            self._drop_neighbour(entry)

    def _drop_neighbour(self, entry: Neighbour) -> None:
        if self._table_of(entry).drop(entry.ifindex, entry.key):
            self.table_changed.add(entry.ifindex)

    def _table_of(self, entry: Neighbour) -> RecordTable[NeighbourKey, Neighbour]:
        return self.fdb if entry.family == AF_BRIDGE else self.neighbours


_HANDLERS: Final[dict[int, Callable[[NamespaceState, Message], None]]] = {
    RTM_NEWLINK: NamespaceState._new_link,
    RTM_DELLINK: NamespaceState._del_link,
    RTM_NEWADDR: NamespaceState._new_address,
    RTM_DELADDR: NamespaceState._del_address,
    RTM_NEWROUTE: NamespaceState._new_route,
    RTM_DELROUTE: NamespaceState._del_route,
    RTM_NEWNEXTHOP: NamespaceState._new_nexthop,
    RTM_DELNEXTHOP: NamespaceState._del_nexthop,
    RTM_NEWRULE: NamespaceState._new_rule,
    RTM_DELRULE: NamespaceState._del_rule,
    RTM_NEWNEIGH: NamespaceState._new_neighbour,
    RTM_DELNEIGH: NamespaceState._del_neighbour,
    RTM_NEWQDISC: NamespaceState._new_discipline,
    RTM_DELQDISC: NamespaceState._del_discipline,
    RTM_NEWTFILTER: NamespaceState._new_filter,
    RTM_DELTFILTER: NamespaceState._del_filter,
    RTM_NEWVLAN: NamespaceState._vlans_changed,
    RTM_DELVLAN: NamespaceState._vlans_changed,
}
