# SPDX-License-Identifier: Apache-2.0
"""What the threads of the userspace datapath (PMDs) counted, from the words of ovs-vswitchd. Pure.

Source: `dpif-netdev/pmd-stats-show`, dpif_netdev_pmd_info() in Open vSwitch's lib/dpif-netdev.c and
pmd_info_show_stats(); ovs-vswitchd(8). Averages are left out, since they follow from the counts.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from netsonde.model.elements import Json, Node
from netsonde.model.topology import InterfaceMetric
from netsonde.probes.ovsdb.rows import compact
from netsonde.probes.ovsdb.statistics import Reading, difference

NAMES: Final = {
    "packets received": "PmdPackets",
    "packet recirculations": "PmdRecirculations",
    "phwol hits": "PmdPhwolHits",
    "simple match hits": "PmdSimpleMatchHits",
    "emc hits": "PmdEmcHits",
    "smc hits": "PmdSmcHits",
    "megaflow hits": "PmdMegaflowHits",
    "miss with success upcall": "PmdUpcalls",
    "miss with failed upcall": "PmdUpcallFailures",
    "idle cycles": "PmdIdleCycles",
    "processing cycles": "PmdBusyCycles",
}
MOST_THREADS: Final = 1024

_HEADING: Final = re.compile(r"(main|pmd) thread(?: numa_id (\d{1,6}))?(?: core_id (\d{1,6}))?:")
_COUNT: Final = re.compile(r"  ([a-z ]{1,40}): ([0-9]{1,19})(?: .*)?")

ThreadKey: TypeAlias = tuple[int | None, int | None]
"""NUMA node and core; None, None = the main thread, which polls what is no PMD's."""


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread, and what it counted since it began."""

    numa: int | None
    core: int | None
    reading: Reading

    @property
    def key(self) -> ThreadKey:
        return self.numa, self.core


def parse_threads(text: str) -> list[Thread]:
    """Return the threads that the text tells of; what is not understood in it is left out."""
    found: list[Thread] = []
    for line in text.splitlines():
        if heading := _HEADING.fullmatch(line):
            if len(found) >= MOST_THREADS:
                break
            numa, core = (None if part is None else int(part) for part in heading.groups()[1:])
            found.append(Thread(numa, core, {}))
        elif found and (count := _COUNT.fullmatch(line)) and count[1] in NAMES:
            found[-1].reading[NAMES[count[1]]] = int(count[2])
    return found


def listed(threads: Sequence[Thread]) -> list[Json]:
    """Return the polling threads as metadata, by core: which there are, not what they count."""
    polling = sorted((thread for thread in threads if thread.core is not None), key=lambda thread: thread.core or 0)
    return [compact(Core=thread.core, NumaNode=thread.numa) for thread in polling]


class ThreadCounters:
    """The last readings of the threads of one switch."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._last: Mapping[ThreadKey, Reading] = {}
        self._last_ms: int | None = None

    def take(self, threads: Sequence[Thread], host: Node) -> Iterator[InterfaceMetric]:
        """Yield by how much all threads together grew since the last reading: at most one metric, of the host."""
        now, since, before = self._now_ms(), self._last_ms, self._last
        self._last, self._last_ms = {thread.key: thread.reading for thread in threads}, now
        if since is None:
            return
        total: Reading = {}
        for thread in threads:
            # One that was not there has just begun: all that it counted is new.
            for name, by in difference(before.get(thread.key, {}), thread.reading).items():
                total[name] = total.get(name, 0) + by
        if total:
            tid = str(host.metadata.get("TID") or "")
            yield InterfaceMetric(host.id, tid, host.host, since, now, total)

    def forget(self) -> None:
        """Begin anew: what is counted until the next reading cannot be told from what was before."""
        self._last, self._last_ms = {}, None
