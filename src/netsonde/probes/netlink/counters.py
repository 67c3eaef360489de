# SPDX-License-Identifier: Apache-2.0
"""Interface counters as deltas: RTM_NEWSTATS decoded, the last readings kept. Pure.

Source: struct rtnl_link_stats64 of linux/if_link.h. Names as the reference spells them. Counters are not topology:
they go to the metrics sink and never into a node.
"""

import struct
from typing import Final

from netsonde.errors import WireError
from netsonde.probes.netlink_wire import Message, attributes

IFLA_STATS_LINK_64: Final = 1
IFLA_STATS64: Final = 23
"""Of a link message, the same structure."""

NAMES: Final = (
    "RxPackets",
    "TxPackets",
    "RxBytes",
    "TxBytes",
    "RxErrors",
    "TxErrors",
    "RxDropped",
    "TxDropped",
    "Multicast",
    "Collisions",
    "RxLengthErrors",
    "RxOverErrors",
    "RxCrcErrors",
    "RxFrameErrors",
    "RxFifoErrors",
    "RxMissedErrors",
    "TxAbortedErrors",
    "TxCarrierErrors",
    "TxFifoErrors",
    "TxHeartbeatErrors",
    "TxWindowErrors",
    "RxCompressed",
    "TxCompressed",
)
_STATS = struct.Struct("=23Q")
_IF_STATS_MSG = struct.Struct("=BxxxiI")
_WANTED = frozenset({IFLA_STATS_LINK_64})
_LINK_MSG: Final = 16
"""Bytes of struct ifinfomsg."""
_WANTED_OF_LINK = frozenset({IFLA_STATS64})
_ZERO = (0,) * len(NAMES)

Counters = tuple[int, ...]


def decode_stats(message: Message) -> tuple[int, Counters] | None:
    """Return ifindex and counters of one RTM_NEWSTATS message; None when it has no link counters."""
    if message.end - message.start < _IF_STATS_MSG.size:
        raise WireError("statistics message is too short")
    _, ifindex, _ = _IF_STATS_MSG.unpack_from(message.data, message.start)
    found = attributes(message.data, message.start + _IF_STATS_MSG.size, message.end, _WANTED)
    raw = found.get(IFLA_STATS_LINK_64, b"")
    return (ifindex, _STATS.unpack_from(raw)) if len(raw) >= _STATS.size else None


def counters_of_link(message: Message) -> Counters:
    """Return what an interface had counted when RTM_NEWLINK told of it; zeros where the message does not say."""
    found = attributes(message.data, message.start + _LINK_MSG, message.end, _WANTED_OF_LINK)
    raw = found.get(IFLA_STATS64, b"")
    return _STATS.unpack_from(raw) if len(raw) >= _STATS.size else _ZERO


class CounterHistory:
    """The last reading of every interface of a namespace."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, Counters]] = {}

    def begin_at(self, ifindex: int, counters: Counters, now_ms: int) -> None:
        """An interface has just come: what it will have counted more at the first reading counts from now."""
        self._last.setdefault(ifindex, (now_ms, counters))

    def forget(self, ifindex: int) -> None:
        self._last.pop(ifindex, None)

    def delta(self, ifindex: int, counters: Counters, now_ms: int) -> tuple[int, dict[str, int]] | None:
        """Return since when, and by how much each counter grew; None for a first reading and for no change.

        A counter that went back (the driver reset it) counts from zero.
        """
        known = self._last.get(ifindex)
        self._last[ifindex] = (now_ms, counters)
        if known is None or known[1] == counters:
            return None
        since_ms, before = known
        grown = {
            name: now - then if now >= then else now
            for name, then, now in zip(NAMES, before, counters, strict=True)
            if now != then
        }
        grown = {name: by for name, by in grown.items() if by}
        return (since_ms, grown) if grown else None
