# SPDX-License-Identifier: Apache-2.0
"""Captures of an analyzer: what the API creates, changes and shows, and what agents cannot judge alone.

Source: the buckets `captures` and `capture-status`, the merged graph.
Writes: the bucket `captures`; under a lease the bucket `capture-targets`, and it deletes captures whose time is over.
"""

import asyncio
import uuid as uuids
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.captures.catalogue import Catalogue
from netsonde.captures.definitions import CheckFilter, checked, compiled, is_expired, refuse_duplicate
from netsonde.captures.destinations import EVERYWHERE, Destinations
from netsonde.captures.standing import Standing
from netsonde.captures.status import nothing_to_capture
from netsonde.captures.stores import host_key, split_key
from netsonde.captures.targets import TargetWriter
from netsonde.errors import Conflict, NotFound, SourceLost
from netsonde.graph import Event, Graph
from netsonde.model.captures import (
    AgentCaptureStatus,
    Capture,
    CaptureChange,
    CapturePreview,
    CaptureTargets,
    CaptureView,
)
from netsonde.model.stores import Store, follow
from netsonde.observe import Listeners, logger

log = logger("captures")

_COALESCE = 0.02
_SAMPLE = 20
_COUNTER_INTERVAL = 1.0
_PATIENCE = 30.0
"""Seconds to wait for the topology; what is not there by then may never come."""
_LOOK = 0.1

Listener = Callable[[CaptureChange], None]


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...


