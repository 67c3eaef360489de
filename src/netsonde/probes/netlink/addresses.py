# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWADDR and RTM_DELADDR decoded. Pure. Source: struct ifaddrmsg, IFA_* of linux/if_addr.h."""

import struct
from typing import Final, NamedTuple

from netsonde.errors import WireError
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink_wire import AF_INET, Message, attributes

IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2
IFA_F_SECONDARY: Final = 0x01
"""Of IPv6 the same bit means a temporary address."""

_WANTED = frozenset({IFA_ADDRESS, IFA_LOCAL})
_IFADDRMSG = struct.Struct("=BBBBi")


class Address(NamedTuple):
    """One address of an interface."""

    ifindex: int
    family: int
    prefix: str
    """Address with its prefix length, `10.0.0.1/24`."""
    secondary: bool = False
    """Whether it follows another address of its subnet, or is a temporary one."""

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from the other addresses of its interface."""
        return self.family, self.prefix

    @property
    def rank(self) -> tuple[bool, bool, str]:
        """Where it stands among the others: IPv4 as in the kernel, first come first; IPv6, which the kernel lists
        newest first, with those for one link only at the end."""
        if self.family == AF_INET:
            return self.secondary, False, ""
        return self.secondary, self.prefix.startswith("fe80:"), self.prefix


def decode_address(message: Message) -> Address | None:
    """Return the address; None for families that are neither IPv4 nor IPv6."""
    if message.end - message.start < _IFADDRMSG.size:
        raise WireError("address message is too short")
    family, length, flags, _, ifindex = _IFADDRMSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + _IFADDRMSG.size, message.end, _WANTED)
    # On point-to-point links IFA_ADDRESS is the other end and IFA_LOCAL ours; IPv6 without a peer has the first only.
    raw = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS) or b""
    shown = ip_text(raw)
    return Address(ifindex, family, f"{shown}/{length}", bool(flags & IFA_F_SECONDARY)) if shown else None
