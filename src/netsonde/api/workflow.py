# SPDX-License-Identifier: Apache-2.0
"""Workflows as a resource: /api/workflow, their calls, and the jobs that calls are.

A call answers with the result when it is there, as clients of the reference expect; with `?wait=false`, or
`Prefer: respond-async` (RFC 7240), at once with the job.
"""

from typing import Annotated

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from netsonde.access.lending import Lending
from netsonde.access.rights import WORKFLOW_CALL, WORKFLOW_READ, WORKFLOW_WRITE
from netsonde.api.authorize import principal_of
from netsonde.api.bodies import convert, decode, spelt
from netsonde.api.calls import caller_of
from netsonde.api.editing import check_match, definition_of, etag_of, patched
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.model.elements import Json
from netsonde.model.workflows import Job, Workflow, WorkflowView

_FIXED = ("UUID", "CreatedAt", "CreatedBy")
_COMPUTED = ("Bundled",)
_TRIES = 3
_LISTED = 100
_LONGEST_WAIT_S = 600.0

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag that the workflow must still have")]
ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the workflow deletes itself after it: 90s, 1h30m")
]
Prefer = Annotated[str | None, HeaderParameter(name="Prefer", description="respond-async: answer with the job at once")]
Wait = Annotated[bool, QueryParameter(name="wait", description="false: answer with the job at once, 202")]
WaitFor = Annotated[
    float, QueryParameter(name="wait", ge=0, le=_LONGEST_WAIT_S, description="wait for its end: seconds")
]
OfWorkflow = Annotated[str, QueryParameter(name="workflow", description="name or UUID of a workflow; none = all")]
Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many jobs, the newest first")]


class CallBody(msgspec.Struct, frozen=True, rename="pascal"):
    """Arguments of a call: a list by position, as the reference has it, or an object by the parameters' names."""

    params: list[Json] | dict[str, Json] | None = None


@get(
    "/",
    right=WORKFLOW_READ,
    operation_id="listWorkflows",
    summary="All workflows, by UUID, the bundled ones among them",
)
async def list_workflows(services: ServicesDep) -> dict[str, WorkflowView]:
    return {view.uuid: view for view in services.workflows.views()}


@get(
    "/jobs",
    right=WORKFLOW_READ,
    operation_id="listWorkflowJobs",
    summary="Calls of workflows, the newest first; without log and result",
)
async def list_jobs(
    services: ServicesDep, request: AnyRequest, workflow: OfWorkflow = "", limit: Limit = _LISTED
) -> list[Job]:
    uuid = _find(services, workflow).uuid if workflow else ""
    jobs = services.workflows.jobs(uuid)[:limit]
    return [_discreet(services, request, msgspec.structs.replace(job, log=[], result=None)) for job in jobs]


@get(
    "/jobs/{job:str}",
    right=WORKFLOW_CALL,
    operation_id="getWorkflowJob",
    summary="One call: how far it is, its log and its result",
)
async def get_job(services: ServicesDep, request: AnyRequest, job: FromPath[str], wait_for: WaitFor = 0) -> Job:
    found = services.workflows.job(job)
    if found is None:
        raise NotFound(f"there is no job {job[:100]}", hint="GET /api/workflow/jobs lists them")
    return _shown(services, request, await services.workflows.finished(job, wait_for) if wait_for else found)


@post(
    "/jobs/{job:str}/cancel",
    right=WORKFLOW_CALL,
    operation_id="cancelWorkflowJob",
    summary="End a call",
    status_code=202,
)
async def cancel_job(services: ServicesDep, request: AnyRequest, job: FromPath[str]) -> Job:
    return _shown(services, request, await services.workflows.cancel(job))


@get("/{uuid:str}", right=WORKFLOW_READ, operation_id="getWorkflow", summary="One workflow")
async def get_workflow(services: ServicesDep, uuid: FromPath[str]) -> Response[WorkflowView]:
    return _answer(_find(services, uuid))


@post(
    "/", right=WORKFLOW_WRITE, operation_id="createWorkflow", summary="Create a workflow; its source is read, not run"
)
async def create_workflow(
    services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
) -> Response[WorkflowView]:
    body = spelt(decode(await request.body(), request.headers.get("content-type", "")))
    workflow = convert(body, Workflow, ignored=(*_FIXED, "ExpiresAt", *_COMPUTED))
    view = await services.workflows.create(_with_expiry(services, workflow, resource_ttl), caller_of(request).name)
    return _answer(view, status=201, location=f"/api/workflow/{view.uuid}")


