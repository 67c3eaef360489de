# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWADDR and RTM_DELADDR decoded. Pure. Source: struct ifaddrmsg, IFA_* of linux/if_addr.h."""

import struct
from typing import Final, NamedTuple

from netsonde.errors import WireError
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink.wire import Message, attributes

IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2

_WANTED = frozenset({IFA_ADDRESS, IFA_LOCAL})
_IFADDRMSG = struct.Struct("=BBBBi")


class Address(NamedTuple):
    """One address of an interface."""

    ifindex: int
    family: int
    prefix: str
    """Address with its prefix length, `10.0.0.1/24`."""


def decode_address(message: Message) -> Address | None:
    """Return the address; None for families that are neither IPv4 nor IPv6."""
    if message.end - message.start < _IFADDRMSG.size:
        raise WireError("address message is too short")
    family, length, _, _, ifindex = _IFADDRMSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + _IFADDRMSG.size, message.end, _WANTED)
    # On point-to-point links IFA_ADDRESS is the other end and IFA_LOCAL ours; IPv6 without a peer has the first only.
    raw = found.get(IFA_LOCAL) or found.get(IFA_ADDRESS) or b""
    shown = ip_text(raw)
    return Address(ifindex, family, f"{shown}/{length}") if shown else None
