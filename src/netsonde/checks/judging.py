# SPDX-License-Identifier: Apache-2.0
"""What one analyzer does of checks for all: keeps their captures, judges, stores the results, lets old ones go.

Source: reports as they pass on the bus; what agents and history keep, wherever some may have been missed.
Writes: captures of checks, the bucket `check-results`; it deletes checks whose time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final, Literal

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.checks.asking import Asking, asker_of, inquire, remember
from netsonde.checks.attachments import attach, captures_of, owner_of
from netsonde.checks.catalogue import Catalogue
from netsonde.checks.definitions import is_expired
from netsonde.checks.examiner import Examiner
from netsonde.checks.facts import flow_of, flows_of, packets_of
from netsonde.checks.inquiry import Inquiry
from netsonde.checks.mishaps import Counters
from netsonde.checks.run import Run
from netsonde.checks.settings import CheckSettings
from netsonde.checks.stores import Captures, Injector, Reports
from netsonde.errors import NotFound, SourceLost, UserError, WireError
from netsonde.graph import Event, Graph
from netsonde.model.captures import CaptureChange
from netsonde.model.checks import Check, CheckResult, result_key
from netsonde.model.flows import FlowRequest, PacketRequest
from netsonde.model.stores import Store
from netsonde.observe import logger

log = logger("checks")

_TICK: Final = 0.1
_KEEP_UP: Final = 1.0
"""Seconds between two comparisons of everything, and between two attempts after a failure."""
_RECALL_INTERVAL: Final = 0.5
"""Seconds between two readings of kept packets, so that one is made for many interfaces."""
_MOST_RECALLS: Final = 64
"""Readings at once; one of a host that is away takes seconds."""
_OVERDUE_MS: Final = 60_000
_LISTED_MS: Final = 600_000
"""How long injections stay listed at least: an analyzer that takes over knows by them which packets are no guest's."""
_DAY_S: Final = 86_400
_RECALLED: Final = 100_000
"""Packets, and flows, that are read again at once."""


