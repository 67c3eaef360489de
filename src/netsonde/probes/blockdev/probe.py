# SPDX-License-Identifier: Apache-2.0
"""Block devices of the host: disks, partitions, volumes and what stands on what, with mounts and counters.

Source: sysfs, udev's records and mountinfo (blockdev/sysfs.py), looked at when the kernel or udev tells of a change
        (blockdev/changes.py) and every `probes.blockdev.interval`; /proc/diskstats for counters.
Writes: a node Type=cluster for all of them, and one for each; edges RelationType=ownership, connected (a device -> what
        it stands on) and multipath. Counters to the metrics sink.
Needs:  nothing.
"""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from netsonde.errors import SourceLost
from netsonde.graph.batch import Batch
from netsonde.model.topology import InterfaceMetric
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.blockdev.changes import Changes
from netsonde.probes.blockdev.counters import CounterHistory, Counters, parse_diskstats
from netsonde.probes.blockdev.sysfs import Device, read_devices
from netsonde.probes.blockdev.translate import contributions, group
from netsonde.probes.contributions import ContributionPublisher

PAUSE: Final = 0.2
"""Least seconds between two looks: a disk that comes brings a dozen events."""
CPU_SHARE: Final = 0.02
"""Most of a core that looks take: where containers come all the time, mounts change all the time."""
_GROUP: Final = ""
"""Of the group among the kernel's names."""


class BlockdevProbe:
    """Keeps the devices in the graph equal to the kernel's; `run` may be called again."""

    name = "blockdev"
    needs = ("host",)

    def __init__(self, context: ProbeContext, root: Path = Path("/")) -> None:
        """`root`: where `sys`, `proc` and `run` are."""
        self._context = context
        self._root = root
        self._settings = context.settings.blockdev
        self._publisher: ContributionPublisher[str] = ContributionPublisher(self.name)
        self._shown: set[str] = set()
        self._counters = CounterHistory()

    async def run(self, health: Health) -> None:
        """Look at all devices again and again until cancelled."""
        wanted = asyncio.Event()
        try:
            changes = Changes(wanted.set)
        except OSError as refused:
            raise SourceLost(f"changes of block devices cannot be followed: {refused.strerror}") from refused
        try:
            while True:
                wanted.clear()
                took = await self._look()
                health.count("looks")
                health.gauge("objects", len(self._shown))
                health.running()
                await asyncio.sleep(max(PAUSE, took / CPU_SHARE))
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(PAUSE, self._settings.interval)):
                        await wanted.wait()
        finally:
            changes.close()

    async def _look(self) -> float:
        """Read, publish, and return the seconds of CPU that reading took."""
        devices, counted, took = await asyncio.to_thread(_read, self._root)
        identity = self._context.identity
        group_node = self._node_of(_GROUP)
        batch = Batch()
        self._publisher.put(batch, _GROUP, group(group_node, identity.host()))
        for kname in self._shown - devices.keys():
            self._publisher.forget(batch, kname)
        for kname, found in contributions(devices, group_node, self._node_of).items():
            self._publisher.put(batch, kname, found)
        self._shown = set(devices)
        if len(batch):
            self._context.graph.apply(batch)
        self._count({kname: counters for kname, counters in counted.items() if kname in devices})
        return took

    def _node_of(self, kname: str) -> str:
        return self._context.identity.row(self.name, kname)

    def _count(self, readings: dict[str, Counters]) -> None:
        now, metrics = self._context.now_ms(), list[InterfaceMetric]()
        since, grown = self._counters.grown(readings, now)
        for kname, counters in grown.items():
            node = self._context.graph.node(self._node_of(kname))
            if node is not None:
                tid = str(node.metadata.get("TID") or "")
                metrics.append(InterfaceMetric(node.id, tid, self._context.host, since, now, counters))
        if metrics:
            self._context.metrics(metrics)


def _read(root: Path) -> tuple[dict[str, Device], dict[str, Counters], float]:
    began = time.thread_time()
    try:
        text = (root / "proc/diskstats").read_text()
    except OSError:
        text = ""
    return read_devices(root), parse_diskstats(text), time.thread_time() - began
