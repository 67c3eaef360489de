# SPDX-License-Identifier: Apache-2.0
"""Settings for a recorded cloud, and analyzers over one bucket that show it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from netsonde.aio import spawn
from netsonde.model.elements import Json, Metadata
from netsonde.model.openstack import CloudRecord
from netsonde.observe import Health
from netsonde.openstack import HEALTH, OpenStack, health_of
from netsonde.openstack.settings import CloudSettings, OpenStackSettings
from recorded_cloud import RecordedCloud
from unit.captures.fakes import FakeLease, FakeStore
from unit.declared.memory import Analyzer, memory_stores, node, running

NAME = "lab"


def settings_for(cloud: RecordedCloud, account: str = "admin", **more: Any) -> CloudSettings:
    return CloudSettings(auth_url=cloud.url, username=account, password="right", project=account, **more)


def hurried(settings: CloudSettings, interval: float = 0.05) -> CloudSettings:
    """Return settings that ask more often than is allowed."""
    object.__setattr__(settings, "interval", interval)
    return settings


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what threads bring about, and leave them the processor."""
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110  threads of the cloud and of its reader set no event
            await asyncio.sleep(0.005)


class Shown:
    """One analyzer that shows clouds; `says` lets an agent of h1 publish its nodes."""

    def __init__(self, analyzer: Analyzer, service: OpenStack, health: dict[str, Health]) -> None:
        self.analyzer = analyzer
        self.service = service
        self.health = health

    def says(self, **nodes: dict[str, Json]) -> None:
        made = (node(name, origin="agent.h1") for name in nodes)
        self.analyzer.agent_says(
            *(msgspec.structs.replace(one, metadata={**one.metadata, **nodes[one.id]}) for one in made)
        )

    def neutron(self, name: str) -> Metadata:
        found = self.analyzer.shown(name).get("Neutron", {})
        assert isinstance(found, dict)
        return found

    async def comes(self, name: str, **fields: Json) -> Metadata:
        """Wait until a node shows these fields of `Neutron`."""
        await until(lambda: fields.items() <= self.neutron(name).items())
        return self.neutron(name)

    async def looks(self, more: int = 1) -> None:
        """Wait until the whole cloud has been looked at again, as many times."""
        counters = self.health[health_of(NAME)].counters
        before = counters.get("looks", 0)
        await until(lambda: counters.get("looks", 0) >= before + more)

    @property
    def state(self) -> Health:
        return self.health[health_of(NAME)]


@asynccontextmanager
async def showing(
    store: FakeStore[CloudRecord],
    settings: CloudSettings | None,
    *,
    host: str = "a1",
    lease: FakeLease | None = None,
    orphaned: float = 60.0,
) -> AsyncIterator[Shown]:
    """Run an analyzer's part until the end of the block; without settings it only shows what others read."""
    analyzer = Analyzer(memory_stores(), host=host)
    clouds = {} if settings is None else {NAME: settings}
    health = {name: Health(name) for name in (HEALTH, *map(health_of, clouds))}
    service = OpenStack(
        OpenStackSettings(clouds),
        graph=analyzer.graph,
        ground=analyzer.declared,
        store=store,
        lease=lambda _: lease or FakeLease(),
        health=health,
        orphaned=orphaned,
    )
    async with running(analyzer), asyncio.TaskGroup() as group:
        task = spawn(group, service.run(health[HEALTH]), "openstack")
        await until(lambda: health[HEALTH].state == "running")
        yield Shown(analyzer, service, health)
        task.cancel()
