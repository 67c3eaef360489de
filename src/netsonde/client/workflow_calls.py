# SPDX-License-Identifier: Apache-2.0
"""The calls about workflows, one function each. The server takes a name where it takes a UUID."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.client.fields import ttl_header, wire_names
from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import ENDED, Job, Language, Parameter, Trigger, Workflow, WorkflowView

LOOK = 30.0
"""Seconds of one question after a job; it is asked again until the job has ended."""
Params = Sequence[Json] | Mapping[str, Json]


class WorkflowFields(TypedDict, total=False):
    """`Workflow` says what each means; what is not given keeps its default, or its value."""

    title: str
    abstract: str
    description: str
    parameters: list[Parameter]
    language: Language
    triggers: list[Trigger]
    timeout: float


class WorkflowUpdate(WorkflowFields, total=False):
    """What can be changed of a workflow."""

    name: str
    source: str


def workflows() -> Call[list[WorkflowView]]:
    return ask("/api/workflow", object).read_by(lambda answer: [*as_json(dict[str, WorkflowView])(answer).values()])


def workflow(name: str) -> Call[WorkflowView]:
    return ask(f"/api/workflow/{segment(name)}", WorkflowView)


def create_workflow(text: bytes, ttl: str = "") -> Call[WorkflowView]:
    """Return the call that creates a workflow from a file in YAML, JSON among it."""
    headers = {"Content-Type": "application/yaml", **ttl_header(ttl)}
    return Call("POST", "/api/workflow", as_json(WorkflowView), text, headers)


def define_workflow(name: str, source: str, fields: Mapping[str, object], ttl: str) -> Call[WorkflowView]:
    """Return the call that creates a workflow from its fields."""
    body = wire_names({"name": name, "source": source, **fields}, Workflow, "workflow")
    return tell("/api/workflow", body, WorkflowView, ttl_header(ttl))


def patch_workflow(name: str, fields: Mapping[str, object]) -> Call[WorkflowView]:
    headers = {"Content-Type": "application/merge-patch+json"}
    body = msgspec.json.encode(wire_names(fields, Workflow, "workflow"))
    return Call("PATCH", f"/api/workflow/{segment(name)}", as_json(WorkflowView), body, headers)


def delete_workflow(name: str) -> Call[None]:
    return Call("DELETE", f"/api/workflow/{segment(name)}", nothing)


def start_workflow(name: str, params: Params) -> Call[Job]:
    return tell(f"/api/workflow/{segment(name)}/call?wait=false", {"Params": params}, Job)


def call_workflow(name: str, params: Sequence[Json]) -> Call[Any]:
    """Return the call as the reference makes it: the answer is the result, as long as that may take."""
    return tell(f"/api/workflow/{segment(name)}/call", {"Params": params}, object)


def jobs(name: str = "", limit: int = 100) -> Call[list[Job]]:
    return ask("/api/workflow/jobs", list[Job], {"workflow": name, "limit": limit})


def job(uuid: str, wait: float = 0) -> Call[Job]:
    return ask(f"/api/workflow/jobs/{segment(uuid)}", Job, {"wait": wait or None})


def cancel_job(uuid: str) -> Call[Job]:
    return Call("POST", f"/api/workflow/jobs/{segment(uuid)}/cancel", as_json(Job))


def result_of(job: Job) -> Json:
    """Return what a call gave; raises UserError when it did not end well, or is not ended."""
    if job.state not in ENDED:
        raise UserError(f"the job {job.uuid} is {job.state}", hint="wait for it")
    if job.state != "done":
        raise UserError(f"{job.state}: {job.reason}", hint=job.hint)
    if job.withheld:
        raise UserError(job.withheld)
    return job.result


def overdue(job: Job, timeout: float | None) -> TimeoutError:
    return TimeoutError(f"the job {job.uuid} of {job.workflow_name} has not ended after {timeout:g} s; it goes on")
