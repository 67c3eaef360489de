# SPDX-License-Identifier: Apache-2.0
"""Alerts as a resource: /api/alert, their history, and what one would have done."""

from typing import Annotated

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter, QueryParameter

from netsonde.access.rights import ALERT_READ, ALERT_WRITE
from netsonde.alerts.definitions import actions_of
from netsonde.api.bodies import convert, decode
from netsonde.api.editing import check_match, definition_of, etag_of, patched
from netsonde.api.lending import check_actions, signed
from netsonde.api.requests import AnyRequest, ServicesDep
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.model.alerts import Alert, AlertView, Rehearsal, Transition

_FIXED = ("UUID", "CreateTime", "CreatedBy")
_COMPUTED = ("State", "Since", "Summary", "Fired", "Problem", "Undelivered")
_TRIES = 3
_LISTED = 100
_DAY_MS = 86_400_000

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag that the alert must still have")]
ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the alert deletes itself after it: 90s, 1h30m")
]
Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many transitions, the newest first")]


class DryRun(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of a dry run."""

    alert: Alert
    from_: int = msgspec.field(name="From", default=0)
    """Unix ms; 0 = a day before the end."""
    to: int = 0
    """Unix ms; 0 = now."""
    step: int = 0
    """Milliseconds between two looks; 0 = a two-hundredth of the time, a second at least."""


@get("/", right=ALERT_READ, operation_id="listAlerts", summary="All alerts, by UUID, with their states")
async def list_alerts(services: ServicesDep) -> dict[str, AlertView]:
    return {view.uuid: view for view in services.alerts.views()}


@get("/{uuid:str}", right=ALERT_READ, operation_id="getAlert", summary="One alert")
async def get_alert(services: ServicesDep, uuid: FromPath[str]) -> Response[AlertView]:
    return _answer(_find(services, uuid))


@get(
    "/{uuid:str}/history",
    right=ALERT_READ,
    operation_id="getAlertHistory",
    summary="The states of an alert, the newest first",
)
async def get_history(services: ServicesDep, uuid: FromPath[str], limit: Limit = _LISTED) -> list[Transition]:
    _find(services, uuid)
    return [*services.alerts.history(uuid)[:limit]]


@post(
    "/",
    right=ALERT_WRITE,
    operation_id="createAlert",
    summary="Create an alert; its expression and actions are checked first",
)
async def create_alert(
    services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
) -> Response[AlertView]:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    alert = convert(body, Alert, ignored=("UUID", "CreatedBy", "ExpiresAt", *_COMPUTED))
    check_actions(services, request, actions_of(alert))
    view = await services.alerts.create(signed(request, _with_expiry(services, alert, resource_ttl)))
    return _answer(view, status=201, location=f"/api/alert/{view.uuid}")


@post(
    "/test",
    right=ALERT_WRITE,
    operation_id="testAlert",
    summary="Dry run over history: what an alert would have done",
    status_code=200,
)
async def rehearse_alert(services: ServicesDep, request: AnyRequest) -> Rehearsal:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    if not isinstance(body, dict) or not isinstance(body.get("Alert"), dict):
        raise UserError("the body has no Alert", hint='send {"Alert": {"Expression": "G.V()…"}, "From": …, "To": …}')
    alert = convert(body["Alert"], Alert, ignored=("UUID", "CreatedBy", "ExpiresAt", *_COMPUTED))
    wanted = convert({**body, "Alert": msgspec.to_builtins(alert)}, DryRun)
    end = wanted.to or services.now_ms()
    return await services.alerts.rehearse(wanted.alert, wanted.from_ or end - _DAY_MS, end, wanted.step)


@patch(
    "/{uuid:str}", right=ALERT_WRITE, operation_id="modifyAlert", summary="Change an alert by JSON Patch or merge patch"
)
async def modify_alert(
    services: ServicesDep,
    request: AnyRequest,
    uuid: FromPath[str],
    if_match: IfMatch = None,
    resource_ttl: ResourceTtl = None,
) -> Response[AlertView]:
    _find(services, uuid)
    change = decode(await request.body(), request.headers.get("content-type", ""))
    for attempt in range(_TRIES):
        view = _find(services, uuid)
        previous = definition_of(view, Alert)
        check_match(previous, if_match, "alert")
        wanted = _with_expiry(services, patched(previous, change, fixed=_FIXED, ignored=_COMPUTED), resource_ttl)
        if wanted == previous:
            return _answer(view)
        if wanted != msgspec.structs.replace(previous, muted_until=wanted.muted_until):
            check_actions(services, request, actions_of(wanted))
            wanted = signed(request, wanted)
        # Who mutes an alert does not make it their own: what it calls goes on acting for who wrote it.
        try:
            return _answer(await services.alerts.replace(previous, wanted))
        except Conflict:
            # Somebody else changed it between our read and our write: the patch applies to what is there now.
            current = services.alerts.view(uuid)
            if attempt == _TRIES - 1 or current is None or definition_of(current, Alert) == previous:
                raise
    raise AssertionError("the last try returns or raises")


@delete(
    "/{uuid:str}",
    right=ALERT_WRITE,
    operation_id="deleteAlert",
    summary="Delete an alert and its history",
    status_code=200,
)
async def delete_alert(services: ServicesDep, uuid: FromPath[str], if_match: IfMatch = None) -> Response[bytes]:
    check_match(definition_of(_find(services, uuid), Alert), if_match, "alert")
    await services.alerts.delete(uuid)
    return Response(content=b"", status_code=200, media_type="text/plain")


def _find(services: Services, uuid: str) -> AlertView:
    view = services.alerts.view(uuid)
    if view is None:
        raise NotFound(f"Alert '{uuid[:100]}' not found", hint="GET /api/alert lists them")
    return view


def _answer(view: AlertView, *, status: int = 200, location: str = "") -> Response[AlertView]:
    headers = {"ETag": etag_of(definition_of(view, Alert))} | ({"Location": location} if location else {})
    return Response(content=view, status_code=status, headers=headers)


def _with_expiry(services: Services, alert: Alert, ttl: str | None) -> Alert:
    if ttl is None:
        return alert
    return msgspec.structs.replace(alert, expires_at=services.now_ms() + parse_duration_ms(ttl))


router = Router(
    "/api/alert",
    route_handlers=[list_alerts, get_alert, get_history, create_alert, rehearse_alert, modify_alert, delete_alert],
    tags=["alert"],
)