class CaptureCoordinator:
    """Implements what the API asks of captures; `run` keeps it up to date until cancelled."""

    def __init__(
        self,
        graph: Graph,
        definitions: Store[Capture],
        targets: Store[CaptureTargets],
        statuses: Store[AgentCaptureStatus],
        lease: LeaseRunner,
        *,
        check_filter: CheckFilter,
        destinations: Destinations = EVERYWHERE,
        agents: Callable[[], Collection[str] | None] = lambda: None,
        is_ready: Callable[[], bool] = lambda: True,
        clock: Clock | None = None,
    ) -> None:
        """`is_ready` tells whether the topology, and what users say of it, is in."""
        self._graph = graph
        self._definitions = definitions
        self._statuses = statuses
        self._lease = lease
        self._check_filter = check_filter
        self._destinations = destinations
        self._is_ready = is_ready
        self._clock = clock or Clock()
        self._catalogue = Catalogue(graph, agents=agents, now_ms=self._clock.now_ms)
        self._target_writer = TargetWriter(self._catalogue, targets)
        self._listeners: Listeners[CaptureChange] = Listeners("captures")
        self._changed = asyncio.Event()
        self._is_current = asyncio.Event()

    def views(self) -> Sequence[CaptureView]:
        """Return every capture, the oldest first."""
        known = (self._catalogue.view(capture.uuid) for capture in self._catalogue.definitions())
        return sorted((view for view in known if view is not None), key=lambda view: view.created_at)

    def view(self, uuid: str) -> CaptureView | None:
        return self._catalogue.view(uuid)

    async def create(self, capture: Capture) -> CaptureView:
        """Check, name and store a capture; raises UserError, or Conflict for a duplicate."""
        now = self._clock.now_ms()
        capture = checked(capture, self._check_filter, now_ms=now, destinations=self._destinations)
        capture = msgspec.structs.replace(capture, uuid=str(uuids.uuid4()), created_at=now)
        refuse_duplicate(capture, self._catalogue.definitions(), now_ms=now)
        revision = await self._definitions.create(capture.uuid, capture)
        return self._accept(capture, revision)

    async def replace(self, previous: Capture, capture: Capture) -> CaptureView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        now = self._clock.now_ms()
        revision = self._catalogue.revision(previous.uuid)
        if revision is None:
            raise NotFound(f"there is no capture {previous.uuid}", hint="it was deleted meanwhile")
        if self._catalogue.definition(previous.uuid) != previous:
            raise Conflict(f"the capture {previous.uuid} was changed meanwhile", hint="read it again and repeat")
        capture = msgspec.structs.replace(capture, uuid=previous.uuid, created_at=previous.created_at)
        capture = checked(capture, self._check_filter, now_ms=now, destinations=self._destinations)
        refuse_duplicate(capture, self._catalogue.definitions(), now_ms=now)
        revision = await self._definitions.update(capture.uuid, capture, revision)
        return self._accept(capture, revision)

    async def delete(self, uuid: str) -> None:
        """Delete a capture; agents stop it. Raises NotFound."""
        if self._catalogue.revision(uuid) is None:
            raise NotFound(f"there is no capture {uuid[:100]}", hint="GET /api/capture lists them")
        await self._definitions.delete(uuid)
        self._forget(uuid)

    def preview(self, gremlin: str) -> CapturePreview:
        """Return what a capture with this query would find now; raises UserError as `create` would."""
        capture = Capture(gremlin_query=gremlin)
        compiled(capture)
        standing = Standing(capture, self._graph, only_local=False)
        ids = [*sorted(standing.points), *sorted(standing.no_device)]
        sample = [node for node in map(self._graph.node, ids[:_SAMPLE]) if node is not None]
        reason = standing.problem or ("" if standing.points else nothing_to_capture(len(ids)))
        return CapturePreview(len(ids), len(standing.points), sample, reason)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell each change of a definition or status; counters at most once a second."""
        return self._listeners.add(listener)

    def refresh(self) -> None:
        """Renew all statuses, after hosts came or went."""
        self._catalogue.refresh()
        self._changed.set()

    async def ready(self) -> None:
        """Wait until the definitions have been read once."""
        await self._is_current.wait()

    async def run(self, health: HealthSink) -> None:
        unsubscribe = self._graph.subscribe(self._follow_graph)
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_definitions(health), "captures.definitions")
                spawn(group, self._follow_statuses(), "captures.statuses")
                spawn(group, self._lease.run(self._lead), "captures.lease")
                spawn(group, self._tell(), "captures.notify")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            unsubscribe()

    def _follow_graph(self, events: Sequence[Event]) -> None:
        self._catalogue.follow(events)
        self._wake()

    async def _follow_definitions(self, health: HealthSink) -> None:
        def current() -> None:
            self._is_current.set()
            health.running()

        await follow(
            self._definitions,
            known=[capture.uuid for capture in self._catalogue.definitions()],
            put=self._take,
            gone=self._forget,
            current=current,
        )

    def _take(self, uuid: str, capture: Capture, revision: int) -> None:
        if revision > (self._catalogue.revision(uuid) or 0):
            self._accept(msgspec.structs.replace(capture, uuid=uuid), revision)

    async def _follow_statuses(self) -> None:
        async for entry in self._statuses.watch():
            if entry.kind != "current":
                uuid, host = split_key(entry.key)
                self._catalogue.report(uuid, host, entry.value)
                self._wake()

    async def _lead(self) -> None:
        """Do what one analyzer does for all."""
        await self._is_current.wait()
        async with asyncio.TaskGroup() as group:
            spawn(group, self._write_targets(), "captures.targets")
            spawn(group, self._expire(), "captures.expire")

    async def _write_targets(self) -> None:
        """Begin when the topology is in: what is not there yet would seem to be gone, and its taps would stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while not self._is_ready():  # noqa: ASYNC110  hosts, rules and clouds have no event together
                    await asyncio.sleep(_LOOK)
        await self._target_writer.run()

    async def _expire(self) -> None:
        while True:
            now = self._clock.now_ms()
            for capture in self._catalogue.definitions():
                if is_expired(capture, now):
                    await self._definitions.delete(capture.uuid)
                    self._forget(capture.uuid)
            await self._sweep_reports()
            await asyncio.sleep(1.0)

    async def _sweep_reports(self) -> None:
        """Delete reports on captures that are gone by agents that are away and cannot do it themselves."""
        orphans = [
            host_key(uuid, host)
            for uuid, reports in self._catalogue.reports().items()
            for host in reports
            if self._catalogue.revision(uuid) is None and not self._catalogue.is_present(host)
        ]
        for key in orphans:
            await self._statuses.delete(key)

    async def _tell(self) -> None:
        """Tell listeners of news at once, of counters once a second; the busier, the less often."""
        loop = asyncio.get_running_loop()
        quiet: dict[str, None] = {}
        quiet_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(quiet_at + _COUNTER_INTERVAL if quiet else None):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            began = loop.time()
            for view, is_news in self._catalogue.renewed():
                if is_news:
                    quiet.pop(view.uuid, None)
                    self._listeners.tell(CaptureChange("Updated", view))
                else:
                    quiet[view.uuid] = None
            if began >= quiet_at + _COUNTER_INTERVAL:
                # As they are now: they may have been changed or deleted meanwhile, and that was told.
                for present in filter(None, map(self._catalogue.view, quiet)):
                    self._listeners.tell(CaptureChange("Updated", present))
                quiet, quiet_at = {}, began
            await asyncio.sleep(max(_COALESCE, 10 * (loop.time() - began)))

    def _accept(self, capture: Capture, revision: int) -> CaptureView:
        is_new = self._catalogue.revision(capture.uuid) is None
        accepted = self._catalogue.put(capture, revision)
        view = self._catalogue.view(capture.uuid)
        if view is None:
            raise NotFound(f"the capture {capture.uuid} was deleted meanwhile")
        if accepted:
            self._catalogue.mark_told(view)
            self._listeners.tell(CaptureChange("Added" if is_new else "Updated", view))
            self._wake()
        return view

    def _forget(self, uuid: str) -> None:
        view = self._catalogue.remove(uuid)
        if view is not None:
            self._listeners.tell(CaptureChange("Deleted", view))
        self._wake()

    def _wake(self) -> None:
        if self._catalogue.dirty:
            self._changed.set()
        if self._catalogue.retargeted:
            self._target_writer.wake()
