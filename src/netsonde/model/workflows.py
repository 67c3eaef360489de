# SPDX-License-Identifier: Apache-2.0
"""The workflow resource: a script that users keep and call, and the jobs that its calls are.

Stored in the buckets `workflows` (key: UUID) and `workflow-jobs` (key: UUID of the job). Wire names of a workflow are
those that clients of the reference send and expect; ours are additive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from netsonde.model.elements import Json

Language = Literal["javascript", "python"]
TriggerKind = Literal["schedule", "check", "capture"]
JobState = Literal["waiting", "running", "done", "failed", "stopped", "cancelled", "interrupted"]
"""failed = the script threw; stopped = it went beyond a limit; interrupted = its analyzer went away meanwhile."""
ENDED: frozenset[JobState] = frozenset({"done", "failed", "stopped", "cancelled", "interrupted"})


class Choice(msgspec.Struct, frozen=True, rename="pascal"):
    """One of the values that a parameter may have."""

    value: Json = ""
    description: str = ""


class Parameter(msgspec.Struct, frozen=True, rename="pascal"):
    """One argument of the script, by position."""

    name: str = ""
    description: str = ""
    type: str = "string"
    """node, string, integer, boolean, choice, … as forms understand it."""
    default: Json = None
    """Used when a call does not say; None = the call has to."""
    values: list[Choice] = []


class Trigger(msgspec.Struct, frozen=True, rename="pascal"):
    """What calls a workflow by itself. Every kind has its own fields; those of others are refused."""

    type: TriggerKind
    every: str = ""
    """schedule: a duration such as 5m; the first call comes after it."""
    check: str = ""
    """check: name or UUID of a check, "" = any."""
    verdicts: list[str] = []
    """check: only these verdicts; none = fail."""
    capture: str = ""
    """capture: name or UUID of a capture; it calls when the capture starts on an interface."""
    params: dict[str, Json] = {}
    """Arguments by the names of the parameters. A parameter called Event gets what happened."""


class Workflow(msgspec.Struct, frozen=True, omit_defaults=False):
    """A workflow as it is stored, and as REST accepts and serves it."""

    uuid: str = msgspec.field(name="UUID", default="")
    name: str = msgspec.field(name="Name", default="")
    title: str = msgspec.field(name="Title", default="")
    abstract: str = msgspec.field(name="Abstract", default="")
    description: str = msgspec.field(name="Description", default="")
    parameters: list[Parameter] = msgspec.field(name="Parameters", default_factory=list)
    source: str = msgspec.field(name="Source", default="")
    """JavaScript: one function expression. Python: a module with `async def main(client, …)`."""
    # From here on: ours.
    language: Language = msgspec.field(name="Language", default="javascript")
    triggers: list[Trigger] = msgspec.field(name="Triggers", default_factory=list)
    timeout: float = msgspec.field(name="Timeout", default=0.0)
    """Seconds that a call may take; 0 = as many as the setting workflow.seconds allows."""
    created_at: int = msgspec.field(name="CreatedAt", default=0)
    """Unix ms, set by the server."""
    created_by: str = msgspec.field(name="CreatedBy", default="")
    """Who created or last changed it, set by the server: triggers call with the rights of that user."""
    expires_at: int = msgspec.field(name="ExpiresAt", default=0)
    """Unix ms at which it deletes itself (from X-Resource-TTL); 0 = never."""


class WorkflowView(Workflow, frozen=True):
    """A workflow as the API serves it."""

    bundled: bool = msgspec.field(name="Bundled", default=False)
    """It came with the program and cannot be changed."""


class Job(msgspec.Struct, frozen=True, rename="pascal"):
    """One call of a workflow. Times are Unix ms, 0 = not yet."""

    uuid: str = msgspec.field(name="UUID")
    workflow: str
    """UUID of the workflow."""
    workflow_name: str
    host: str
    """Analyzer that runs it."""
    created_at: int
    started_at: int = 0
    ended_at: int = 0
    called_by: str = ""
    """Who called: a user's address or name, or the trigger."""
    acts_for: str = ""
    """With whose rights the script asks: log and result are for those who may do as much, parameters, reason and
    progress in words for this user and administrators."""
    params: list[Json] = []
    state: JobState = "waiting"
    reason: str = ""
    """Why it did not end well, for people."""
    hint: str = ""
    progress: float = 0.0
    """From 0 to 1, as far as the script says."""
    progress_text: str = ""
    log: list[str] = []
    result: Json = None
    withheld: str = ""
    """Why whoever asked is not shown some of it; "" in what is stored."""
    cancel: bool = False
    """Somebody wants it to end; the analyzer that runs it sees to it."""


class WorkflowChange(msgspec.Struct, frozen=True):
    """A workflow was created, changed or deleted, or a call of one is somewhere else than it was."""

    kind: Literal["Added", "Updated", "Deleted", "Job"]
    view: WorkflowView | None = None
    job: Job | None = None


def told_to_all(job: Job) -> Job:
    """Return what all hear of a job who may see workflows: where it is, not what it was given, says and found."""
    where = f"GET /api/workflow/jobs/{job.uuid} has the rest for its user"
    return msgspec.structs.replace(
        job, params=[], reason="", hint="", progress_text="", log=[], result=None, withheld=where
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """With whose rights a workflow acts."""

    name: str
    """For audits: a user, an address, or what triggered."""
    credentials: Sequence[tuple[str, str]] = ()
    """Headers with which the caller said who it is; its requests carry them again."""
    on_behalf: bool = False
    """Nobody asked just now: a trigger acts for the workflow's owner `name`, who gave no credentials."""
    depth: int = 0
    """Workflows that called each other up to here."""
