# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWNEXTHOP and RTM_DELNEXTHOP decoded, and the table of such objects: ways out that many routes share. Pure.

Source: struct nhmsg, struct nexthop_grp, NHA_* of linux/nexthop.h. With net.ipv4.nexthop_compat_mode 0 a route names
its object only; and when an object changes or goes, the kernel tells nothing of the IPv4 routes that go with it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netsonde.errors import WireError
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink.routes import NextHop
from netsonde.probes.netlink_wire import Message, attributes, number

NHA_ID: Final = 1
NHA_GROUP: Final = 2
NHA_BLACKHOLE: Final = 4
NHA_OIF: Final = 5
NHA_GATEWAY: Final = 6

_WANTED = frozenset({NHA_ID, NHA_GROUP, NHA_BLACKHOLE, NHA_OIF, NHA_GATEWAY})
_NHMSG = struct.Struct("=BBBxI")
_MEMBER = struct.Struct("=IBBH")


@dataclass(frozen=True, slots=True)
class NexthopObject:
    """One object: a way out, a group of such, or a black hole."""

    id: int
    ifindex: int = 0
    gateway: str = ""
    members: tuple[int, ...] = ()
    """Ids of a group's members."""
    blackhole: bool = False


def decode_nexthop(message: Message) -> NexthopObject:
    """Return the object that RTM_NEWNEXTHOP describes."""
    if message.end - message.start < _NHMSG.size:
        raise WireError("next hop message is too short")
    found = attributes(message.data, message.start + _NHMSG.size, message.end, _WANTED)
    members = found.get(NHA_GROUP, b"")
    whole = len(members) // _MEMBER.size * _MEMBER.size
    return NexthopObject(
        id=number(found.get(NHA_ID, b"")),
        ifindex=number(found.get(NHA_OIF, b"")),
        gateway=ip_text(found.get(NHA_GATEWAY, b"")),
        members=tuple(member for member, *_ in _MEMBER.iter_unpack(members[:whole])),
        blackhole=NHA_BLACKHOLE in found,
    )


class Nexthops:
    """The objects of one namespace by id."""

    def __init__(self) -> None:
        self._objects: dict[int, NexthopObject] = {}
        self._groups: dict[int, set[int]] = {}
        """Groups by the id of a member."""
        self._confirmed: set[int] | None = None

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, nexthop: int) -> NexthopObject | None:
        return self._objects.get(nexthop)

    def hops(self, nexthop: int) -> tuple[NextHop, ...] | None:
        """Return where an object leads, () for a black hole, None when it is not known."""
        found = self._objects.get(nexthop)
        if found is None:
            return None
        members = (self._objects.get(member) for member in found.members)
        ways = [member for member in members if member is not None] if found.members else [found]
        return tuple(NextHop(way.ifindex, way.gateway) for way in ways if way.ifindex)

    def users(self, nexthop: int) -> list[int]:
        """Return the object and the groups that it belongs to."""
        return [nexthop, *sorted(self._groups.get(nexthop, ()))]

    def on(self, ifindex: int) -> list[int]:
        """Return the objects that lead out of an interface."""
        return [found.id for found in self._objects.values() if found.ifindex == ifindex]

    def put(self, nexthop: NexthopObject) -> None:
        if self._confirmed is not None:
            self._confirmed.add(nexthop.id)
        self._forget_members(nexthop.id)
        self._objects[nexthop.id] = nexthop
        for member in nexthop.members:
            self._groups.setdefault(member, set()).add(nexthop.id)

    def drop(self, nexthop: int) -> None:
        self._forget_members(nexthop)
        self._objects.pop(nexthop, None)

    def begin(self) -> None:
        """A dump begins."""
        self._confirmed = set()

    def finish(self) -> list[int]:
        """The dump ended: return the objects that it did not confirm, which are to be dropped."""
        confirmed, self._confirmed = self._confirmed or set(), None
        return [known for known in self._objects if known not in confirmed]

    def _forget_members(self, nexthop: int) -> None:
        for member in self._members(nexthop):
            groups = self._groups.get(member, set())
            groups.discard(nexthop)
            if not groups:
                self._groups.pop(member, None)

    def _members(self, nexthop: int) -> Iterator[int]:
        found = self._objects.get(nexthop)
        yield from () if found is None else found.members
