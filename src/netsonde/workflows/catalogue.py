# SPDX-License-Identifier: Apache-2.0
"""The workflows and jobs that an analyzer knows; state without I/O."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from netsonde.errors import NotFound, UserError
from netsonde.model.workflows import ENDED, Job, Workflow, WorkflowView

_MOST_REMEMBERED: Final = 1000
MOST_RESULTS: Final = 32 * 1024 * 1024
"""Bytes of all jobs together."""


class Catalogue:
    """Definitions by UUID with their revisions in the store, those that came with the program, and jobs."""

    def __init__(self, bundled: Sequence[Workflow]) -> None:
        self._bundled = {workflow.uuid: workflow for workflow in bundled}
        self._workflows: dict[str, Workflow] = {}
        self._revisions: dict[str, int] = {}
        self._jobs: dict[str, Job] = {}
        self._sizes: dict[str, int] = {}

    def workflows(self) -> list[Workflow]:
        """Return what users made, the oldest first."""
        return sorted(self._workflows.values(), key=lambda one: (one.created_at, one.uuid))

    def views(self) -> list[WorkflowView]:
        """Return everything, bundled ones first."""
        return [*map(self.view, self._bundled.values()), *map(self.view, self.workflows())]

    def view(self, workflow: Workflow) -> WorkflowView:
        fields = {field.name: getattr(workflow, field.name) for field in msgspec.structs.fields(Workflow)}
        return WorkflowView(**fields, bundled=workflow.uuid in self._bundled)

    def workflow(self, uuid: str) -> Workflow | None:
        return self._workflows.get(uuid) or self._bundled.get(uuid)

    def is_bundled(self, uuid: str) -> bool:
        return uuid in self._bundled

    def named(self, reference: str) -> Workflow:
        """Return the workflow with this UUID or name; raises NotFound."""
        found = self.workflow(reference) or self._of_name(reference)
        if found is None:
            raise NotFound(f"Workflow '{reference[:100]}' not found", hint="GET /api/workflow lists them")
        return found

    def refuse_duplicate(self, workflow: Workflow) -> None:
        """Raise UserError when another workflow has the name; clients of the reference expect no Conflict."""
        other = self._of_name(workflow.name)
        if other is not None and other.uuid != workflow.uuid:
            raise UserError(f"Duplicate workflow, name={workflow.name}", hint="choose another name, or change that one")

    def revision(self, uuid: str) -> int:
        return self._revisions.get(uuid, 0)

    def put(self, workflow: Workflow, revision: int) -> bool:
        """Take a definition; False when it is no news."""
        if revision <= self.revision(workflow.uuid):
            return False
        self._revisions[workflow.uuid] = revision
        self._workflows[workflow.uuid] = workflow
        return True

    def remove(self, uuid: str) -> Workflow | None:
        # An echo of an earlier write may still be on its way; it must not bring the workflow back.
        gone = [known for known in self._revisions if known not in self._workflows]
        for known in gone[:-_MOST_REMEMBERED]:
            del self._revisions[known]
        return self._workflows.pop(uuid, None)

    def jobs(self, workflow: str = "") -> list[Job]:
        """Return the jobs of a workflow (UUID), or all, the newest first."""
        found = [job for job in self._jobs.values() if workflow in ("", job.workflow)]
        return sorted(found, key=lambda job: (-job.created_at, job.uuid))

    def job(self, uuid: str) -> Job | None:
        return self._jobs.get(uuid)

    def put_job(self, job: Job) -> bool:
        """Take a job; False when it is no news: what has ended does not begin again."""
        known = self._jobs.get(job.uuid)
        if known == job or (known is not None and known.state in ENDED and job.state not in ENDED):
            return False
        self._jobs[job.uuid] = job
        self._sizes[job.uuid] = len(msgspec.json.encode(job)) if job.state in ENDED else 0
        return True

    def remove_job(self, uuid: str) -> None:
        self._jobs.pop(uuid, None)
        self._sizes.pop(uuid, None)

    def surplus(self, most: int) -> Iterator[str]:
        """Yield the jobs that have to go: the oldest ended ones beyond `most`, or beyond the bytes of all."""
        room = MOST_RESULTS
        ended = [job for job in self.jobs() if job.state in ENDED]
        for position, job in enumerate(ended):
            room -= self._sizes[job.uuid]
            if position >= most or room < 0:
                yield job.uuid

    def _of_name(self, name: str) -> Workflow | None:
        everything = (*self._workflows.values(), *self._bundled.values())
        return next((one for one in everything if one.name == name), None)
