# SPDX-License-Identifier: Apache-2.0
"""Injections of an analyzer: checks and resolves what is asked for, lets agents send, keeps what became of it.

Source: the graph for addresses, the agents' answers, the buckets `injections` and `injection-status`.
Writes: both buckets, and `injection-audit`. An injection is run once, by the analyzer that took it; whoever finds one
        whose analyzer reports no more says that it was interrupted.
"""

import asyncio
import uuid as uuids
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.errors import NotFound, SourceLost, UserError
from netsonde.graph import Graph
from netsonde.injection.definitions import checked
from netsonde.injection.listing import is_over, surplus, view_of
from netsonde.injection.resolver import FindNodes, Resolver
from netsonde.injection.runs import CallAgent, Run, is_news, status_of, stopped
from netsonde.injection.settings import InjectSettings
from netsonde.injection.silence import Silence
from netsonde.injection.stores import InjectionStores
from netsonde.model.injections import (
    ENDED,
    AuditRecord,
    Injection,
    InjectionChange,
    InjectionState,
    InjectionStatus,
    InjectionView,
    InjectRequest,
    NodeInjection,
    ProbeResult,
)
from netsonde.observe import Listeners, logger

log = logger("injection")

_REPORT_INTERVAL = 1.0
_MOST_WAITING = 4096

Listener = Callable[[InjectionChange], None]
CheckPcap = Callable[[bytes], object]
"""Reads a packet file; raises ValueError with what is wrong with it."""