@post(
    "/{uuid:str}/call",
    right=WORKFLOW_CALL,
    operation_id="callWorkflow",
    summary="Run a workflow, and wait for its result",
    status_code=200,
)
async def call_workflow(
    services: ServicesDep, request: AnyRequest, uuid: FromPath[str], wait: Wait = True, prefer: Prefer = None
) -> Response[bytes]:
    body = await request.body()
    params = convert(decode(body), CallBody).params if body.strip() else None
    job = services.workflows.call(uuid, params or [], caller_of(request))
    if not wait or "respond-async" in (prefer or "").lower():
        return json_response(job, status=202, headers={"Location": f"/api/workflow/jobs/{job.uuid}"})
    job = await services.workflows.finished(job.uuid)
    if job.state != "done":
        raise UserError(job.reason, hint=job.hint)
    return json_response(job.result, headers={"X-Workflow-Job": job.uuid})


@patch(
    "/{uuid:str}",
    right=WORKFLOW_WRITE,
    operation_id="modifyWorkflow",
    summary="Change a workflow by JSON Patch or merge patch",
)
async def modify_workflow(
    services: ServicesDep,
    request: AnyRequest,
    uuid: FromPath[str],
    if_match: IfMatch = None,
    resource_ttl: ResourceTtl = None,
) -> Response[WorkflowView]:
    uuid = _find(services, uuid).uuid
    change = decode(await request.body(), request.headers.get("content-type", ""))
    for attempt in range(_TRIES):
        view = _find(services, uuid)
        previous = definition_of(view, Workflow)
        check_match(previous, if_match, "workflow")
        wanted = patched(previous, change, fixed=_FIXED, ignored=_COMPUTED)
        wanted = _with_expiry(services, wanted, resource_ttl)
        if wanted == previous:
            return _answer(view)
        try:
            return _answer(await services.workflows.replace(previous, wanted, caller_of(request).name))
        except Conflict:
            # Somebody else changed it between our read and our write: the patch applies to what is there now.
            current = services.workflows.view(uuid)
            if attempt == _TRIES - 1 or current is None or definition_of(current, Workflow) == previous:
                raise
    raise AssertionError("the last try returns or raises")


@delete(
    "/{uuid:str}", right=WORKFLOW_WRITE, operation_id="deleteWorkflow", summary="Delete a workflow", status_code=200
)
async def delete_workflow(services: ServicesDep, uuid: FromPath[str], if_match: IfMatch = None) -> Response[bytes]:
    view = _find(services, uuid)
    check_match(definition_of(view, Workflow), if_match, "workflow")
    await services.workflows.delete(view.uuid)
    return Response(content=b"", status_code=200, media_type="text/plain")


def _shown(services: Services, request: AnyRequest, job: Job) -> Job:
    """Return a job without its log and result for whom could not have found out what they say."""
    shown = _discreet(services, request, job)
    reason = Lending(services.gate).hidden(principal_of(request.scope), job.acts_for, "the job")
    return msgspec.structs.replace(shown, log=[], result=None, withheld=reason) if reason else shown


def _discreet(services: Services, request: AnyRequest, job: Job) -> Job:
    """Return a job without what its caller told it, and what it says of that, for others than the caller and admins."""
    reason = Lending(services.gate).private(principal_of(request.scope), job.acts_for, "the job")
    if not reason:
        return job
    return msgspec.structs.replace(job, params=[], reason="", hint="", progress_text="", withheld=reason)


def _find(services: Services, reference: str) -> WorkflowView:
    view = services.workflows.view(reference)
    if view is None:
        raise NotFound(f"Workflow '{reference[:100]}' not found", hint="GET /api/workflow lists them")
    return view


def _answer(view: WorkflowView, *, status: int = 200, location: str = "") -> Response[WorkflowView]:
    headers = {"ETag": etag_of(definition_of(view, Workflow))} | ({"Location": location} if location else {})
    return Response(content=view, status_code=status, headers=headers)


def _with_expiry(services: Services, workflow: Workflow, ttl: str | None) -> Workflow:
    if ttl is None:
        return workflow
    return msgspec.structs.replace(workflow, expires_at=services.now_ms() + parse_duration_ms(ttl))


router = Router(
    "/api/workflow",
    route_handlers=[
        list_workflows,
        list_jobs,
        get_job,
        cancel_job,
        get_workflow,
        create_workflow,
        call_workflow,
        modify_workflow,
        delete_workflow,
    ],
    tags=["workflow"],
)
