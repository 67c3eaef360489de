# SPDX-License-Identifier: Apache-2.0
"""Workflows of an analyzer: what the API creates, changes, calls and shows.

Source: the buckets `workflows` and `workflow-jobs`.
Writes: both; under the lease `workflows` it calls what triggers ask for and ends what nobody runs any more.
"""

import asyncio
import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.model.elements import Json
from netsonde.model.stores import Reading, Store, follow
from netsonde.model.workflows import Caller, Job, Workflow, WorkflowChange, WorkflowView
from netsonde.observe import Listeners, logger
from netsonde.scripts.pool import Counters
from netsonde.workflows.bundled import bundled
from netsonde.workflows.catalogue import Catalogue
from netsonde.workflows.definitions import arguments_of, checked
from netsonde.workflows.jobs import Jobs
from netsonde.workflows.runner import Engine, JavaScript, Run
from netsonde.workflows.settings import WorkflowSettings
from netsonde.workflows.stores import Api, Captures, Checks, LeaseRunner
from netsonde.workflows.triggers import Triggers

log = logger("workflows")

_HOUSEKEEPING: Final = 5.0
_DEEPEST: Final = 3
"""Workflows that may call each other in a row."""


class WorkflowService:
    """Implements what the API asks of workflows; `run` keeps it up to date and runs jobs until cancelled."""

    def __init__(
        self,
        definitions: Store[Workflow],
        jobs: Store[Job],
        *,
        host: str,
        api: Api,
        scripts: JavaScript,
        python: Engine,
        checks: Checks,
        captures: Captures,
        lease: LeaseRunner,
        settings: WorkflowSettings,
        counters: Counters,
        clock: Clock | None = None,
    ) -> None:
        """`host` names this analyzer; `api` answers what scripts ask."""
        self._definitions = definitions
        self._host = host
        self._api = api
        self._scripts = scripts
        self._lease = lease
        self._settings = settings
        self._clock = clock or Clock()
        self._catalogue = Catalogue(bundled())
        self._jobs = Jobs(
            self._catalogue,
            jobs,
            lambda workflow: python if workflow.language == "python" else scripts,
            host=host,
            settings=settings,
            counters=counters,
            now_ms=self._clock.now_ms,
            told=lambda job: self._listeners.tell(WorkflowChange("Job", job=job)),
        )
        self._listeners: Listeners[WorkflowChange] = Listeners("workflows")
        self._triggers = Triggers(self._catalogue, self.call, checks, captures, counters)
        self._reading = Reading("workflows", "jobs")

    def views(self) -> Sequence[WorkflowView]:
        """Return every workflow, the bundled ones first."""
        return self._catalogue.views()

    def view(self, reference: str) -> WorkflowView | None:
        """Return the workflow with this UUID or name."""
        try:
            return self._catalogue.view(self._catalogue.named(reference))
        except NotFound:
            return None

    @property
    def is_current(self) -> bool:
        """Whether everything that was stored before is read: until then a workflow may be there and not be known."""
        return self._reading.is_done

    def check(self, name: str) -> None:
        """Raise NotFound when nothing is called so."""
        self._catalogue.named(name)

    async def create(self, workflow: Workflow, who: str) -> WorkflowView:
        """Check, name and store a definition. Raises UserError, with the place of a mistake in the source."""
        if len(self._catalogue.workflows()) >= self._settings.max_workflows:
            raise UserError(
                f"there are {self._settings.max_workflows} workflows already",
                hint="delete one, or raise the setting workflow.max_workflows",
            )
        uuid = str(uuids.uuid4())
        workflow = msgspec.structs.replace(workflow, uuid=uuid, created_at=self._clock.now_ms(), created_by=who)
        await self._validate(workflow)
        return self._accept(workflow, await self._definitions.create(uuid, workflow))

    async def replace(self, previous: Workflow, workflow: Workflow, who: str) -> WorkflowView:
        """Store a changed definition. Raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        self._refuse_bundled(previous.uuid, "changed")
        if self._catalogue.workflow(previous.uuid) != previous:
            raise Conflict(f"the workflow {previous.uuid} was changed meanwhile", hint="read it again and repeat")
        revision = self._catalogue.revision(previous.uuid)
        workflow = msgspec.structs.replace(workflow, uuid=previous.uuid, created_at=previous.created_at, created_by=who)
        await self._validate(workflow)
        return self._accept(workflow, await self._definitions.update(workflow.uuid, workflow, revision))

    async def delete(self, uuid: str) -> None:
        """Delete a workflow; jobs that run go on, their results stay. Raises NotFound, UserError for a bundled one."""
        self._catalogue.named(uuid)
        self._refuse_bundled(uuid, "deleted")
        await self._definitions.delete(uuid)
        self._forget(uuid)

    def call(
        self, reference: str, params: Sequence[Json] | Mapping[str, Json], caller: Caller, trigger: str = ""
    ) -> Job:
        """Start a job of the workflow with this UUID or name; parameters are by position or by name.

        Raises NotFound, UserError for parameters that cannot be, Busy when too many jobs wait.
        """
        workflow = self._catalogue.named(reference)
        if caller.depth >= _DEEPEST:
            raise UserError(f"{_DEEPEST} workflows called each other in a row, that is the limit")
        job = Job(
            uuid=str(uuids.uuid4()),
            workflow=workflow.uuid,
            workflow_name=workflow.name,
            host=self._host,
            created_at=self._clock.now_ms(),
            called_by=f"{trigger} for {caller.name}" if trigger else caller.name,
            acts_for=caller.name,
            params=arguments_of(workflow, params),
        )
        self._jobs.start(Run(job, caller, self._api, self._clock.now_ms, self._jobs.tell), workflow)
        return job

    def jobs(self, workflow: str = "") -> Sequence[Job]:
        """Return the jobs of a workflow (UUID), or all, the newest first."""
        return self._catalogue.jobs(workflow)

    def job(self, uuid: str) -> Job | None:
        return self._catalogue.job(uuid)

    async def finished(self, uuid: str, within: float | None = None) -> Job:
        """Wait for the end of a job, or for so many seconds; return it as it is then. Raises NotFound."""
        return await self._jobs.finished(uuid, within)

    async def cancel(self, uuid: str) -> Job:
        """Have a job end, wherever it runs; what has ended stays as it is. Raises NotFound."""
        return await self._jobs.cancel(uuid)

    def subscribe(self, listener: Callable[[WorkflowChange], None]) -> Callable[[], None]:
        """Tell each change of a definition, and where jobs are, a few times a second at most."""
        return self._listeners.add(listener)

    async def run(self, health: HealthSink) -> None:
        unsubscribe = self._triggers.subscribe()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_definitions(health), "workflows.definitions")
                spawn(group, self._jobs.follow(lambda: self._reading.read("jobs", health)), "workflows.jobs")
                spawn(group, self._jobs.run(), "workflows.work")
                spawn(group, self._scripts.tend(), "workflows.processes")
                spawn(group, self._lease.run(self._lead), "workflows.lease")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            unsubscribe()

    async def _follow_definitions(self, health: HealthSink) -> None:
        await follow(
            self._definitions,
            known=[workflow.uuid for workflow in self._catalogue.workflows()],
            put=lambda uuid, workflow, revision: self._take(msgspec.structs.replace(workflow, uuid=uuid), revision),
            gone=self._forget,
            current=lambda: self._reading.read("workflows", health),
        )

    async def _validate(self, workflow: Workflow) -> None:
        checked(workflow, seconds=self._settings.seconds, python=self._settings.python)
        self._catalogue.refuse_duplicate(workflow)
        if workflow.language == "javascript":
            await self._scripts.check(workflow.source)
        else:
            _check_python(workflow.source)

    def _refuse_bundled(self, uuid: str, what: str) -> None:
        if self._catalogue.is_bundled(uuid):
            raise UserError(
                f"this workflow came with the program and cannot be {what}",
                hint="create one of your own from its source",
            )

    def _accept(self, workflow: Workflow, revision: int) -> WorkflowView:
        self._take(workflow, revision)
        current = self._catalogue.workflow(workflow.uuid)
        if current is None:
            raise NotFound(f"the workflow {workflow.uuid} was deleted meanwhile")
        return self._catalogue.view(current)

    def _take(self, workflow: Workflow, revision: int) -> None:
        is_new = self._catalogue.workflow(workflow.uuid) is None
        if self._catalogue.put(workflow, revision):
            self._triggers.changed()
            self._listeners.tell(WorkflowChange("Added" if is_new else "Updated", self._catalogue.view(workflow)))

    def _forget(self, uuid: str) -> None:
        gone = self._catalogue.remove(uuid)
        if gone is not None:
            self._triggers.changed()
            self._listeners.tell(WorkflowChange("Deleted", self._catalogue.view(gone)))

    async def _lead(self) -> None:
        await self._reading.done()
        async with asyncio.TaskGroup() as group:
            spawn(group, self._triggers.run(), "workflows.triggers")
            spawn(group, self._keep_house(), "workflows.housekeeping")

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING)
            now = self._clock.now_ms()
            try:
                for workflow in self._catalogue.workflows():
                    if workflow.expires_at and workflow.expires_at <= now:
                        await self._definitions.delete(workflow.uuid)
                await self._jobs.keep_house()
            except SourceLost as lost:
                log.debug("housekeeping waits for the bus", reason=str(lost))


def _check_python(source: str) -> None:
    try:
        compile(source, "workflow", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as bad:
        line = getattr(bad, "lineno", None)
        raise UserError(f"the Source is no Python{f', line {line}' if line else ''}: {bad}") from bad
    except (RecursionError, MemoryError) as deep:
        raise UserError("the Source is no Python that can be read: it is nested too deeply") from deep
