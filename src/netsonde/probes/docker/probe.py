# SPDX-License-Identifier: Apache-2.0
"""Containers that Docker, or Podman behind the same API, runs: networks, ports, labels, state.

Source: Docker Engine API over a Unix socket: `GET /events`, then `GET /containers/json`, then each container that an
        event names is inspected; what an event says itself is not believed.
Writes: nodes Type=container; edges RelationType=ownership, netns -> container; notes on the containers' namespaces,
        which get their names.
Needs:  the `netns` probe for the namespaces; the right to open the socket, and CAP_SYS_PTRACE to see whose namespace
        is whose.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import Container, ContainerPublisher
from netsonde.probes.docker.api import Event, Inspection, Listed, Version, decode, is_id, touched_container
from netsonde.probes.docker.engine import Engine
from netsonde.probes.docker.translate import container
from netsonde.probes.unix_http import TooSlow

ASKED_AT_ONCE: Final = 8
"""Containers that are inspected at the same time."""
MOST_WAITING: Final = 10_000
"""Containers that wait to be inspected; with more, all are listed anew."""


class DockerProbe:
    """Follows one engine; containers stay while it is away as long as their processes live."""

    needs = ("host",)

    def __init__(self, context: ProbeContext, socket: str, name: str = "docker") -> None:
        self.name = name
        self._context = context
        self._settings = context.settings.docker
        self.daemon = socket
        self._publisher = ContainerPublisher(context, name)
        self._waiting: dict[str, None] = {}
        self._wanted = asyncio.Event()
        self._list_wanted = False
        self._unreadable: set[str] = set()
        self._health = Health(name)
        self._engine_name = ""

    @classmethod
    def all(cls, context: ProbeContext) -> Iterable["DockerProbe"]:
        """Return a probe for each socket of the settings."""
        for number, socket in enumerate(context.settings.docker.sockets):
            yield cls(context, socket, "docker" if number == 0 else f"docker-{number + 1}")

    async def run(self, health: Health) -> None:
        """Follow the engine until it goes away or the agent stops."""
        self._health = health
        try:
            await self._follow(Engine(self.daemon, self._settings.answer_timeout))
        except WireError as rubbish:
            raise SourceLost(f"{self.daemon}: {rubbish}") from rubbish
        finally:
            self._publisher.drop_dead()
            health.gauge("objects", len(self._publisher))

    async def _follow(self, engine: Engine) -> None:
        version = await engine.meet()
        self._engine_name = version.engine
        self._list_wanted = True
        self._wanted.set()
        # Events first, then the list: what happens between the two is told twice rather than never. They are read while
        # the list is, however long: an engine drops the events of who does not take them.
        async with engine.events() as events:
            try:
                async with asyncio.TaskGroup() as group:
                    spawn(group, self._take(events), f"{self.name}-events")
                    spawn(group, self._inspect_for_ever(engine, version), f"{self.name}-inspect")
                    spawn(group, self._ping(engine), f"{self.name}-ping")
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from failed

    async def _list(self, engine: Engine) -> None:
        """Become equal to the engine's list."""
        self._list_wanted = False
        self._waiting = {}
        listed = [one.id for one in await engine.get("/containers/json", list[Listed]) if is_id(one.id)]
        # An event may have named a container meanwhile that the list has not.
        self._waiting.update(dict.fromkeys(listed))
        self._unreadable &= self._waiting.keys()
        self._publisher.update((), self._publisher.ids - self._waiting.keys())
        while self._waiting:
            await self._inspect_some(engine)

    async def _take(self, events: AsyncIterator[bytes]) -> None:
        async for line in events:
            self._health.count("events")
            touched = touched_container(decode(line, Event))
            if touched:
                self._mark(touched)
        raise SourceLost(f"{self._engine_name} at {self.daemon} ended its events")

    def _mark(self, container_id: str) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._list_wanted = True
            self._health.count("relisted")
        else:
            self._waiting[container_id] = None
        self._wanted.set()

    async def _inspect_for_ever(self, engine: Engine, version: Version) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._list_wanted:
                await self._list(engine)
            while self._waiting:
                await self._inspect_some(engine)
            self._tell(version)

    async def _inspect_some(self, engine: Engine) -> None:
        """Ask for some of those that wait, and show them in one batch."""
        asked = list(self._waiting)[:ASKED_AT_ONCE]
        for container_id in asked:
            del self._waiting[container_id]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._inspect(engine, one), name=f"{self.name}-inspect") for one in asked]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        shown = [found for task in tasks if (found := task.result()) is not None]
        self._publisher.update(shown, set(asked) - {one.id for one in shown})
        self._health.gauge("objects", len(self._publisher))

    async def _inspect(self, engine: Engine, container_id: str) -> Container | None:
        """Return a container as it is now, or was when the engine hangs over it; None when it is gone or stopped, or
        told so that nobody understands it."""
        self._unreadable.discard(container_id)
        try:
            seen = await engine.find(f"/containers/{container_id}/json", Inspection)
        except TooSlow:
            # Engines lock each container: one that hangs over this one still answers for others, a dead one does not.
            await engine.ping()
            self._not_read(container_id)
            return self._publisher.shown(container_id)
        except WireError:
            self._not_read(container_id)
            return None
        return None if seen is None or seen.id != container_id else container(seen, self._engine_name)

    def _not_read(self, container_id: str) -> None:
        if len(self._unreadable) < MOST_WAITING:
            self._unreadable.add(container_id)
        self._health.count("unreadable")

    async def _ping(self, engine: Engine) -> None:
        """Find out that an engine is dead although its socket stands: a silent stream says nothing."""
        while True:
            await asyncio.sleep(max(0.01, self._settings.ping_interval))
            await engine.ping()

    def _tell(self, version: Version) -> None:
        lost = len(self._unreadable)
        reason = f"{version.engine} {version.version} at {self.daemon}"
        self._health.running(f"{reason}; {lost} containers could not be read" if lost else reason)
