# SPDX-License-Identifier: Apache-2.0
"""Our own traffic, left out of captures: a capture that saw its own reports would feed itself for ever.

Only connections to the bus and to the API are meant, by address and port, and only in the agent's own namespace.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

LOOPBACK: Final = "lo"


@dataclass(frozen=True, slots=True)
class OwnTraffic:
    """One of our servers, by numeric address and TCP port."""

    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback


def own_servers(urls: Iterable[str]) -> list[OwnTraffic]:
    """Return the servers whose addresses are numeric: a filter must not wait for a name to be resolved."""
    found = []
    for url in urls:
        try:
            address = urlsplit(url if "//" in url else f"//{url}")
            found.append(OwnTraffic(str(ipaddress.ip_address(address.hostname or "")), address.port or 0))
        except ValueError:
            continue
    return [server for server in found if server.port]


def without_own_traffic(
    filter_text: str, ifname: str, servers: Sequence[OwnTraffic], *, also: Sequence[str] = ()
) -> str:
    """Return a tcpdump filter that also leaves out what goes to and from our servers through this interface, and
    `also` these."""
    excluded = [
        f"not (host {server.address} and tcp port {server.port})"
        for server in servers
        if server.is_loopback == (ifname == LOOPBACK)
    ]
    excluded += also
    parts = [f"({filter_text})"] if filter_text.strip() and excluded else [filter_text.strip()]
    return " and ".join([part for part in parts if part] + excluded)
