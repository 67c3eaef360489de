# SPDX-License-Identifier: Apache-2.0
"""RTM_NEWADDR and RTM_DELADDR decoded. Pure. Source: struct ifaddrmsg, IFA_* of linux/if_addr.h."""

import struct
from typing import Final, NamedTuple

from netsonde.errors import WireError
from netsonde.probes.netlink.kinds import ip_text
from netsonde.probes.netlink.tables import RecordTable
from netsonde.probes.netlink_wire import AF_INET, Message, attributes

IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2
IFA_F_SECONDARY: Final = 0x01
"""Of IPv6 the same bit means a temporary address."""

_WANTED = frozenset({IFA_ADDRESS, IFA_LOCAL})
_IFADDRMSG = struct.Struct("=BBBBi")


Key = tuple[int, str, str]


class Address(NamedTuple):
    """One address of an interface."""

    ifindex: int
    family: int
    prefix: str
    """Address with its prefix length, `10.0.0.1/24`."""
    secondary: bool = False
    """Whether it follows another address of its subnet, or is a temporary one."""
    peer: str = ""
    """The other end of a point-to-point link; one address may lead to several."""
    scope: int = 0
    """RT_SCOPE_*: the greater, the nearer one must be to use it."""

    @property
    def key(self) -> Key:
        """What tells it from the other addresses of its interface."""
        return self.family, self.prefix, self.peer

    @property
    def text(self) -> str:
        """The address without its prefix length."""
        return self.prefix.partition("/")[0]

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Where it stands among the others: IPv4 as in the kernel, those of the narrowest scope first, then first come
        first; IPv6, which the kernel lists newest first, with those for one link only at the end."""
        if self.family == AF_INET:
            return self.secondary, 0 if self.secondary else -self.scope, ""
        return self.secondary, self.prefix.startswith("fe80:"), self.prefix


def decode_address(message: Message) -> Address | None:
    """Return the address; None for families that are neither IPv4 nor IPv6."""
    if message.end - message.start < _IFADDRMSG.size:
        raise WireError("address message is too short")
    family, length, flags, scope, ifindex = _IFADDRMSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + _IFADDRMSG.size, message.end, _WANTED)
    # On point-to-point links IFA_ADDRESS is the other end and IFA_LOCAL ours; IPv6 without a peer has the first only.
    shown, other = ip_text(found.get(IFA_LOCAL, b"")), ip_text(found.get(IFA_ADDRESS, b""))
    if not (shown or other):
        return None
    peer = other if shown not in ("", other) else ""
    return Address(ifindex, family, f"{shown or other}/{length}", bool(flags & IFA_F_SECONDARY), peer, scope)


class AddressTable(RecordTable[Key, Address]):
    """The addresses of one namespace."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._homes: dict[str, set[int]] = {}
        """Interfaces by the address that they have, without its prefix length."""

    def put(self, ifindex: int, key: Key, record: Address) -> Address | None:
        self._homes.setdefault(record.text, set()).add(ifindex)
        return super().put(ifindex, key, record)

    def drop(self, ifindex: int, key: Key) -> bool:
        dropped = super().drop(ifindex, key)
        self._leave(ifindex, key[1].partition("/")[0])
        return dropped

    def drop_interface(self, ifindex: int) -> None:
        texts = {address.text for address in self.of(ifindex).values()}
        super().drop_interface(ifindex)
        for text in texts:
            self._leave(ifindex, text)

    def finish(self) -> set[int]:
        stale = super().finish()
        for text, homes in tuple(self._homes.items()):
            for ifindex in tuple(homes):
                self._leave(ifindex, text)
        return stale

    def has(self, text: str) -> bool:
        """Tell whether any interface has an address, with whatever prefix length, or may have it beyond the limit."""
        return text in self._homes

    def _leave(self, ifindex: int, text: str) -> None:
        """Forget that an interface has an address, if it has not."""
        homes = self._homes.get(text, set())
        if self.omitted(ifindex) or any(address.text == text for address in self.of(ifindex).values()):
            return
        homes.discard(ifindex)
        if not homes:
            self._homes.pop(text, None)

    def has_ipv4(self, ifindex: int) -> bool:
        found = self.of(ifindex).values()
        return self.omitted(ifindex) > 0 or any(address.family == AF_INET for address in found)
