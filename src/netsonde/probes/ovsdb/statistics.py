# SPDX-License-Identifier: Apache-2.0
"""Counters of interfaces that no network device stands for (DPDK, vhost-user, patch, tunnels), as deltas. Pure.

The kernel counts for the others. Open vSwitch writes them into the database every `other_config:stats-update-interval`
(5 s); they are followed by a monitor of their own and handed to the metrics sink, and never become topology.
Source: ovs-vswitchd.conf.db(5), `statistics` of Interface; names as the reference spells them.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from netsonde.model.elements import Json, Node
from netsonde.model.topology import InterfaceMetric
from netsonde.probes.ovsdb.columns import STATISTICS
from netsonde.probes.ovsdb.keys import DPDK, TUNNELS
from netsonde.probes.ovsdb.monitor import Replica, Row
from netsonde.probes.ovsdb.rows import mapping

NAMES: Final = {
    "rx_packets": "RxPackets",
    "tx_packets": "TxPackets",
    "rx_bytes": "RxBytes",
    "tx_bytes": "TxBytes",
    "rx_errors": "RxErrors",
    "tx_errors": "TxErrors",
    "rx_dropped": "RxDropped",
    "tx_dropped": "TxDropped",
    "rx_multicast_packets": "Multicast",
    "collisions": "Collisions",
    "rx_over_err": "RxOverErrors",
    "rx_crc_err": "RxCrcErrors",
    "rx_frame_err": "RxFrameErrors",
    "rx_missed_errors": "RxMissedErrors",
}
COUNTED_TYPES: Final = ("patch", *TUNNELS, *DPDK)
"""A condition of a monitor can only say which types are meant, not which are not."""

_DIGITS: Final = re.compile(r"[0-9]{1,20}")

Reading = dict[str, int]


class Statistics:
    """The last readings of the interfaces of one server; they outlive a connection, so that nothing is lost with it."""

    def __init__(self, host: str, now_ms: Callable[[], int], node_of: Callable[[str], Node | None]) -> None:
        """`node_of`: node of an interface by the UUID of its row."""
        self._host = host
        self._now_ms = now_ms
        self._node_of = node_of
        self._replica = Replica(STATISTICS)
        self._last: dict[str, tuple[int, Reading] | None] = {}
        """When each was read, and what; None where there is nothing to compare with."""

    def requests(self, schema: Json, *, everything: bool = False) -> dict[str, Json]:
        """Return what to monitor; WireError when it is no schema.

        `everything`: the kernel here counts for none of the interfaces.
        """
        self._replica.use_schema(schema)
        where: list[Json] = [["type", "==", kind] for kind in COUNTED_TYPES]
        return {
            table: [{"columns": columns} if everything else {"columns": columns, "where": where}]
            for table, columns in self._replica.columns().items()
            if columns
        }

    def take(self, updates: Json, *, anew: bool = False) -> list[InterfaceMetric]:
        """Take `updates2` in and return by how much counters grew; WireError when it cannot be understood.

        `anew`: these are all the rows that there are.
        """
        now = self._now_ms()
        found: list[InterfaceMetric] = []
        for table, uuid in self._replica.update(updates, anew=anew):
            row = self._replica.rows[table].get(uuid)
            if row is None:
                self._last.pop(uuid, None)
            else:
                found.extend(self._grown(uuid, _reading(row), now, anew=anew))
        return found

    def _grown(self, uuid: str, reading: Reading, now: int, *, anew: bool) -> Iterator[InterfaceMetric]:
        """Yield at most one metric."""
        if uuid not in self._last:
            # A row that comes without counters while we listen has just been made: all that it will count is new.
            self._last[uuid] = (now, reading) if reading or not anew else None
            return
        known = self._last[uuid]
        if known is None:
            self._last[uuid] = (now, reading) if reading else None
        elif known[1] and not reading:
            # The switch went away: whether it will go on or begin at zero is not known.
            self._last[uuid] = None
        elif (node := self._node_of(uuid)) is not None:
            self._last[uuid] = (now, reading)
            if grown := difference(known[1], reading):
                tid = str(node.metadata.get("TID") or "")
                yield InterfaceMetric(node.id, tid, self._host, known[0], now, grown)


def difference(before: Reading, now: Reading) -> Reading:
    """Return by how much each counter grew, if at all; one that went back counts from zero."""
    grown = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: by if by > 0 else now[name] for name, by in grown.items() if by > 0 or (by < 0 and now[name])}


def _reading(row: Row) -> Reading:
    """Return the counters that we know, under our names."""
    told = mapping(row, "statistics")
    return {ours: int(told[name]) for name, ours in NAMES.items() if _DIGITS.fullmatch(told.get(name, ""))}
