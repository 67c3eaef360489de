# SPDX-License-Identifier: Apache-2.0
"""Captures as a resource: /api/capture, and what a query would capture."""

from typing import Annotated

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter

from netsonde.access.rights import CAPTURE_READ, CAPTURE_WRITE, INJECT_WRITE
from netsonde.api.authorize import principal_of
from netsonde.api.bodies import convert, decode
from netsonde.api.editing import check_match, definition_of, etag_of, patched
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.captures.sinks import mirrors
from netsonde.errors import Conflict, NotFound
from netsonde.model.captures import Capture, CaptureView

_SERVER_SET = ("UUID", "CreatedAt", "ExpiresAt", "Owner", "Count", "Status")
_FIXED = ("UUID", "CreatedAt", "Owner")
_TRIES = 3

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag that the capture must still have")]
ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the capture deletes itself after it: 90s, 1h30m")
]


class PreviewRequest(msgspec.Struct, frozen=True):
    """Body of a preview."""

    gremlin_query: str = msgspec.field(name="GremlinQuery")


class PreviewNode(msgspec.Struct, frozen=True):
    """One node that would match."""

    id: str = msgspec.field(name="ID")
    name: str = msgspec.field(name="Name")
    type: str = msgspec.field(name="Type")
    host: str = msgspec.field(name="Host")


class Preview(msgspec.Struct, frozen=True, rename="pascal"):
    """What a capture with this query would find now."""

    matching: int
    capturable: int
    sample: list[PreviewNode]
    reason: str


@get("/", right=CAPTURE_READ, operation_id="listCaptures", summary="All captures, by UUID")
async def list_captures(services: ServicesDep) -> dict[str, CaptureView]:
    return {view.uuid: view for view in services.captures.views()}


@get("/{uuid:str}", right=CAPTURE_READ, operation_id="getCapture", summary="One capture")
async def get_capture(services: ServicesDep, uuid: FromPath[str]) -> Response[CaptureView]:
    return _answer(find(services, uuid))


@post(
    "/",
    right=CAPTURE_WRITE,
    operation_id="createCapture",
    summary="Create a capture; it may wait for nodes that do not exist yet",
)
async def create_capture(
    services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
) -> Response[CaptureView]:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    capture = convert(body, Capture, ignored=_SERVER_SET)
    _check_rights(services, request, capture)
    view = await services.captures.create(_with_expiry(services, capture, resource_ttl))
    return _answer(view, status=201, location=f"/api/capture/{view.uuid}")


@patch(
    "/{uuid:str}",
    right=CAPTURE_WRITE,
    operation_id="modifyCapture",
    summary="Change a capture by JSON Patch or merge patch",
)
async def modify_capture(
    services: ServicesDep,
    request: AnyRequest,
    uuid: FromPath[str],
    if_match: IfMatch = None,
    resource_ttl: ResourceTtl = None,
) -> Response[CaptureView]:
    _check_free(find(services, uuid))
    change = decode(await request.body(), request.headers.get("content-type", ""))
    for attempt in range(_TRIES):
        view = find(services, uuid)
        check_match(definition(view), if_match, "capture")
        previous = definition(view)
        wanted = _with_expiry(
            services, patched(previous, change, fixed=_FIXED, ignored=("Count", "Status")), resource_ttl
        )
        if wanted == previous:
            return _answer(view)
        _check_rights(services, request, wanted)
        try:
            return _answer(await services.captures.replace(previous, wanted))
        except Conflict:
            # Somebody else changed it between our read and our write: the patch applies to what is there now.
            current = services.captures.view(uuid)
            if attempt == _TRIES - 1 or current is None or definition(current) == previous:
                raise
    raise AssertionError("the last try returns or raises")


@delete(
    "/{uuid:str}",
    right=CAPTURE_WRITE,
    operation_id="deleteCapture",
    summary="Stop and delete a capture",
    status_code=200,
)
async def delete_capture(services: ServicesDep, uuid: FromPath[str], if_match: IfMatch = None) -> Response[bytes]:
    view = find(services, uuid)
    check_match(definition(view), if_match, "capture")
    _check_free(view)
    await services.captures.delete(uuid)
    return Response(content=b"", status_code=200, media_type="text/plain")


@post(
    "/preview",
    right=CAPTURE_READ,
    operation_id="previewCapture",
    summary="What a capture would find now",
    status_code=200,
)
async def preview_capture(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    wanted = convert(decode(await request.body()), PreviewRequest)
    found = services.captures.preview(wanted.gremlin_query)
    sample = [
        PreviewNode(node.id, str(node.metadata.get("Name", "")), str(node.metadata.get("Type", "")), node.host)
        for node in found.sample
    ]
    return json_response(Preview(found.matching, found.capturable, sample, found.reason))


def find(services: Services, uuid: str) -> CaptureView:
    """Return a capture; raises NotFound in the reference's words."""
    view = services.captures.view(uuid)
    if view is None:
        raise NotFound(f"Capture '{uuid[:100]}' not found", hint="GET /api/capture lists them")
    return view


def definition(view: CaptureView) -> Capture:
    """Return what the user defined, without what is computed."""
    return definition_of(view, Capture)


def etag(view: CaptureView) -> str:
    return etag_of(definition(view))


def _answer(view: CaptureView, *, status: int = 200, location: str = "") -> Response[CaptureView]:
    headers = {"ETag": etag(view)} | ({"Location": location} if location else {})
    return Response(content=view, status_code=status, headers=headers)


def _with_expiry(services: Services, capture: Capture, ttl: str | None) -> Capture:
    if ttl is None:
        return capture
    expires_at = services.now_ms() + parse_duration_ms(ttl)
    return msgspec.structs.replace(capture, expires_at=expires_at)


def _check_rights(services: Services, request: AnyRequest, capture: Capture) -> None:
    """Raise Forbidden for a mirror by somebody who may not inject: its packets come out in a network somewhere."""
    if mirrors(capture):
        services.gate.check(principal_of(request.scope), INJECT_WRITE)


def _check_free(view: CaptureView) -> None:
    """Refuse to change what belongs to something else, which would make it anew."""
    if view.owner:
        kind, _, rest = view.owner.partition("/")
        raise Conflict(
            f"the capture belongs to the {kind} {rest.partition('/')[0]}", hint=f"change or delete that {kind} instead"
        )


router = Router(
    "/api/capture",
    route_handlers=[list_captures, get_capture, create_capture, modify_capture, delete_capture, preview_capture],
    tags=["capture"],
)
