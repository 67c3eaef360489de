# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWROUTE and RTM_DELROUTE decoded, and a table of routes as metadata. Pure.

Source: struct rtmsg, struct rtnexthop, RTA_* of linux/rtnetlink.h.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from netsonde.errors import WireError
from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink_wire import AF_INET, AF_INET6, Attributes, Message, attributes, number

RTA_DST: Final = 1
RTA_OIF: Final = 4
RTA_GATEWAY: Final = 5
RTA_PRIORITY: Final = 6
RTA_PREFSRC: Final = 7
RTA_MULTIPATH: Final = 9
RTA_TABLE: Final = 15
RTA_VIA: Final = 18
RTA_NH_ID: Final = 30

RTM_F_CLONED: Final = 0x200

REFUSING: Final = {6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
"""RTN_* of routes that lead nowhere; after `throw` the next rule is asked."""
BLACKHOLE: Final = "blackhole"
RT_SCOPE_HOST: Final = 254

_WANTED = frozenset(
    {RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH, RTA_TABLE, RTA_VIA, RTA_NH_ID}
)
_HOP_WANTED = frozenset({RTA_GATEWAY, RTA_VIA})
_RTMSG = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=HBBi")


class NextHop(NamedTuple):
    """Where a route leads: out of which interface, to which gateway ("" = on link)."""

    ifindex: int
    gateway: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route; the same prefix may exist several times, told apart by priority and next hop."""

    family: int
    table: int
    prefix: str
    protocol: int
    priority: int
    source: str
    """Preferred source address, "" = none."""
    hops: tuple[NextHop, ...]
    nexthop: int = 0
    """Id of the next hop object that it leads to, 0 = none."""
    refuses: str = ""
    """Why it leads nowhere, "" when it does not."""
    of_host: bool = False
    """Whether it leads to this host itself: such an IPv4 route outlives that its interface goes down."""

    @property
    def identity(self) -> tuple[int, int, str, int]:
        """What a replacing route shares with the one it replaces."""
        return (self.family, self.table, self.prefix, self.priority)


def decode_route(message: Message) -> Route | None:
    """Return the route; None for one that leads nowhere and does not say why, or is a cached exception."""
    if message.end - message.start < _RTMSG.size:
        raise WireError("route message is too short")
    family, length, _, _, table, protocol, scope, kind, flags = _RTMSG.unpack_from(message.data, message.start)
    if family not in (AF_INET, AF_INET6) or flags & RTM_F_CLONED:
        return None
    found = attributes(message.data, message.start + _RTMSG.size, message.end, _WANTED)
    refuses, nexthop = REFUSING.get(kind, ""), number(found.get(RTA_NH_ID, b""))
    # IPv6 has them lead out of the loopback interface.
    hops = () if refuses else tuple(_hops(found))
    if not (hops or refuses or nexthop):
        return None
    destination = ip_text(found.get(RTA_DST, b"")) or ("0.0.0.0" if family == AF_INET else "::")
    return Route(
        family=family,
        table=number(found[RTA_TABLE]) if RTA_TABLE in found else table,
        prefix=f"{destination}/{length}",
        protocol=protocol,
        priority=number(found.get(RTA_PRIORITY, b"")),
        source=ip_text(found.get(RTA_PREFSRC, b"")),
        hops=hops,
        nexthop=nexthop,
        refuses=refuses,
        of_host=family == AF_INET and scope == RT_SCOPE_HOST,
    )


def _hops(found: Attributes) -> Iterator[NextHop]:
    if RTA_OIF in found:
        yield NextHop(number(found[RTA_OIF]), _gateway(found))
    yield from _multipath(found.get(RTA_MULTIPATH, b""))


def _multipath(data: bytes) -> Iterator[NextHop]:
    at = 0
    while at + _NEXTHOP.size <= len(data):
        length, _, _, ifindex = _NEXTHOP.unpack_from(data, at)
        if length < _NEXTHOP.size or at + length > len(data):
            raise WireError(f"next hop of {length} bytes at offset {at} of {len(data)}")
        yield NextHop(ifindex, _gateway(attributes(data, at + _NEXTHOP.size, at + length, _HOP_WANTED)))
        at += (length + 3) & ~3


def _gateway(found: Attributes) -> str:
    # RTA_VIA (RFC 5549: IPv4 over an IPv6 next hop) begins with a 16-bit family.
    return ip_text(found.get(RTA_GATEWAY, b"")) or ip_text(found.get(RTA_VIA, b"")[2:])


def routing_tables(routes: Iterable[Route], ifindex: int) -> list[Json]:
    """Return routes as the reference shows them: by table and preferred source, the hops of a prefix together.

    Sorted, since the order in which the kernel told them is chance. Only next hops out of `ifindex` are shown: every
    interface shows its own.
    """
    tables: dict[tuple[int, str], dict[tuple[str, int], list[tuple[int, str, int]]]] = {}
    for route in routes:
        hops = tables.setdefault((route.table, route.source), {}).setdefault((route.prefix, route.protocol), [])
        hops += [(route.priority, hop.gateway, route.nexthop) for hop in route.hops if hop.ifindex == ifindex]
    return [
        {
            "ID": table,
            "Src": source or None,
            "Routes": [
                {"Protocol": protocol, "Prefix": prefix, "NextHops": [_hop(ifindex, *hop) for hop in sorted(hops)]}
                for (prefix, protocol), hops in sorted(entries.items())
            ],
        }
        for (table, source), entries in sorted(tables.items())
    ]


def _hop(ifindex: int, priority: int, gateway: str, nexthop: int) -> Json:
    shown: Metadata = {"Priority": priority, "IfIndex": ifindex}
    if gateway:
        shown["IP"] = gateway
    if nexthop:
        shown["ID"] = nexthop
    return shown


def reject_routes(routes: Iterable[Route], omitted: int = 0) -> Metadata:
    """Return the routes of a namespace that lead nowhere, sorted, and how many more there are; {} for none."""
    # A route whose next hop object is not known yet has nothing to say.
    ordered = sorted(
        (route for route in routes if route.refuses),
        key=lambda route: (route.table, route.prefix, route.priority, route.refuses),
    )
    shown: list[Json] = [_refusal(route) for route in ordered]
    found: Metadata = {"RejectRoutes": shown} if shown else {}
    return {**found, "RejectRoutesOmitted": omitted} if omitted else found


def _refusal(route: Route) -> Json:
    return {
        "Table": route.table,
        "Prefix": route.prefix,
        "Priority": route.priority,
        "Type": route.refuses,
        "Protocol": route.protocol,
    }