@dataclass(slots=True)
class _Active:
    """A run of this analyzer."""

    run: Run
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """The state of an interface has changed."""
    states: list[InjectionState] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    results: asyncio.Queue[ProbeResult | None] | None = None
    ending: InjectionState = "interrupted"
    written: list[NodeInjection] = field(default_factory=list)
    """What was written down last."""

    async def next_report(self) -> None:
        """Wait until something is to be written down: news, or the next second."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_INTERVAL):
                await self.news.wait()
        self.news.clear()


class InjectionCoordinator:
    """Implements what the API asks of injections; `run` keeps them going until cancelled."""

    def __init__(
        self,
        graph: Graph,
        stores: InjectionStores,
        find_nodes: FindNodes,
        call_agent: CallAgent,
        settings: InjectSettings,
        *,
        host: str,
        check_pcap: CheckPcap,
        clock: Clock | None = None,
    ) -> None:
        self._stores = stores
        self._resolver = Resolver(graph, find_nodes, settings)
        self._call_agent = call_agent
        self._settings = settings
        self._host = host
        self._check_pcap = check_pcap
        self._clock = clock or Clock()
        self._definitions: dict[str, Injection] = {}
        self._statuses: dict[str, InjectionStatus] = {}
        self._active: dict[str, _Active] = {}
        self._silence = Silence(self._clock.monotonic)
        self._listeners: Listeners[InjectionChange] = Listeners("injections")
        self._group: asyncio.TaskGroup | None = None
        self._unread = {"definitions", "statuses"}
        self._known = asyncio.Event()

    def views(self) -> Sequence[InjectionView]:
        """Return every injection, the oldest first."""
        views = (self.view(uuid) for uuid in self._definitions)
        return sorted((view for view in views if view is not None), key=lambda view: view.created_at)

    def view(self, uuid: str) -> InjectionView | None:
        definition = self._definitions.get(uuid)
        return None if definition is None else view_of(definition, self._statuses.get(uuid))

    async def create(self, injection: Injection, who: str) -> InjectionView:
        """Check, resolve, store and start an injection; raises UserError that names the field."""
        return (await self._create(injection, who, None))[0]

    async def inject(self, injection: Injection, who: str) -> AsyncGenerator[ProbeResult, None]:
        """Run an injection and yield what becomes of each packet; closing the generator stops it.

        It has the UUID that it brings, so that the caller knows its packets; each carries it unless there is a
        `Payload`. Raises UserError when it is refused or fails, or the kernels send none of its packets; SourceLost
        when it was interrupted. A caller that is slower than the answers misses some; the status has them.
        """
        results: asyncio.Queue[ProbeResult | None] = asyncio.Queue(_MOST_WAITING)
        view, active = await self._create(injection, who, results, injection.uuid)
        try:
            while (result := await results.get()) is not None:
                yield result
        finally:
            self._cancel(view.uuid, active)
        ended = self._statuses.get(view.uuid)
        if ended is not None and (ended.state == "failed" or (ended.totals.failed and not ended.totals.sent)):
            raise UserError(ended.reason)
        if ended is not None and ended.state == "interrupted":
            raise SourceLost(ended.reason)

    async def delete(self, uuid: str, who: str) -> None:
        """Stop and delete an injection. Raises NotFound."""
        definition = self._definitions.get(uuid)
        if definition is None:
            raise NotFound(f"there is no injection {uuid[:100]}", hint="GET /api/injectpacket lists them")
        await self._audit("deleted", definition, who, ())
        await self._drop(uuid)

    async def audit(self, limit: int, before: int = 0) -> Sequence[AuditRecord]:
        """Return who injected what, the latest first; with `before`, what came before the record of that number."""
        entries = await self._stores.audit.latest(limit, before=before)
        return [
            msgspec.structs.replace(entry.value, number=entry.revision) for entry in entries if entry.value is not None
        ]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell each change of an injection, counters at most once a second."""
        return self._listeners.add(listener)

    async def ready(self) -> None:
        """Wait until what was there has been read once: injections, and where they are."""
        await self._known.wait()

    async def run(self, health: HealthSink) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_statuses(), "injection.statuses")
                spawn(group, self._follow_definitions(), "injection.definitions")
                spawn(group, self._keep_sweeping(), "injection.sweep")
                self._group = group
                await self._known.wait()
                health.running()
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            self._group = None

    async def _create(
        self, injection: Injection, who: str, results: asyncio.Queue[ProbeResult | None] | None, uuid: str = ""
    ) -> tuple[InjectionView, _Active]:
        now = self._clock.now_ms()
        injection = checked(injection, self._settings)
        await self._check_file(injection)
        injection = msgspec.structs.replace(
            injection,
            uuid=uuid or str(uuids.uuid4()),
            created_at=now,
            created_by=who,
            start_time=Injection().start_time,
        )
        requests = await self._resolver.requests(injection)
        if self._group is None:
            raise SourceLost("injections are not ready yet")
        await self._audit("created", injection, who, requests)
        await self._stores.definitions.create(injection.uuid, injection)
        self._definitions[injection.uuid] = injection
        active = _Active(Run(requests, self._call_agent, lambda came: _note(active, came)), results=results)
        status = status_of(self._host, active.run.nodes, since=now, at=now, before="starting")
        self._statuses[injection.uuid] = status
        self._active[injection.uuid] = active
        view = view_of(injection, status)
        self._listeners.tell(InjectionChange("Added", view))
        active.task = self._group.create_task(self._carry_out(injection.uuid, active), name=f"inject.{injection.uuid}")
        return view, active

    async def _check_file(self, injection: Injection) -> None:
        if injection.pcap:
            try:
                await asyncio.to_thread(self._check_pcap, injection.pcap)
            except ValueError as wrong:
                raise UserError(f"Pcap cannot be replayed: {wrong}") from wrong

    async def _carry_out(self, uuid: str, active: _Active) -> None:
        """Run an injection, and write down at each change, once a second, and at the end, where it is."""
        try:
            async with asyncio.TaskGroup() as group:
                running = spawn(group, active.run.run(), f"inject.run.{uuid}")
                running.add_done_callback(lambda _: active.news.set())
                is_written = False
                while not is_written:
                    await active.next_report()
                    is_over = running.done()
                    is_written = await self._write(uuid, active) and is_over
        except asyncio.CancelledError:
            # Of this run alone, or of everything: then nobody is left to write, and the next life finds it.
            active.run.nodes = stopped(active.run.nodes, active.ending, "stopped before its end")
            if active.ending == "stopped" and uuid in self._definitions:
                await self._write(uuid, active)
        finally:
            self._active.pop(uuid, None)
            if active.results is not None:
                _offer(active.results, None)

    async def _write(self, uuid: str, active: _Active) -> bool:
        """Keep the status of now, and write it down unless the bus is away; tells whether it was written."""
        before, nodes = self._statuses[uuid], list(active.run.nodes)
        if active.written == nodes and before.state in ENDED:
            return True
        now = self._clock.now_ms()
        status = status_of(self._host, nodes, since=before.since, at=now, before=before.state)
        self._accept(uuid, status)
        try:
            await self._stores.statuses.put(uuid, status)
        except SourceLost:
            return False
        active.written = nodes
        return True

    def _cancel(self, uuid: str, active: _Active) -> None:
        if uuid in self._active and active.task is not None:
            active.ending = "stopped"
            active.task.cancel()

    async def _drop(self, uuid: str) -> None:
        self._forget(uuid)
        await self._stores.definitions.delete(uuid)
        await self._stores.statuses.delete(uuid)

    async def _follow_definitions(self) -> None:
        seen: set[str] | None = set()
        async for entry in self._stores.definitions.watch():
            if entry.kind == "current":
                for uuid in self._definitions.keys() - (seen or set()) - self._active.keys():
                    self._forget(uuid)
                seen = None
                self._mark_read("definitions")
            elif entry.value is None:
                self._forget(entry.key)
            else:
                if seen is not None:
                    seen.add(entry.key)
                is_new = entry.key not in self._definitions
                self._definitions[entry.key] = entry.value
                if is_new:
                    self._silence.hear(entry.key)
                    self._listeners.tell(InjectionChange("Added", view_of(entry.value, self._statuses.get(entry.key))))

    async def _follow_statuses(self) -> None:
        async for entry in self._stores.statuses.watch():
            if entry.kind == "put" and entry.value is not None and entry.key not in self._active:
                self._silence.hear(entry.key)
                if is_news(self._statuses.get(entry.key), entry.value):
                    self._accept(entry.key, entry.value)
            elif entry.kind == "delete" and entry.key not in self._active:
                self._statuses.pop(entry.key, None)
                self._silence.forget(entry.key)
            elif entry.kind == "current":
                self._mark_read("statuses")

    def _mark_read(self, bucket: str) -> None:
        self._unread.discard(bucket)
        if not self._unread:
            self._known.set()

    async def _keep_sweeping(self) -> None:
        await self._known.wait()
        while True:
            await asyncio.sleep(_REPORT_INTERVAL)
            await self.sweep()

    async def sweep(self) -> None:
        """Delete what has had its time or is too much, and find what was interrupted; `run` does so every second."""
        now = self._clock.now_ms()
        known = ((one, self._statuses.get(uuid)) for uuid, one in self._definitions.items())
        for uuid in surplus(known, self._settings):
            with suppress(SourceLost):
                await self._drop(uuid)
        for uuid, definition in tuple(self._definitions.items()):
            with suppress(SourceLost):  # looked after again in a second
                await self._look_after(uuid, definition, now)
        for uuid in self._statuses.keys() - self._definitions.keys():
            # Written while its injection was being deleted.
            if self._silence.has_lasted(uuid):
                with suppress(SourceLost):
                    await self._stores.statuses.delete(uuid)

    async def _look_after(self, uuid: str, definition: Injection, now: int) -> None:
        status = self._statuses.get(uuid)
        if 0 < definition.expires_at <= now:
            await self._drop(uuid)
        elif uuid in self._active:
            return
        elif status is None:
            if self._silence.has_lasted(uuid):
                await self._interrupt(uuid, InjectionStatus("", "starting", now, now), now)
        elif status.state in ENDED:
            if is_over(definition, status, self._settings, now):
                await self._drop(uuid)
        elif status.owner == self._host or self._silence.has_lasted(uuid):
            await self._interrupt(uuid, status, now)

    async def _interrupt(self, uuid: str, status: InjectionStatus, now: int) -> None:
        """Say of an injection whose analyzer is gone that nobody knows more than was last reported."""
        reason = f"the analyzer that ran it ended; last heard of after {status.totals.sent} packets"
        nodes = stopped(status.nodes, "interrupted", reason)
        # Not before what it ends: the clock of who is gone may have been ahead.
        at = max(now, status.at)
        ended = msgspec.structs.replace(status, state="interrupted", reason=reason, since=at, at=at, nodes=nodes)
        log.warning("injection interrupted", uuid=uuid, sent=status.totals.sent)
        self._accept(uuid, ended)
        await self._stores.statuses.put(uuid, ended)

    async def _audit(
        self,
        action: str,
        injection: Injection,
        who: str,
        requests: Sequence[tuple[str, str, InjectRequest]],
    ) -> None:
        now = self._clock.now_ms()
        record = AuditRecord(
            now,
            who,
            "created" if action == "created" else "deleted",
            injection.uuid,
            injection.type,
            injection.count,
            [f"{name}@{host} ({request.source})" for host, name, request in requests],
            next((request.target for _, _, request in requests), ""),
        )
        log.info(f"injection {action}", **msgspec.structs.asdict(record))
        await self._stores.audit.put(f"{now}-{injection.uuid}-{action}", record)

    def _accept(self, uuid: str, status: InjectionStatus) -> None:
        self._statuses[uuid] = status
        definition = self._definitions.get(uuid)
        if definition is not None:
            self._listeners.tell(InjectionChange("Updated", view_of(definition, status)))

    def _forget(self, uuid: str) -> None:
        view = self.view(uuid)
        self._definitions.pop(uuid, None)
        active = self._active.get(uuid)
        if active is not None:
            self._cancel(uuid, active)
        self._statuses.pop(uuid, None)
        self._silence.forget(uuid)
        if view is not None:
            self._listeners.tell(InjectionChange("Deleted", view))


def _note(active: _Active, came: Sequence[ProbeResult]) -> None:
    states = [node.state for node in active.run.nodes]
    if states != active.states:
        active.states = states
        active.news.set()
    if active.results is not None:
        for result in came:
            _offer(active.results, result)


def _offer(results: asyncio.Queue[ProbeResult | None], item: ProbeResult | None) -> None:
    """Put an item; the oldest makes room for it."""
    if results.full():
        results.get_nowait()
    results.put_nowait(item)
