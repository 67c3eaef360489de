# SPDX-License-Identifier: Apache-2.0
"""Where sinks may send what captures see: unicast addresses, but for those that the administrator excludes.

Judged when a capture is created or changed, by the analyzer's settings, and when its sink starts, by the agent's:
definitions come over the bus, and an agent sends only where its own administrator lets it.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LAST_PORT: Final = 65535
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Place:
    """A network, and the ports of it from `first` to `last`."""

    network: Network
    first: int = 0
    last: int = _LAST_PORT

    def has(self, addresses: Sequence[Address], port: int | None) -> bool:
        """Tell whether an address, in one of its forms, lies in it; port None = of a protocol without, such as GRE."""
        if not any(address in self.network for address in addresses):
            return False
        return self.first <= port <= self.last if port is not None else (self.first, self.last) == (0, _LAST_PORT)


def place_of(text: str) -> Place:
    """Understand `NETWORK`, `NETWORK:PORT` and `NETWORK:PORT-PORT`; raises ValueError.

    IPv6 stands in brackets when ports follow.
    """
    network, ports = text, ""
    if text.startswith("["):
        network, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise ValueError(f"{text!r} must be [NETWORK] or [NETWORK]:PORT")
        ports = after[1:]
        if after and not ports:
            raise ValueError(f"{text!r} ends without a port")
    elif text.count(":") == 1:
        network, _, ports = text.partition(":")
        if not ports:
            raise ValueError(f"{text!r} ends without a port")
    try:
        first, _, last = ports.partition("-")
        place = Place(ipaddress.ip_network(network), *((int(first), int(last or first)) if ports else ()))
    except ValueError as wrong:
        raise ValueError(f"{text!r} is no network with ports: {wrong}") from wrong
    if not 0 <= place.first <= place.last <= _LAST_PORT:
        raise ValueError(f"{text!r} has ports that are none: they are between 0 and {_LAST_PORT}")
    return place


class Destinations:
    """What an administrator lets sinks send to. Immutable."""

    def __init__(self, allow: Sequence[str] = (), refuse: Sequence[str] = ()) -> None:
        """Empty `allow` = every unicast address. What is in `refuse` is refused whatever `allow` says."""
        self._allow = [place_of(text) for text in allow]
        self._refuse = [place_of(text) for text in refuse]

    def problem(self, target: str) -> str:
        """Say why nothing may be sent to a target as `sinks.target_of` returns it; "" when it may."""
        reason = next(self._reasons(*_parts(target)), "")
        return reason and f"nothing may be sent to {target}: {reason}"

    def _reasons(self, addresses: Sequence[Address], port: int | None) -> Iterator[str]:
        if any(one.is_multicast or one == _BROADCAST or one.is_unspecified for one in addresses):
            yield "it is no unicast address"
        if any(place.has(addresses, port) for place in self._refuse):
            yield "the setting capture.export_refuse has it"
        if self._allow and not any(place.has(addresses, port) for place in self._allow):
            yield "the setting capture.export_allow has it not"


EVERYWHERE: Final = Destinations()


def _parts(target: str) -> tuple[Sequence[Address], int | None]:
    """Return an address, with the IPv4 address that it stands for if it does, and its port."""
    host, colon, port = target.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = target, ""
    address = ipaddress.ip_address(host.strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return [address, mapped] if mapped else [address], int(port) if port else None
