# SPDX-License-Identifier: Apache-2.0
"""The clouds of an installation: one analyzer reads each, all of them show what it read.

Source: the bucket `openstack`, the settings.
Writes: the graph (overlay.py); the bucket, while it holds a cloud's lease (reader.py).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from netsonde.aio import spawn
from netsonde.aio.tasks import HealthSink
from netsonde.errors import SourceLost
from netsonde.graph import Graph
from netsonde.model.openstack import CloudRecord
from netsonde.model.stores import Store, follow
from netsonde.observe import Health, logger
from netsonde.openstack.cloud import Cloud
from netsonde.openstack.overlay import Ground, Overlay
from netsonde.openstack.reader import CloudReader, Source
from netsonde.openstack.settings import CloudSettings, OpenStackSettings
from netsonde.openstack.wanted import Wanted

log = logger("openstack")

HEALTH: Final = "openstack"
_ORPHANED: Final = 60.0
"""Seconds for which a cloud may be without a reader before it is forgotten: one that begins says so at once."""


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...


def health_of(cloud: str) -> str:
    """Return the name under which the state of a cloud is shown."""
    return f"{HEALTH}.{cloud}"


class OpenStack:
    """Follows what was read of all clouds, and reads those of the settings; `run` may be called again."""

    def __init__(
        self,
        settings: OpenStackSettings,
        *,
        graph: Graph,
        ground: Ground,
        store: Store[CloudRecord],
        lease: Callable[[str], LeaseRunner],
        health: Mapping[str, Health],
        source: Callable[[CloudSettings], Source] = Cloud,
        orphaned: float = _ORPHANED,
    ) -> None:
        """`health` has an entry for each cloud, and `openstack` for all; `lease` makes one by name."""
        self._settings = settings
        self._graph = graph
        self._store = store
        self._lease = lease
        self._health = health
        self._source = source
        self._orphaned = orphaned
        self._readers: dict[str, str] = {}
        """Hosts of the analyzers that read, by cloud."""
        self._wanted = {name: Wanted(_now) for name in settings.clouds}
        self._overlay = Overlay(graph, ground, list(self._wanted.values()), self._tell)
        self._reads: set[str] = set()

    async def run(self, _: HealthSink) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow(), "openstack.follow")
                spawn(group, self._overlay.run(), "openstack.overlay")
                spawn(group, self._forget(), "openstack.forget")
                for name, settings in self._settings.clouds.items():
                    lease = self._lease(f"openstack-{name}")
                    spawn(group, lease.run(self._reading(name, settings)), f"openstack.{name}")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost

    def _reading(self, name: str, settings: CloudSettings) -> Callable[[], Awaitable[None]]:
        async def read() -> None:
            self._reads.add(name)
            reader = CloudReader(
                name,
                settings,
                host=self._graph.host,
                store=self._store,
                wanted=self._wanted[name],
                health=self._health[health_of(name)],
                source=lambda: self._source(settings),
                unknown=lambda: len(self._overlay.unknown),
            )
            try:
                await reader.run()
            finally:
                self._reads.discard(name)

        return read

    async def _follow(self) -> None:
        await follow(
            self._store,
            known=[*self._overlay.records, *(f"{cloud}.reader" for cloud in self._readers)],
            put=self._put,
            gone=self._gone,
            current=self._tell,
        )

    def _put(self, key: str, record: CloudRecord, _: int) -> None:
        if record.key != key:
            self._gone(key)
        elif record.kind == "reader":
            self._readers[record.cloud] = record.id
            is_mine = record.cloud in self._reads or record.id == self._graph.host
            if record.cloud in self._settings.clouds and not is_mine:
                self._health[health_of(record.cloud)].running(f"the analyzer {record.id} reads it")
        else:
            self._overlay.put(record)

    def _gone(self, key: str) -> None:
        cloud, _, rest = key.partition(".")
        if rest == "reader":
            self._readers.pop(cloud, None)
        else:
            self._overlay.gone(key)

    async def _forget(self) -> None:
        """Delete what is left of clouds that no analyzer reads any more."""
        orphans: set[str] = set()
        while True:
            await asyncio.sleep(self._orphaned)
            known = {record.cloud for record in self._overlay.records.values()}
            for cloud in orphans & known - self._readers.keys() - self._settings.clouds.keys():
                log.warning("a cloud that no analyzer reads any more is forgotten", cloud=cloud)
                for key in [key for key, record in self._overlay.records.items() if record.cloud == cloud]:
                    await self._store.delete(key)
            orphans = known - self._readers.keys()
            self._tell()

    def _tell(self) -> None:
        health = self._health[HEALTH]
        health.gauge("records", len(self._overlay.records))
        health.gauge("nodes", self._overlay.joined)
        health.gauge("unknown", len(self._overlay.unknown))
        health.gauge("ambiguous", len(self._overlay.ambiguous))
        health.running()


def _now() -> float:
    return asyncio.get_running_loop().time()
