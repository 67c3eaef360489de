# SPDX-License-Identifier: Apache-2.0
"""Calls of workflows: those that wait and run here, and what is known of those of other analyzers.

Source and writes: the bucket `workflow-jobs`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from netsonde.aio import spawn
from netsonde.errors import NotFound, SourceLost
from netsonde.model.stores import Store
from netsonde.model.workflows import ENDED, Job, Workflow
from netsonde.observe import logger
from netsonde.scripts.pool import Busy, Counters
from netsonde.workflows.catalogue import Catalogue
from netsonde.workflows.runner import Engine, Run, limits_of
from netsonde.workflows.settings import WorkflowSettings

log = logger("workflows")

_TOLD: Final = 0.5
"""Seconds between two writes of one job that goes on."""
_KEEP_UP: Final = 1.0
"""Seconds between two attempts after a failure."""
_LATE_MS: Final = 30_000
"""Beyond its longest time, after which a job that did not end is one of a dead analyzer."""


class Jobs:
    """`run` runs what waits until cancelled; jobs that are in the way then say so in the next life."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store[Job],
        engine_of: Callable[[Workflow], Engine],
        *,
        host: str,
        settings: WorkflowSettings,
        counters: Counters,
        now_ms: Callable[[], int],
        told: Callable[[Job], None],
    ) -> None:
        """`told` hears of jobs, of one that goes on a few times a second at most."""
        self._catalogue = catalogue
        self._store = store
        self._engine_of = engine_of
        self._host = host
        self._settings = settings
        self._counters = counters
        self._now_ms = now_ms
        self._told = told
        self._queue: asyncio.Queue[tuple[Run, Workflow]] = asyncio.Queue(settings.max_waiting)
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._unwanted: set[str] = set()
        """Jobs that run here and that somebody cancelled."""
        self._ended: dict[str, asyncio.Event] = {}
        self._unwritten: dict[str, Job] = {}
        self._write = asyncio.Event()

    def start(self, run: Run, workflow: Workflow) -> None:
        """Have a job run when its turn comes; raises Busy when too many wait."""
        try:
            self._queue.put_nowait((run, workflow))
        except asyncio.QueueFull as full:
            self._counters.count("calls_refused")
            raise Busy(
                f"{self._settings.max_waiting} calls wait already", hint="try again when some have ended"
            ) from full
        self._counters.count("calls")
        self._runs[run.job.uuid] = run
        self.tell(run.job)

    def find(self, uuid: str) -> Job:
        """Raises NotFound."""
        job = self._catalogue.job(uuid)
        if job is None:
            raise NotFound(f"there is no job {uuid[:100]}", hint="GET /api/workflow/jobs lists them")
        return job

    async def finished(self, uuid: str, within: float | None = None) -> Job:
        """Wait for the end of a job, or for so many seconds; return it as it is then. Raises NotFound."""
        if self.find(uuid).state not in ENDED:
            ended = self._ended.setdefault(uuid, asyncio.Event())
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), within)
        return self.find(uuid)

    async def cancel(self, uuid: str) -> Job:
        """Have a job end, wherever it runs; what has ended stays as it is. Raises NotFound."""
        job = self.find(uuid)
        if job.state in ENDED:
            return job
        if uuid in self._runs:
            self._cancel_here(uuid)
            return await self.finished(uuid)
        wanted = msgspec.structs.replace(job, cancel=True)
        await self._store.put(uuid, wanted, ttl_s=self._keep_s)
        return wanted

    def tell(self, job: Job) -> None:
        """Take a job of ours as it is now; it is written soon."""
        self._keep(job)
        self._unwritten[job.uuid] = job
        self._write.set()

    async def run(self) -> None:
        """Run and write jobs until cancelled."""
        async with asyncio.TaskGroup() as group:
            spawn(group, self._write_all(), "workflows.write")
            for number in range(self._settings.max_running):
                spawn(group, self._work(), f"workflows.run.{number}")

    async def follow(self, is_read: Callable[[], None]) -> None:
        """Follow the bucket; `is_read` is called once, when everything that was there has been seen."""
        async for entry in self._store.watch():
            if entry.kind == "current":
                self._interrupt_own()
                is_read()
            elif entry.value is None:
                self._catalogue.remove_job(entry.key)
                self._end(entry.key)
            elif entry.key not in self._runs:
                if self._keep(entry.value):
                    self._told(entry.value)
                elif entry.value.cancel:
                    self._insist(entry.key)
            elif entry.value.cancel:
                self._cancel_here(entry.key)

    def _insist(self, uuid: str) -> None:
        """Write again how a job of ours ended: who wanted to cancel it has written what it was before over it."""
        job = self._catalogue.job(uuid)
        if job is not None and job.host == self._host and job.state in ENDED and not job.cancel:
            self._unwritten[uuid] = job
            self._write.set()

    async def keep_house(self) -> None:
        """Delete what is too much, and end what nobody runs any more. Raises SourceLost."""
        now = self._now_ms()
        for job in self._catalogue.jobs():
            if job.state not in ENDED and now - (job.started_at or job.created_at) > self._longest_ms(job):
                self._interrupt(job)
        for uuid in [*self._catalogue.surplus(self._settings.max_jobs)]:
            await self._store.delete(uuid)

    def _longest_ms(self, job: Job) -> float:
        """Return how long a job may be where it is: one that waits may have a whole queue before it."""
        turns = 1 if job.started_at else 1 + -(-self._settings.max_waiting // self._settings.max_running)
        return turns * (self._settings.seconds * 1000 + _LATE_MS)

    async def _work(self) -> None:
        """Run one job after the other."""
        while True:
            run, workflow = await self._queue.get()
            if run.job.state in ENDED:
                continue
            uuid = run.job.uuid
            async with asyncio.TaskGroup() as group:
                self._tasks[uuid] = spawn(group, self._execute(run, workflow), f"workflow {workflow.name}")
            del self._tasks[uuid]
            if uuid in self._unwanted:
                # It was cancelled before its first step, so that nothing of it has run, what tells of its end neither.
                self._unwanted.discard(uuid)
                run.cancelled()
            self._counters.count(f"calls_{run.job.state}")

    async def _execute(self, run: Run, workflow: Workflow) -> None:
        try:
            await run.execute(workflow, self._engine_of(workflow), limits_of(workflow, self._settings))
        except asyncio.CancelledError:
            # Else the process stops: its next life says that the job was interrupted.
            if run.job.uuid in self._unwanted:
                run.cancelled()
            raise
        except Exception as crash:
            # One script must not take the worker of others with it.
            log.exception("a job crashed", job=run.job.uuid, workflow=workflow.name)
            run.crashed(crash)
        finally:
            self._unwanted.discard(run.job.uuid)

    def _cancel_here(self, uuid: str) -> None:
        task = self._tasks.get(uuid)
        if task is None:
            self._runs[uuid].cancelled()
        else:
            self._unwanted.add(uuid)
            task.cancel()

    async def _write_all(self) -> None:
        while True:
            await self._write.wait()
            self._write.clear()
            batch, self._unwritten = self._unwritten, {}
            for job in batch.values():
                self._told(job)
            for uuid, job in batch.items():
                try:
                    await self._store.put(uuid, job, ttl_s=self._keep_s)
                except SourceLost as lost:
                    self._unwritten = {**batch, **self._unwritten}
                    self._write.set()
                    log.warning("a job cannot be stored yet", reason=str(lost))
                    await asyncio.sleep(_KEEP_UP)
                    break
            await asyncio.sleep(_TOLD)

    def _interrupt_own(self) -> None:
        """Say of jobs that this analyzer ran in an earlier life that nobody knows what they did."""
        for job in self._catalogue.jobs():
            if job.host == self._host and job.uuid not in self._runs and job.state not in ENDED:
                self._interrupt(job)

    def _interrupt(self, job: Job) -> None:
        reason = f"the analyzer {job.host} stopped while it ran"
        self.tell(msgspec.structs.replace(job, state="interrupted", reason=reason, ended_at=self._now_ms()))

    def _keep(self, job: Job) -> bool:
        """Take a job; tells whether it is news."""
        is_news = self._catalogue.put_job(job)
        if is_news and job.state in ENDED:
            self._runs.pop(job.uuid, None)
            self._end(job.uuid)
        return is_news

    def _end(self, uuid: str) -> None:
        ended = self._ended.pop(uuid, None)
        if ended is not None:
            ended.set()

    @property
    def _keep_s(self) -> float:
        return max(1.0, round(self._settings.keep_hours * 3600))
