# SPDX-License-Identifier: Apache-2.0
"""The routes of one namespace and the next hop objects that they lead to, fed by messages. Pure.

What the kernel changes without a message is changed here as well: IPv4 routes of an interface that went down or lost
its last address, those with a preferred source that is gone, those of a next hop object that changed or went.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from netsonde.probes.netlink.nexthops import Nexthops, decode_nexthop
from netsonde.probes.netlink.routes import BLACKHOLE, NextHop, Route, decode_route
from netsonde.probes.netlink.tables import RecordTable
from netsonde.probes.netlink_wire import AF_INET, NLM_F_REPLACE, Message

NO_INTERFACE: Final = 0
"""Stands for the ifindex of what belongs to the namespace as a whole."""
_Identity = tuple[int, int, str, int]


class Routing:
    """`limit` caps the routes of one interface, and those that lead nowhere. Methods return whose routes changed."""

    def __init__(self, limit: int) -> None:
        self.routes: RecordTable[Route, Route] = RecordTable(limit)
        """By interface; those that lead nowhere under NO_INTERFACE."""
        self.nexthops = Nexthops()
        self._places: dict[_Identity, set[int]] = {}
        """Where routes are kept that one with the same identity would replace."""
        self._preferring: dict[str, set[int]] = {}
        """Where routes were kept that prefer an address, until it is gone."""

    def new_route(self, message: Message) -> set[int]:
        told = decode_route(message)
        if told is None:
            return set()
        route = self._resolved(told)
        # One message tells a whole IPv6 multipath route again when a leg is added, without NLM_F_REPLACE.
        replaces = bool(message.flags & NLM_F_REPLACE) or (route.family != AF_INET and len(route.hops) > 1)
        same = self._same(route) if replaces else []
        changed = {ifindex for ifindex, old in same if not (old == route and ifindex in _places(route))}
        for ifindex, old in same:
            if ifindex in changed:
                self._drop(ifindex, old)
        return changed | self._put(route)

    def del_route(self, message: Message) -> set[int]:
        told = decode_route(message)
        if told is None:
            return set()
        if told.nexthop:
            gone = [(ifindex, old) for ifindex, old in self._same(told) if old.nexthop == told.nexthop]
            return {ifindex for ifindex, old in gone if self._drop(ifindex, old)}
        whole = any(told in self.routes.of(ifindex) for ifindex in _places(told))
        changed = set() if whole else self._drop_leg(told)
        return changed or {ifindex for ifindex in _places(told) if self._drop(ifindex, told)}

    def new_nexthop(self, message: Message) -> set[int]:
        nexthop = decode_nexthop(message)
        users = self.nexthops.users(nexthop.id)
        before = {user: self.nexthops.hops(user) for user in users}
        self.nexthops.put(nexthop)
        return {ifindex for user in users for ifindex in self._reroute(user, before[user])}

    def del_nexthop(self, message: Message) -> set[int]:
        return self._forget_nexthops([decode_nexthop(message).id])

    def interface_down(self, ifindex: int) -> set[int]:
        """The kernel flushes the IPv4 routes of an interface that went down, but those to the host, and its objects."""
        return self._flush(ifindex, stay=True) | self._forget_nexthops(self.nexthops.on(ifindex))

    def last_address_gone(self, ifindex: int) -> set[int]:
        """The kernel flushes all IPv4 routes of an interface that has no IPv4 address any more."""
        return self._flush(ifindex, stay=False)

    def _flush(self, ifindex: int, *, stay: bool) -> set[int]:
        """Forget the IPv4 routes of an interface; `stay`: those to the host do."""
        known = self.routes.of(ifindex)
        gone = [one for one in known if one.family == AF_INET and not one.nexthop and not (stay and one.of_host)]
        return {ifindex for route in gone if self._drop(ifindex, route)}

    def interface_gone(self, ifindex: int) -> set[int]:
        changed = self._forget_nexthops(self.nexthops.on(ifindex))
        for route in list(self.routes.of(ifindex)):
            self._drop(ifindex, route)
        self.routes.drop_interface(ifindex)
        return changed - {ifindex}

    def address_gone(self, family: int, source: str, table: int) -> set[int]:
        """No interface has this address any more: the kernel flushes the IPv4 routes of a table that preferred it, that
        of the interface's VRF or the main one, and lets those of IPv6, in all tables, prefer none."""
        places = sorted(self._preferring.get(source, ()))
        kept = [(ifindex, route) for ifindex in places for route in self.routes.of(ifindex) if route.source == source]
        gone = [(ifindex, route) for ifindex, route in kept if family != AF_INET or route.table == table]
        changed = {ifindex for ifindex, route in gone if self._drop(ifindex, route)}
        if family != AF_INET:
            changed |= {ifindex for _, route in gone for ifindex in self._put(replace(route, source=""))}
        if len(gone) == len(kept):
            self._preferring.pop(source, None)
        return changed

    def finish_nexthops(self) -> set[int]:
        """The dump of objects is complete."""
        return self._forget_nexthops(self.nexthops.finish())

    def finish_routes(self) -> set[int]:
        """The dump of routes is complete."""
        stale = self.routes.finish()
        self._places = {identity: kept for identity in self._places if (kept := self._kept(identity))}
        return stale

    def _resolved(self, route: Route) -> Route:
        """Return a route as its next hop object says that it leads, as far as that is known."""
        hops = self.nexthops.hops(route.nexthop) if route.nexthop else None
        return route if hops is None else replace(route, hops=hops, refuses="" if hops else BLACKHOLE)

    def _reroute(self, nexthop: int, before: tuple[NextHop, ...] | None) -> set[int]:
        """Let the routes of an object go where it leads now."""
        after = self.nexthops.hops(nexthop)
        if before == after:
            return set()
        places = {NO_INTERFACE, *(hop.ifindex for hop in (*(before or ()), *(after or ())))}
        routes = {route for place in places for route in self.routes.of(place) if route.nexthop == nexthop}
        changed: set[int] = set()
        for route in routes:
            changed |= {ifindex for ifindex in _places(route) if self._drop(ifindex, route)}
            if after is not None:
                changed |= self._put(self._resolved(route))
        return changed

    def _forget_nexthops(self, gone: Iterable[int]) -> set[int]:
        """Take objects out of the table and out of their groups; routes of those that are left with nothing go."""
        changed: set[int] = set()
        for nexthop in gone:
            for user in reversed(self.nexthops.users(nexthop)):
                before, found = self.nexthops.hops(user), self.nexthops.get(user)
                left = () if found is None else tuple(member for member in found.members if member != nexthop)
                if found is not None and left:
                    self.nexthops.put(replace(found, members=left))
                else:
                    self.nexthops.drop(user)
                changed |= self._reroute(user, before)
        return changed

    def _put(self, route: Route) -> set[int]:
        changed = set()
        for ifindex in _places(route):
            if self.routes.put(ifindex, route, route) is None:
                changed.add(ifindex)
            if route in self.routes.of(ifindex):
                self._places.setdefault(route.identity, set()).add(ifindex)
                if route.source:
                    self._preferring.setdefault(route.source, set()).add(ifindex)
        return changed

    def _drop(self, ifindex: int, route: Route) -> bool:
        """Forget a route; whether anything shown changed."""
        dropped = self.routes.drop(ifindex, route)
        kept = self._places.get(route.identity)
        if kept is not None and not any(old.identity == route.identity for _, old in self._at(ifindex, route.identity)):
            kept.discard(ifindex)
            if not kept:
                del self._places[route.identity]
        return dropped

    def _drop_leg(self, gone: Route) -> set[int]:
        """Take one leg from a multipath route: its deletion names that leg only."""
        changed: set[int] = set()
        for old in {old for _, old in self._same(gone)}:
            left = tuple(hop for hop in old.hops if hop not in gone.hops)
            if left != old.hops:
                changed |= {ifindex for ifindex in _places(old) if self._drop(ifindex, old)}
                changed |= self._put(replace(old, hops=left)) if left else set()
        return changed

    def _same(self, route: Route) -> list[tuple[int, Route]]:
        """Return the routes that one replaces, with where each is kept."""
        return [each for ifindex in self._places.get(route.identity, ()) for each in self._at(ifindex, route.identity)]

    def _at(self, ifindex: int, identity: _Identity) -> list[tuple[int, Route]]:
        return [(ifindex, old) for old in self.routes.of(ifindex) if old.identity == identity]

    def _kept(self, identity: _Identity) -> set[int]:
        return {ifindex for ifindex in self._places[identity] if self._at(ifindex, identity)}


def _places(route: Route) -> set[int]:
    """Return under which interfaces a route is kept."""
    return {hop.ifindex for hop in route.hops} or {NO_INTERFACE}
