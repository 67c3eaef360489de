# SPDX-License-Identifier: Apache-2.0
"""Who was heard on which interface, until when. Pure.

Source: IEEE 802.1AB-2016 §9.2.7: a neighbour is known by chassis and port id, holds for its time to live, and goes at
once when it announces 0.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netsonde.probes.lldp.frame import Advertisement

MOST_ON_AN_INTERFACE: Final = 64
"""Neighbours of one interface: behind a switch that passes LLDP on there are several, more are an attack."""


class Heard(NamedTuple):
    """One neighbour; `node` is the id of the interface that heard it."""

    node: str
    chassis_type: str
    chassis_id: str
    port_type: str
    port_id: str


class Neighbours:
    """The table; times are seconds of any clock that only grows."""

    def __init__(self) -> None:
        self._known: dict[Heard, tuple[Advertisement, float]] = {}
        self._on: dict[str, int] = {}
        self.refused = 0
        """Advertisements of neighbours beyond the most on one interface."""

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[tuple[str, Advertisement]]:
        """Yield interface and advertisement, those heard last at the end."""
        for heard, (said, _) in self._known.items():
            yield heard.node, said

    def hear(self, node: str, said: Advertisement, now: float) -> bool:
        """Take an advertisement in; return whether anything else than its time changed."""
        heard = Heard(node, said.chassis_type, said.chassis_id, said.port_type, said.port_id)
        before = self._known.get(heard)
        if said.ttl == 0:
            return self._forget(heard)
        if before is None:
            if self._on.get(node, 0) >= MOST_ON_AN_INTERFACE:
                self.refused += 1
                return False
            self._on[node] = self._on.get(node, 0) + 1
        elif not _same(before[0], said):
            del self._known[heard]
        self._known[heard] = (said, now + said.ttl)
        return before is None or not _same(before[0], said)

    def expire(self, now: float) -> bool:
        """Forget those whose time is over; return whether there were any."""
        return any([self._forget(heard) for heard, (_, until) in tuple(self._known.items()) if until <= now])

    def next_expiry(self) -> float | None:
        """Return when the next one's time is over, None without any."""
        return min((until for _, until in self._known.values()), default=None)

    def interface_gone(self, node: str) -> bool:
        """Forget all that an interface heard; return whether there were any."""
        return any([self._forget(heard) for heard in tuple(self._known) if heard.node == node])

    def _forget(self, heard: Heard) -> bool:
        if self._known.pop(heard, None) is None:
            return False
        self._on[heard.node] -= 1
        if not self._on[heard.node]:
            del self._on[heard.node]
        return True


def _same(one: Advertisement, other: Advertisement) -> bool:
    return (one.chassis, one.port, one.mtu) == (other.chassis, other.port, other.mtu)