class Judging:
    """Runs while the lease is held; told of changes always, so that it begins with what is known."""

    def __init__(
        self,
        graph: Graph,
        catalogue: Catalogue,
        definitions: Store[Check],
        results: Store[CheckResult],
        *,
        captures: Captures,
        reports: Reports,
        injector: Injector,
        settings: CheckSettings,
        counters: Counters,
        clock: Clock,
        keep: Callable[[CheckResult], None],
        decided: Callable[[CheckResult], Awaitable[None]],
    ) -> None:
        """`keep` takes each result at once; what is written comes back by the store as well. `decided` takes those that
        are final, where they were judged, before they are written; SourceLost makes it be asked again."""
        self._graph = graph
        self._catalogue = catalogue
        self._definitions = definitions
        self._results = results
        self._captures = captures
        self._reports = reports
        self._injector = injector
        self._settings = settings
        self._counters = counters
        self._clock = clock
        self._keep = keep
        self._decided = decided
        self._examiner: Examiner | None = None
        self._attach = asyncio.Event()
        self._owned: list[str] | None = None
        """UUIDs of the checks' captures; None = they have changed."""
        self._unwritten: dict[str, CheckResult] = {}
        self._write = asyncio.Event()

    async def run(self) -> None:
        """Judge until cancelled."""
        # Of an earlier lease: what another analyzer has stored since then counts.
        self._unwritten = {key: result for key, result in self._unwritten.items() if self._catalogue.has(result)}
        self._write.set()
        self._owned = None
        self._examiner = Examiner(
            self._graph,
            now_ms=self._clock.now_ms,
            latest=self._catalogue.latest,
            tell=self._tell,
            counters=self._counters,
            max_runs=self._settings.max_runs,
        )
        self._attach.set()
        remember(self._injector.views(), self._examiner.marks)
        for check in self._catalogue.checks():
            self._examiner.define(check)
        self._look_at_captures()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._keep_captures(), "checks.captures")
                spawn(group, self._hear("packets"), "checks.packets")
                spawn(group, self._hear("flows"), "checks.flows")
                spawn(group, self._tick(), "checks.judge")
                spawn(group, self._recall(), "checks.recall")
                spawn(group, self._inquire(), "checks.inquire")
                spawn(group, self._write_results(), "checks.write")
                spawn(group, self._keep_house(), "checks.housekeeping")
        finally:
            self._examiner = None

    def changed(self, uuid: str) -> None:
        """A definition was created, changed or deleted."""
        self._owned = None
        if self._examiner is not None:
            check = self._catalogue.check(uuid)
            if check is None:
                self._examiner.undefine(uuid)
            else:
                self._examiner.define(check)
        self._attach.set()

    def follow(self, events: Sequence[Event]) -> None:
        if self._examiner is not None:
            self._examiner.follow(events)

    def captured(self, uuid: str, change: CaptureChange) -> None:
        """A capture that belongs to a check changed."""
        if change.kind != "Updated":
            self._owned = None
        check = self._catalogue.check(uuid)
        if self._examiner is None:
            return
        if change.kind == "Deleted":
            self._examiner.forget_capture(uuid, change.view.uuid)
            self._attach.set()
        elif check is not None and captures_of(check, [change.view]):
            if change.view.gremlin_query == check.gremlin_query:
                self._examiner.captured(uuid, change.view, fresh=True)
            else:
                self._examiner.captured_path(uuid, change.view)

    def _look_at_captures(self) -> None:
        """Compare every capture with what is judged: what was missed is made up for."""
        assert self._examiner is not None
        views = self._captures.views()
        for check in self._catalogue.checks():
            for view in captures_of(check, views):
                if view.gremlin_query == check.gremlin_query:
                    self._examiner.captured(check.uuid, view, fresh=False)
                else:
                    self._examiner.captured_path(check.uuid, view)

    async def _keep_captures(self) -> None:
        while True:
            await self._attach.wait()
            self._attach.clear()
            try:
                await attach(self._catalogue.checks(), self._captures)
            except (SourceLost, UserError) as failed:
                self._counters.count("captures_refused")
                log.warning("the captures of checks are not what they should be", reason=str(failed))
                self._attach.set()
                await asyncio.sleep(_KEEP_UP)

    async def _hear(self, kind: Literal["packets", "flows"]) -> None:
        async with aclosing(self._reports.overhear(kind)) as reports:
            async for payload in reports:
                assert self._examiner is not None
                if payload is None:
                    await self._make_up(kind)
                    continue
                captures = self._own_captures()
                if not captures:
                    continue
                try:
                    if kind == "packets":
                        self._examiner.packets(packets_of(payload, captures))
                    else:
                        self._examiner.flows(flows_of(payload, captures))
                except WireError as bad:
                    self._counters.count(f"{kind}_unreadable")
                    log.warning("a report cannot be judged", kind=kind, reason=str(bad))
                await asyncio.sleep(0)

    def _own_captures(self) -> list[str]:
        if self._owned is None:
            owners = {owner_of(check) for check in self._catalogue.checks()}
            self._owned = [view.uuid for view in self._captures.views() if view.owner in owners]
        return self._owned

    async def _make_up(self, kind: Literal["packets", "flows"]) -> None:
        """Reports may have been missed: read again what concerns present runs."""
        assert self._examiner is not None
        if kind == "packets":
            self._examiner.recall_all()
            return
        captures = self._own_captures()
        if not captures:
            return
        self._counters.count("flows_recalled")
        try:
            answer = await self._reports.flows(FlowRequest(capture_ids=captures, limit=_RECALLED))
        except (SourceLost, UserError) as failed:
            log.warning("missed flows cannot be read again", reason=str(failed))
        else:
            self._examiner.flows(filter(None, map(flow_of, answer.flows)))

    async def _recall(self) -> None:
        """Read kept packets again where runs wish it; a host that does not answer keeps neither others nor the tick."""
        assert self._examiner is not None
        turn = asyncio.Semaphore(_MOST_RECALLS)
        async with asyncio.TaskGroup() as group:
            while True:
                for (uuid, host), tids in self._examiner.take_recalls().items():
                    spawn(group, self._recall_packets(turn, uuid, host, sorted(tids)), f"checks.recall.{host}")
                await asyncio.sleep(_RECALL_INTERVAL)

    async def _recall_packets(self, turn: asyncio.Semaphore, uuid: str, host: str, tids: list[str]) -> None:
        """Read again what the agent of a host and the history keep of some interfaces."""
        assert self._examiner is not None
        async with turn:
            self._counters.count("packets_recalled")
            began_ms = self._clock.now_ms()
            try:
                for batch in await self._reports.packets(PacketRequest(uuid, tids, limit=_RECALLED), host):
                    self._examiner.packets(packets_of(batch, [uuid]))
                    await asyncio.sleep(0)
            except (SourceLost, UserError, WireError) as failed:
                log.warning("kept packets cannot be read again", capture=uuid, host=host, reason=str(failed))
            else:
                self._examiner.confirmed(uuid, tids, began_ms)

    async def _inquire(self) -> None:
        """Have packets injected where steps wish it, on each host as many at once as are allowed."""
        assert self._examiner is not None
        turns: dict[str, asyncio.Semaphore] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                for run, inquiry in self._examiner.take_inquiries():
                    turn = turns.setdefault(run.host, asyncio.Semaphore(self._settings.max_injecting))
                    spawn(group, self._answer(turn, run, inquiry), f"checks.inquire.{run.subject.name}@{run.host}")
                await asyncio.sleep(_TICK)

    async def _answer(self, turn: asyncio.Semaphore, run: Run, inquiry: Inquiry) -> None:
        assert self._examiner is not None
        self._counters.count("inquiries")
        examiner, who = self._examiner, asker_of(run.check)
        asking = Asking(who, self._injector, examiner.marks, turn, self._listed_until, examiner.mishaps)
        outcome = await inquire(inquiry, run.subject.node_id, asking)
        if outcome.verdict == "unknown":
            self._counters.count("inquiries_failed")
        self._examiner.answered(run, inquiry, outcome)

    def _listed_until(self) -> int:
        """Return until when an injection of now is listed: whose packets they are may be asked while checks go on."""
        checks = self._catalogue.checks()
        longest = max((step.within or check.within for check in checks for step in check.steps), default=0)
        return self._clock.now_ms() + _LISTED_MS + longest

    async def _tick(self) -> None:
        assert self._examiner is not None
        while True:
            self._examiner.tick()
            await asyncio.sleep(_TICK)

    def _tell(self, result: CheckResult) -> None:
        self._keep(result)
        self._unwritten[result_key(result)] = result
        self._write.set()

    async def _write_results(self) -> None:
        ttl = self._settings.keep_days * _DAY_S
        while True:
            await self._write.wait()
            self._write.clear()
            while self._unwritten:
                key, result = next(iter(self._unwritten.items()))
                try:
                    if result.ended_at:
                        # First: who judges after a crash does not judge again what has an end.
                        await self._decided(result)
                    await self._results.put(key, result, ttl_s=ttl)
                except (SourceLost, NotFound) as lost:
                    self._counters.count("results_delayed")
                    log.warning("a result cannot be stored yet", reason=str(lost))
                    await asyncio.sleep(_KEEP_UP)
                    continue
                if self._unwritten.get(key) is result:
                    del self._unwritten[key]

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_UP)
            self._look_at_captures()
            try:
                await self._expire()
                await self._prune()
            except SourceLost as lost:
                log.debug("housekeeping waits for the bus", reason=str(lost))
            self._finish_abandoned()

    async def _expire(self) -> None:
        now = self._clock.now_ms()
        for check in self._catalogue.checks():
            if is_expired(check, now):
                await self._definitions.delete(check.uuid)

    async def _prune(self) -> None:
        for key in [*self._catalogue.surplus(self._settings.max_results)]:
            await self._results.delete(key)

    def _finish_abandoned(self) -> None:
        """Give a verdict where none can come any more: the interface went while nobody was there to judge it."""
        assert self._examiner is not None
        now = self._clock.now_ms()
        for result in self._catalogue.unfinished():
            longest = max((step.within for step in result.steps), default=0)
            if now - result.started_at < longest + _OVERDUE_MS or self._examiner.is_judging(
                result.check, result.node_id
            ):
                continue
            ended = msgspec.structs.replace(
                result, verdict="unknown", sentence="nobody was there to judge it in time", ended_at=now
            )
            self._tell(ended)
