# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWNEIGH and RTM_DELNEIGH decoded: ARP and ND neighbours, and forwarding entries of bridges and VXLANs. Pure.

Source: struct ndmsg, NDA_* of linux/neighbour.h.
"""

import struct
from dataclasses import dataclass
from typing import Final

from netsonde.errors import WireError
from netsonde.model.elements import Metadata
from netsonde.probes.netlink.kinds import ip_text, mac_text
from netsonde.probes.netlink.names import NEIGHBOUR_FLAGS, NEIGHBOUR_STATES, words
from netsonde.probes.netlink_wire import AF_BRIDGE, AF_INET, AF_INET6, Message, attributes, number

NDA_DST: Final = 1
NDA_LLADDR: Final = 2
NDA_VLAN: Final = 5
NDA_VNI: Final = 7

NUD_CHANGING: Final = 0x02 | 0x04 | 0x08 | 0x10
"""REACHABLE, STALE, DELAY, PROBE: a live neighbour wanders among them all the time."""
NUD_NOARP: Final = 0x40
NTF_SELF: Final = 0x02

_WANTED = frozenset({NDA_DST, NDA_LLADDR, NDA_VLAN, NDA_VNI})
_GROUPS = frozenset(bytes([first]) for first in range(1, 256, 2))
_NDMSG = struct.Struct("=BxxxiHBB")

Key = tuple[bytes, bytes, int, int, int]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry of a neighbour table or forwarding database."""

    ifindex: int
    family: int
    state: int
    flags: int
    ip: bytes
    mac: bytes
    vlan: int
    vni: int

    @property
    def key(self) -> Key:
        """What tells it from the other entries of its interface and table; its MAC may change, in an FDB it may not."""
        fdb = self.family == AF_BRIDGE
        return (self.ip, self.mac if fdb else b"", self.vlan, self.vni, self.flags & 0x02 if fdb else 0)

    @property
    def is_shown(self) -> bool:
        """Whether it says who is reachable where: neighbours that need no ARP do not, groups among them."""
        return self.family == AF_BRIDGE or not self.state & NUD_NOARP

    def same_facts(self, other: "Neighbour | None") -> bool:
        """Whether a table that shows `other` is still right enough: only the wandering of a live entry differs."""
        if other is None:
            return False
        wandering = bool(self.state & NUD_CHANGING) == bool(other.state & NUD_CHANGING)
        steady = self.state & ~NUD_CHANGING == other.state & ~NUD_CHANGING
        return wandering and steady and (self.mac, self.flags) == (other.mac, other.flags)

    def metadata(self) -> Metadata:
        shown: Metadata = {"IfIndex": self.ifindex, "State": list(words(self.state, NEIGHBOUR_STATES))}
        if self.mac:
            shown["MAC"] = mac_text(self.mac)
        if ip := ip_text(self.ip):
            shown["IP"] = ip
        if self.flags:
            shown["Flags"] = list(words(self.flags, NEIGHBOUR_FLAGS))
        if self.vlan:
            shown["Vlan"] = self.vlan
        if self.vni:
            shown["VNI"] = self.vni
        return shown


def decode_neighbour(message: Message) -> Neighbour | None:
    """Return the entry; None for those nobody asks for: other families, and the groups that each device lists as
    forwarding entries of its own.
    """
    if message.end - message.start < _NDMSG.size:
        raise WireError("neighbour message is too short")
    family, ifindex, state, flags, _ = _NDMSG.unpack_from(message.data, message.start)
    if family not in (AF_INET, AF_INET6, AF_BRIDGE):
        return None
    found = attributes(message.data, message.start + _NDMSG.size, message.end, _WANTED)
    if family == AF_BRIDGE and flags & NTF_SELF and found.get(NDA_LLADDR, b"\0")[:1] in _GROUPS:
        return None
    return Neighbour(
        ifindex=ifindex,
        family=family,
        state=state,
        flags=flags,
        ip=found.get(NDA_DST, b""),
        mac=found.get(NDA_LLADDR, b""),
        vlan=number(found.get(NDA_VLAN, b"")),
        vni=number(found.get(NDA_VNI, b"")),
    )
