# SPDX-License-Identifier: Apache-2.0
"""Notices on their way: kept on the bus until they are delivered or given up, in order for each receiver.

Source and writes: the bucket `notices`. Any analyzer posts; one, under a lease, delivers. A notice that is done stays
for an hour as a mark, so that nobody who makes it once more sends it once more. A process that is killed between the
delivery and the mark delivers again, under the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from netsonde.aio import backoff, spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.errors import Conflict, SourceLost, UserError
from netsonde.model.notices import Notice
from netsonde.model.stores import Store
from netsonde.notify.actions import Kind, action_of
from netsonde.notify.senders._api import Sender
from netsonde.notify.settings import NotifySettings
from netsonde.observe import logger

log = logger("notify")

_MARK_S: Final = 3600.0
_AT_ONCE: Final = 16
"""Receivers that are told at the same time."""
_PATIENCE: Final = 1.0


class Counters(Protocol):
    """Counts things that are shown; `observe.Health` is one."""

    def count(self, counter: str, by: int = 1) -> None: ...
    def gauge(self, counter: str, value: int) -> None: ...


class LeaseRunner(Protocol):
    """One of several analyzers does a job; `bus.Lease` is one."""

    async def run(self, work: Callable[[], Awaitable[None]]) -> None: ...


class Outbox:
    """Takes notices, and delivers them while `run` runs."""

    def __init__(
        self,
        store: Store[Notice],
        senders: Mapping[Kind, Sender],
        *,
        lease: LeaseRunner,
        settings: NotifySettings,
        counters: Counters,
        clock: Clock | None = None,
        first_delay: float = 1.0,
        most_delay: float = 300.0,
    ) -> None:
        """Between two attempts are `first_delay` to `most_delay` seconds."""
        self._store = store
        self._senders = senders
        self._lease = lease
        self._settings = settings
        self._counters = counters
        self._clock = clock or Clock()
        self._delays = (first_delay, most_delay)
        self._notices: dict[str, Notice] = {}
        """What is in the bucket, marks included."""
        self._waiting: dict[str, Notice] = {}
        self._reasons: dict[str, str] = {}
        """Why the last attempt failed, of what waits."""
        self._lanes: dict[str, list[str]] = {}
        """What a receiver has yet to be told, in order; a lane that is there is served."""
        self._news = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def check(self, action: str) -> None:
        """Raise UserError for an action that is unknown, or not allowed here."""
        found = action_of(action)
        self._senders[found.kind].check(found.target)

    def repeats(self, action: str) -> bool:
        """Tell whether a receiver must be told again and again that an alert still fires."""
        return action.startswith("alertmanager+")

    async def post(self, notice: Notice) -> None:
        """Keep a notice until it is delivered; one that was posted before is not posted again. Raises SourceLost."""
        if len(self._waiting) >= self._settings.queue:
            self._counters.count("notices_dropped")
            log.warning("a notice is dropped: too many wait", action=notice.action, notice=notice.id)
            return
        try:
            await self._store.create(notice.id, notice)
        except Conflict:
            self._counters.count("notices_repeated")
            return
        self._counters.count("notices_posted")
        self._take(notice)

    async def repeat(self, notice: Notice) -> bool:
        """Tell a receiver once more, if it can be reached now, and nothing else waits for it.

        False = it does not answer; what it refuses it has answered.
        """
        if notice.action in self._lanes:
            return True
        try:
            await self._send(notice)
        except (SourceLost, UserError) as failed:
            self._counters.count("repetitions_failed")
            log.debug("a repeated notice was not taken", action=notice.action, reason=str(failed))
            return isinstance(failed, UserError)
        return True

    def undelivered(self, source: str) -> Sequence[str]:
        """Return what waits or was given up lately, of one alert or check (UUID), in words."""
        found = (one for one in self._notices.values() if one.source == source and (one.problem or not one.done))
        return [*dict.fromkeys(map(self._spoken, found))]

    def _spoken(self, notice: Notice) -> str:
        if notice.done:
            return f"{notice.action}: given up: {notice.problem}"
        return f"{notice.action}: waits: {self._reasons.get(notice.id, 'for its turn')}"

    async def run(self, health: HealthSink) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow(health), "notify.follow")
                spawn(group, self._lease.run(self._deliver), "notify.lease")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost

    async def _follow(self, health: HealthSink) -> None:
        async for entry in self._store.watch():
            if entry.kind == "current":
                health.running()
            elif entry.value is None:
                self._notices.pop(entry.key, None)
                self._waiting.pop(entry.key, None)
                self._reasons.pop(entry.key, None)
            else:
                self._take(entry.value)
            self._counters.gauge("notices_waiting", len(self._waiting))

    def _take(self, notice: Notice) -> None:
        known = self._notices.get(notice.id)
        if known is not None and known.done:
            return
        self._notices[notice.id] = notice
        if notice.done:
            self._waiting.pop(notice.id, None)
            self._reasons.pop(notice.id, None)
        elif notice.id not in self._waiting:
            self._waiting[notice.id] = notice
            self._news.set()

    async def _deliver(self) -> None:
        self._lanes.clear()
        self._news.set()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._news.wait()
                self._news.clear()
                for notice in sorted(self._waiting.values(), key=lambda one: one.created_at):
                    lane = self._lanes.get(notice.action)
                    if lane is None:
                        lane = self._lanes[notice.action] = []
                        spawn(group, self._serve(notice.action, lane), f"notify.{notice.action[:40]}")
                    if notice.id not in lane:
                        lane.append(notice.id)

    async def _serve(self, action: str, lane: list[str]) -> None:
        """Tell one receiver what waits for it, one after the other, then end."""
        try:
            while lane:
                notice = self._waiting.get(lane[0])
                if notice is not None:
                    await self._finish(notice, await self._try(notice))
                lane.pop(0)
        finally:
            del self._lanes[action]

    async def _try(self, notice: Notice) -> str:
        """Deliver a notice, however often that takes; returns why it was given up, "" when it was not."""
        delays = backoff(*self._delays)
        while True:
            try:
                async with self._turns:
                    await self._send(notice)
                self._counters.count("notices_delivered")
                return ""
            except UserError as refused:
                self._reasons[notice.id] = refused.message
                break
            except SourceLost as lost:
                self._counters.count("attempts_failed")
                self._reasons[notice.id] = str(lost)
            if self._clock.now_ms() - notice.created_at > self._settings.keep_trying * 1000:
                break
            await asyncio.sleep(next(delays))
        self._counters.count("notices_given_up")
        log.warning("a notice is given up", action=notice.action, notice=notice.id, reason=self._reasons[notice.id])
        return self._reasons[notice.id]

    async def _send(self, notice: Notice) -> None:
        """Raises SourceLost when it may work later, UserError when it will not."""
        action = action_of(notice.action)
        try:
            await self._senders[action.kind].send(action.target, notice)
        except (SourceLost, UserError):
            raise
        except Exception as crash:
            # One receiver must not keep the others from being told, in this life and in each that follows.
            log.exception("a sender failed", action=notice.action, notice=notice.id)
            raise UserError(f"internal error ({type(crash).__name__}): the analyzer's log has it") from crash

    async def _finish(self, notice: Notice, problem: str) -> None:
        """Put the mark in the place of the notice, until the bus takes it."""
        mark = msgspec.structs.replace(notice, done=True, problem=problem)
        self._take(mark)
        while True:
            try:
                await self._store.put(notice.id, mark, ttl_s=_MARK_S)
                return
            except SourceLost as lost:
                log.warning("a delivered notice cannot be marked yet", notice=notice.id, reason=str(lost))
                await asyncio.sleep(_PATIENCE)
