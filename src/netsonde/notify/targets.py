# SPDX-License-Identifier: Apache-2.0
"""Which addresses may be told something: a webhook must not become a way to services that trust this machine.

Refused: loopback (our own API and bus are there), link-local (cloud metadata), unspecified, multicast, reserved, also
when they hide in an IPv6 address; the setting `notify.allow` makes exceptions. Private networks are where receivers
live, and are not refused. An address is judged when it is connected to, not when a name is read: names change.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from netsonde.errors import SourceLost, UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16")))
"""Where AWS, Google, Alibaba and Azure answer machines what is nobody else's, beside 169.254.169.254."""


class TargetPolicy:
    """Says which addresses may be connected to."""

    def __init__(self, allow: Sequence[str]) -> None:
        self._allowed = [ipaddress.ip_network(network) for network in allow]

    def check(self, host: str) -> None:
        """Raise UserError for an address that is refused; names are judged later."""
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            if host.rstrip(".").lower().rpartition(".")[2] == "localhost":
                self.check("127.0.0.1")
            return
        if not self.permits(address):
            raise UserError(
                f"no notice may be sent to {host}: it is this machine's own, link-local, or its cloud's",
                hint=f'an administrator can allow it: notify.allow = ["{address}"]',
            )

    def permits(self, address: Address) -> bool:
        inner = _inner(address)
        if any(address in network or inner in network for network in self._allowed):
            return True
        # Of an address that stands for another one only that counts: DNS64 gives such for every receiver.
        return inner not in _METADATA and not (
            inner.is_loopback or inner.is_link_local or inner.is_unspecified or inner.is_multicast or inner.is_reserved
        )

    async def resolve(self, host: str, port: int) -> str:
        """Return an address of a host; raises UserError when one is refused, SourceLost when there is none."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as unknown:
            raise SourceLost(f"{host} cannot be resolved: {unknown.strerror}") from unknown
        addresses = [str(one[4][0]) for one in found]
        for address in addresses:
            self.check(address)
        return addresses[0]


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
