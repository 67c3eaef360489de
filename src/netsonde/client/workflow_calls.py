# SPDX-License-Identifier: Apache-2.0
"""The calls about workflows, one function each. The server takes a name where it takes a UUID."""

from collections.abc import Mapping, Sequence
from typing import Any

from netsonde.client.call import Call, as_json, ask, nothing, segment, tell
from netsonde.model.elements import Json
from netsonde.model.workflows import Job, WorkflowView


def workflows() -> Call[list[WorkflowView]]:
    return ask("/api/workflow", object).read_by(lambda answer: [*as_json(dict[str, WorkflowView])(answer).values()])


def workflow(name: str) -> Call[WorkflowView]:
    return ask(f"/api/workflow/{segment(name)}", WorkflowView)


def create_workflow(text: bytes, ttl: str = "") -> Call[WorkflowView]:
    """Return the call that creates a workflow from a file in YAML, JSON among it."""
    headers = {"Content-Type": "application/yaml", **({"X-Resource-TTL": ttl} if ttl else {})}
    return Call("POST", "/api/workflow", as_json(WorkflowView), text, headers)


def delete_workflow(name: str) -> Call[None]:
    return Call("DELETE", f"/api/workflow/{segment(name)}", nothing)


def start_workflow(name: str, params: Sequence[Json] | Mapping[str, Json]) -> Call[Job]:
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
