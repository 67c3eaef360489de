# SPDX-License-Identifier: Apache-2.0
"""How often wrong passwords may be tried: a bucket an address and a bucket a user, which leak over a minute.

An attempt is taken before it is judged, so that of a thousand at once not all are judged; a right one is given back.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

_MOST_KEPT: Final = 20_000
"""Buckets; beyond it the one that was longest unused is forgotten."""
_PERIOD: Final = 60.0


class Attempts:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._most = per_minute
        self._now = now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, names: Iterable[str]) -> float:
        """Take an attempt from each bucket and return 0, or take none and return the seconds to wait."""
        names = list(names)
        levels = {name: self._level(name) for name in names}
        fullest = max(levels.values(), default=0.0)
        if fullest > self._most - 1:
            return (fullest - self._most + 1) * _PERIOD / self._most
        for name, level in levels.items():
            self._put(name, level + 1)
        return 0.0

    def give_back(self, names: Iterable[str]) -> None:
        for name in names:
            self._put(name, max(0.0, self._level(name) - 1))

    def _level(self, name: str) -> float:
        level, since = self._levels.get(name, (0.0, self._now()))
        return max(0.0, level - (self._now() - since) * self._most / _PERIOD)

    def _put(self, name: str, level: float) -> None:
        self._levels[name] = (level, self._now())
        self._levels.move_to_end(name)
        while len(self._levels) > _MOST_KEPT:
            self._levels.popitem(last=False)


def names_of(address: str, user: str) -> tuple[str, ...]:
    """Return the buckets of an attempt. Of IPv6 the network counts: whoever has one address there has 2^64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        network = address
    else:
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        network = str(mapped or (ipaddress.ip_network((parsed, 64), strict=False) if parsed.version == 6 else parsed))
    return (f"address {network}", f"user {user[:128]}") if user else (f"address {network}",)
