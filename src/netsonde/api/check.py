# SPDX-License-Identifier: Apache-2.0
"""Checks as a resource: /api/check, their results, and the wish to judge anew."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from netsonde.access.rights import CHECK_READ, CHECK_WRITE, INJECT_WRITE
from netsonde.api.authorize import principal_of
from netsonde.api.bodies import convert, decode
from netsonde.api.editing import check_match, definition_of, etag_of, patched
from netsonde.api.lending import check_actions, signed
from netsonde.api.requests import AnyRequest, ServicesDep
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import Conflict, NotFound
from netsonde.model.checks import Check, CheckResult, CheckView

_FIXED = ("UUID", "CreatedAt", "CreatedBy", "RunAt")
_COMPUTED = ("Verdicts", "Captures", "Interfaces", "State", "Reason")
_TRIES = 3
_LISTED = 1000

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag that the check must still have")]
ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the check deletes itself after it: 90s, 1h30m")
]
NodeId = Annotated[str, QueryParameter(name="node", description="ID of a node; none = every node")]
OfVerdict = Annotated[
    Literal["waiting", "pass", "fail", "unknown"] | None,
    QueryParameter(name="verdict", description="only results with this verdict"),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100_000, description="at most so many results, the newest first")]


@get(
    "/",
    right=CHECK_READ,
    operation_id="listChecks",
    summary="All checks, by UUID, with how many interfaces have which verdict",
)
async def list_checks(services: ServicesDep) -> dict[str, CheckView]:
    return {view.uuid: view for view in services.checks.views()}


@get("/{uuid:str}", right=CHECK_READ, operation_id="getCheck", summary="One check")
async def get_check(services: ServicesDep, uuid: FromPath[str]) -> Response[CheckView]:
    return _answer(_find(services, uuid))


@get(
    "/{uuid:str}/results",
    right=CHECK_READ,
    operation_id="getCheckResults",
    summary="What a check found, the newest first",
)
async def get_results(
    services: ServicesDep,
    uuid: FromPath[str],
    node: NodeId = "",
    verdict: OfVerdict = None,
    limit: Limit = _LISTED,
) -> list[CheckResult]:
    _find(services, uuid)
    return [*services.checks.results(uuid, node=node, verdict=verdict)[:limit]]


@post("/", right=CHECK_WRITE, operation_id="createCheck", summary="Create a check; it judges interfaces as they appear")
async def create_check(
    services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
) -> Response[CheckView]:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    check = convert(body, Check, ignored=(*_FIXED, "ExpiresAt", *_COMPUTED))
    _check_rights(services, request, check)
    view = await services.checks.create(signed(request, _with_expiry(services, check, resource_ttl)))
    return _answer(view, status=201, location=f"/api/check/{view.uuid}")


@post(
    "/{uuid:str}/run",
    right=CHECK_WRITE,
    operation_id="runCheck",
    summary="Judge the present interfaces anew",
    status_code=202,
)
async def run_check(services: ServicesDep, request: AnyRequest, uuid: FromPath[str]) -> Response[CheckView]:
    _check_rights(services, request, definition_of(_find(services, uuid), Check))
    return _answer(await services.checks.start(uuid), status=202)


@patch(
    "/{uuid:str}", right=CHECK_WRITE, operation_id="modifyCheck", summary="Change a check by JSON Patch or merge patch"
)
async def modify_check(
    services: ServicesDep,
    request: AnyRequest,
    uuid: FromPath[str],
    if_match: IfMatch = None,
    resource_ttl: ResourceTtl = None,
) -> Response[CheckView]:
    _find(services, uuid)
    change = decode(await request.body(), request.headers.get("content-type", ""))
    for attempt in range(_TRIES):
        view = _find(services, uuid)
        previous = definition_of(view, Check)
        check_match(previous, if_match, "check")
        wanted = patched(previous, change, fixed=_FIXED, ignored=_COMPUTED)
        wanted = _with_expiry(services, wanted, resource_ttl)
        if wanted == previous:
            return _answer(view)
        _check_rights(services, request, wanted)
        try:
            return _answer(await services.checks.replace(previous, signed(request, wanted)))
        except Conflict:
            # Somebody else changed it between our read and our write: the patch applies to what is there now.
            current = services.checks.view(uuid)
            if attempt == _TRIES - 1 or current is None or definition_of(current, Check) == previous:
                raise
    raise AssertionError("the last try returns or raises")


@delete(
    "/{uuid:str}",
    right=CHECK_WRITE,
    operation_id="deleteCheck",
    summary="Delete a check, its captures and results",
    status_code=200,
)
async def delete_check(services: ServicesDep, uuid: FromPath[str], if_match: IfMatch = None) -> Response[bytes]:
    check_match(definition_of(_find(services, uuid), Check), if_match, "check")
    await services.checks.delete(uuid)
    return Response(content=b"", status_code=200, media_type="text/plain")


def _check_rights(services: Services, request: AnyRequest, check: Check) -> None:
    """Raise Forbidden when a check would inject, or have a workflow act, for somebody who may not."""
    if check.active != "never":
        services.gate.check(principal_of(request.scope), INJECT_WRITE)
    check_actions(services, request, check.actions)


def _find(services: Services, uuid: str) -> CheckView:
    view = services.checks.view(uuid)
    if view is None:
        raise NotFound(f"there is no check {uuid[:100]}", hint="GET /api/check lists them")
    return view


def _answer(view: CheckView, *, status: int = 200, location: str = "") -> Response[CheckView]:
    headers = {"ETag": etag_of(definition_of(view, Check))} | ({"Location": location} if location else {})
    return Response(content=view, status_code=status, headers=headers)


def _with_expiry(services: Services, check: Check, ttl: str | None) -> Check:
    if ttl is None:
        return check
    return msgspec.structs.replace(check, expires_at=services.now_ms() + parse_duration_ms(ttl))


router = Router(
    "/api/check",
    route_handlers=[list_checks, get_check, get_results, create_check, run_check, modify_check, delete_check],
    tags=["check"],
)
