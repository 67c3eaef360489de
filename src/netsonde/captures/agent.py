# SPDX-License-Identifier: Apache-2.0
"""Captures of one agent: follows the definitions, lets the reconciler act, reports each capture's status.

Source: the buckets `captures` and `capture-targets`, the engines' events, the agent's graph.
Writes: the bucket `capture-status`, one entry a capture; the list `Captures` on captured nodes.
Needs:  the graph's probes for anything to match; the bus, without which running captures go on as they are.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.captures.engines._api import Engine, Point
from netsonde.captures.reconciler import Reconciler
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.stores import host_key, split_key
from netsonde.errors import SourceLost
from netsonde.graph import Graph
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureTargets
from netsonde.model.stores import Store
from netsonde.observe import logger

log = logger("captures")

_COALESCE = 0.02
"""Seconds between two rounds: a burst of new interfaces makes a few reports, not one each."""


_STOP_WITHIN = 1.0
"""Seconds that engines get to end their taps when the agent stops."""


class CaptureAgent:
    """Runs until cancelled; after a failure `run` may be called again and takes up what runs."""

    def __init__(
        self,
        graph: Graph,
        definitions: Store[Capture],
        targets: Store[CaptureTargets],
        statuses: Store[AgentCaptureStatus],
        engines: Mapping[str, Engine],
        settings: CaptureSettings,
        clock: Clock | None = None,
        *,
        hindrance: str = "",
    ) -> None:
        """`hindrance` says why this agent can capture no packets, "" = it can: statuses say so before it is tried."""
        self._host = graph.host
        self._definitions = definitions
        self._targets = targets
        self._statuses = statuses
        self._engines = engines
        self._settings = settings
        self._clock = clock or Clock()
        self._dirty: set[str] = set()
        self._published: dict[str, AgentCaptureStatus] = {}
        self._report = asyncio.Event()
        self._wake = asyncio.Event()
        self._stopping: set[Point] = set()
        self._stopped = asyncio.Event()
        self.reconciler = Reconciler(graph, engines, settings, self._clock, self._changed, hindrance=hindrance)

    async def run(self, health: HealthSink) -> None:
        loop = asyncio.get_running_loop()
        await self._take_over()
        for engine in self._engines.values():
            loop.add_reader(engine.event_fd, self._drain, engine)
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_targets(), "captures.targets")
                spawn(group, self._follow_definitions(health), "captures.definitions")
                spawn(group, self._keep_time(), "captures.time")
                spawn(group, self._keep_counters(), "captures.counters")
                spawn(group, self._publish(), "captures.status")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            for engine in self._engines.values():
                loop.remove_reader(engine.event_fd)

    async def close(self) -> None:
        """Stop every tap and wait until the engines have done so: then their last reports can be taken.

        The engines themselves are closed by who made them, afterwards.
        """
        loop = asyncio.get_running_loop()
        for engine in self._engines.values():
            loop.add_reader(engine.event_fd, self._drain, engine)
        self._stopping = self.reconciler.close()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                while self._stopping:
                    self._stopped.clear()
                    await self._stopped.wait()
        except TimeoutError:
            log.warning("captures did not stop in time", taps=len(self._stopping))
        finally:
            for engine in self._engines.values():
                loop.remove_reader(engine.event_fd)

    def namespace_added(self, netns: int) -> None:
        """Try again at once what failed in a namespace that the engines can enter now."""
        self.reconciler.retry_namespace(netns)

    async def _take_over(self) -> None:
        """Read what a former run of this agent reported: what had reached its limits stays finished."""
        entries = await self._statuses.items(f"*.{self._host}")
        for key, status in entries.items():
            uuid, host = split_key(key)
            if host == self._host:
                self._published.setdefault(uuid, status)
                self.reconciler.remember_finished(uuid, status.nodes)

    async def _follow_definitions(self, health: HealthSink) -> None:
        seen: set[str] | None = set()
        async for entry in self._definitions.watch():
            if entry.kind == "current":
                self._drop_unseen(seen or set())
                seen = None
                health.running()
            elif entry.value is None:
                self.reconciler.undefine(entry.key)
            else:
                self.reconciler.define(msgspec.structs.replace(entry.value, uuid=entry.key))
                if seen is not None:
                    seen.add(entry.key)

    def _drop_unseen(self, seen: set[str]) -> None:
        """Forget definitions, and reports of former runs, that are not in the store any more."""
        for uuid in self.reconciler.definitions().keys() - seen:
            self.reconciler.undefine(uuid)
        self._dirty |= self._published.keys() - seen
        self._report.set()

    async def _follow_targets(self) -> None:
        async for entry in self._targets.watch(f"*.{self._host}"):
            if entry.kind != "current":
                node_ids = entry.value.node_ids if entry.value is not None else ()
                self.reconciler.set_targets(split_key(entry.key)[0], node_ids)

    async def _keep_time(self) -> None:
        loop = asyncio.get_running_loop()
        reconcile_at = loop.time() + self._settings.reconcile_interval
        while True:
            self._wake.clear()
            began = loop.time()
            if began < reconcile_at:
                due = began + self.reconciler.tick()
            else:
                due = began + self.reconciler.reconcile()
                reconcile_at = began + self._settings.reconcile_interval
            # New interfaces do not wait for this; a look at a thousand taps after each of a thousand events takes long.
            await asyncio.sleep(max(_COALESCE, 10 * (loop.time() - began)))
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()

    async def _keep_counters(self) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval)
            self._dirty |= self.reconciler.count()
            if self._dirty:
                self._report.set()

    async def _publish(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._report.wait()
            self._report.clear()
            began = loop.time()
            while self._dirty:
                uuid = self._dirty.pop()
                try:
                    await self._publish_one(uuid)
                except SourceLost:
                    self._dirty.add(uuid)
                    await asyncio.sleep(self._settings.retry_first)
            # A status of a thousand interfaces costs milliseconds: report it less often than one of a single one.
            await asyncio.sleep(max(_COALESCE, 10 * (loop.time() - began)))

    async def _publish_one(self, uuid: str) -> None:
        status, before = self.reconciler.status(uuid), self._published.get(uuid)
        if status is None:
            self._published.pop(uuid, None)
            await self._statuses.delete(host_key(uuid, self._host))
        elif before is None or msgspec.structs.replace(before, at_ms=status.at_ms) != status:
            await self._statuses.put(host_key(uuid, self._host), status)
            self._published[uuid] = status

    def _changed(self, uuid: str) -> None:
        self._dirty.add(uuid)
        self._report.set()
        self._wake.set()

    def _drain(self, engine: Engine) -> None:
        for event in engine.events():
            self.reconciler.handle(event)
            if event.kind in ("stopped", "failed", "link_gone"):
                self._stopping.discard(event.point)
                self._stopped.set()
