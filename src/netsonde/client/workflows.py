# SPDX-License-Identifier: Apache-2.0
"""The workflows of a server and the jobs that their calls are, for the blocking client."""

import time
from typing import Unpack

from netsonde.client import workflow_calls as calls
from netsonde.client.sender import Sender
from netsonde.client.workflow_calls import LOOK, Params, WorkflowFields, WorkflowUpdate
from netsonde.model.elements import Json
from netsonde.model.workflows import ENDED, Job, WorkflowView


class ClientWorkflows:
    """The workflows of a server. Each is called by its name or its whole UUID, a job by its UUID."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def all(self) -> list[WorkflowView]:
        """Return every workflow, those that came with the program among them."""
        return self._client.send(calls.workflows())

    def get(self, workflow: str) -> WorkflowView:
        return self._client.send(calls.workflow(workflow))

    def create(self, name: str, source: str, *, ttl: str = "", **fields: Unpack[WorkflowFields]) -> WorkflowView:
        """Create a workflow; its source is read, not run. After `ttl` (such as 1h30m) it deletes itself."""
        return self._client.send(calls.define_workflow(name, source, fields, ttl))

    def load(self, text: bytes, *, ttl: str = "") -> WorkflowView:
        """Create a workflow from a file in YAML or JSON, as the reference's client takes it."""
        return self._client.send(calls.create_workflow(text, ttl))

    def update(self, workflow: str, **fields: Unpack[WorkflowUpdate]) -> WorkflowView:
        """Change a workflow; it then acts for you. What is not named stays as it is."""
        return self._client.send(calls.patch_workflow(workflow, fields))

    def delete(self, workflow: str) -> None:
        """Delete a workflow; its jobs go on, and their results stay."""
        self._client.send(calls.delete_workflow(workflow))

    def call(self, workflow: str, params: Params = (), *, timeout: float | None = None) -> Json:
        """Call a workflow and return its result; parameters are by position, or by their names.

        Raises UserError with the reason when it does not end well; TimeoutError after so many seconds, and the job
        goes on.
        """
        return calls.result_of(self.wait(self.start(workflow, params).uuid, timeout=timeout))

    def start(self, workflow: str, params: Params = ()) -> Job:
        """Call a workflow, and return at once."""
        return self._client.send(calls.start_workflow(workflow, params))

    def jobs(self, workflow: str = "", *, limit: int = 100) -> list[Job]:
        """Return calls of a workflow, or of all, the newest first; without log and result."""
        return self._client.send(calls.jobs(workflow, limit))

    def job(self, job: str) -> Job:
        """Return a call with its log and result, as far as it is."""
        return self._client.send(calls.job(job))

    def logs(self, job: str) -> list[str]:
        """Return the lines that a call has written so far."""
        return self.job(job).log

    def wait(self, job: str, *, timeout: float | None = None) -> Job:
        """Wait until a call has ended, one way or another. Raises TimeoutError after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            rest = LOOK if deadline is None else deadline - time.monotonic()
            found = self._client.send(calls.job(job, min(LOOK, max(0.0, rest))))
            if found.state in ENDED:
                return found
            if rest <= 0:
                raise calls.overdue(found, timeout)

    def cancel(self, job: str) -> Job:
        """Have a call end; one that has ended stays as it is."""
        return self._client.send(calls.cancel_job(job))
