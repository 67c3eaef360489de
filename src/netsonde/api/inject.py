# SPDX-License-Identifier: Apache-2.0
"""Injected packets as a resource: /api/injectpacket, and who injected what."""

from typing import Annotated

import msgspec
from litestar import Response, Router, delete, get, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from netsonde.access.rights import INJECT_READ, INJECT_WRITE
from netsonde.api.authorize import who
from netsonde.api.bodies import convert, decode
from netsonde.api.requests import AnyRequest, ServicesDep
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import NotFound
from netsonde.model.injections import AuditRecord, Injection, InjectionView

_SERVER_SET = ("UUID", "CreatedAt", "CreatedBy", "ExpiresAt", "Status")
_OLD = ("TrackingID", "Increment")
"""What old clients send and no server ever read."""

ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the injection deletes itself after it: 90s, 1h30m")
]

Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many records, the latest first")]
Before = Annotated[int, QueryParameter(ge=0, description="only what came before the record of this Number; 0 = all")]


@get("/", right=INJECT_READ, operation_id="listInjections", summary="All injections, by UUID")
async def list_injections(services: ServicesDep) -> dict[str, InjectionView]:
    return {view.uuid: view for view in services.injections.views()}


@get("/audit", right=INJECT_READ, operation_id="listInjectionAudit", summary="Who injected what, the latest first")
async def audit(services: ServicesDep, limit: Limit = 100, before: Before = 0) -> list[AuditRecord]:
    return [*await services.injections.audit(limit, before)]


@get("/{uuid:str}", right=INJECT_READ, operation_id="getInjection", summary="One injection, with loss and latency")
async def get_injection(services: ServicesDep, uuid: FromPath[str]) -> InjectionView:
    return _find(services, uuid)


@post(
    "/",
    right=INJECT_WRITE,
    operation_id="createInjection",
    summary="Inject packets, once; the answer does not wait for them",
)
async def create_injection(
    services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
) -> Response[InjectionView]:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    if isinstance(body, dict):
        # Old clients send null for what they do not set, and for Go that was no value.
        body = {name: value for name, value in body.items() if value is not None}
    injection = convert(body, Injection, ignored=(*_SERVER_SET, *_OLD))
    if resource_ttl is not None:
        expires_at = services.now_ms() + parse_duration_ms(resource_ttl)
        injection = msgspec.structs.replace(injection, expires_at=expires_at)
    view = await services.injections.create(injection, who(request.scope))
    return Response(content=view, status_code=201, headers={"Location": f"/api/injectpacket/{view.uuid}"})


@delete(
    "/{uuid:str}",
    right=INJECT_WRITE,
    operation_id="deleteInjection",
    summary="Stop and delete an injection",
    status_code=200,
)
async def delete_injection(services: ServicesDep, request: AnyRequest, uuid: FromPath[str]) -> Response[bytes]:
    _find(services, uuid)
    await services.injections.delete(uuid, who(request.scope))
    return Response(content=b"", status_code=200, media_type="text/plain")


def _find(services: Services, uuid: str) -> InjectionView:
    view = services.injections.view(uuid)
    if view is None:
        raise NotFound(f"PacketInjection '{uuid[:100]}' not found", hint="GET /api/injectpacket lists them")
    return view


router = Router(
    "/api/injectpacket",
    route_handlers=[list_injections, audit, get_injection, create_injection, delete_injection],
    tags=["injectpacket"],
)
