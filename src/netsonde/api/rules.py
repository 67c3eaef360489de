# SPDX-License-Identifier: Apache-2.0
"""Rules as resources: /api/noderule and /api/edgerule, and what a rule would do."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, HeaderParameter

from netsonde.access.rights import EDGE_RULE_READ, EDGE_RULE_WRITE, NODE_RULE_READ, NODE_RULE_WRITE, Right
from netsonde.api.bodies import convert, decode
from netsonde.api.editing import check_match, definition_of, etag_of, patched
from netsonde.api.requests import AnyRequest, ServicesDep, json_response
from netsonde.api.resources import Rules
from netsonde.api.services import Services
from netsonde.api.ttl import parse_duration_ms
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.model.elements import Json
from netsonde.model.rules import EdgeRule, NodeRule, Rule
from netsonde.schema import problems

_FIXED = ("UUID", "CreatedAt")
_COMPUTED = ("Count", "Reason")
_TRIES = 3

IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag that the rule must still have")]
ResourceTtl = Annotated[
    str | None, HeaderParameter(name="X-Resource-TTL", description="the rule and what it did go after it: 90s, 1h30m")
]
Pick = Callable[[Services], Rules[Any, Any]]


def _router(path: str, noun: str, kind: type[Rule], pick: Pick, *, reads: Right, writes: Right) -> Router:
    """Return the routes of one kind of rule; `noun` as in operation ids, NodeRule or EdgeRule."""

    @get("/", right=reads, operation_id=f"list{noun}s", summary=f"All {path[5:]}s, by UUID")
    async def list_rules(services: ServicesDep) -> Response[bytes]:
        return json_response({view.uuid: view for view in pick(services).views()})

    @get("/{uuid:str}", right=reads, operation_id=f"get{noun}", summary=f"One {path[5:]}")
    async def get_rule(services: ServicesDep, uuid: FromPath[str]) -> Response[bytes]:
        return _answer(_find(services, uuid), kind)

    @post(
        "/",
        right=writes,
        operation_id=f"create{noun}",
        summary="Create a rule; it works at once, and on what appears later",
    )
    async def create_rule(
        services: ServicesDep, request: AnyRequest, resource_ttl: ResourceTtl = None
    ) -> Response[bytes]:
        rule = _with_expiry(services, await _rule_in(request, kind), resource_ttl)
        view = await pick(services).create(rule)
        return _answer(view, kind, status=201, location=f"{path}/{view.uuid}")

    @patch(
        "/{uuid:str}", right=writes, operation_id=f"modify{noun}", summary="Change a rule by JSON Patch or merge patch"
    )
    async def modify_rule(
        services: ServicesDep,
        request: AnyRequest,
        uuid: FromPath[str],
        if_match: IfMatch = None,
        resource_ttl: ResourceTtl = None,
    ) -> Response[bytes]:
        change = decode(await request.body(), request.headers.get("content-type", ""))
        return await _insist(lambda: _change(services, uuid, change, if_match, resource_ttl))

    @delete(
        "/{uuid:str}",
        right=writes,
        operation_id=f"delete{noun}",
        summary="Delete a rule and take back what it did",
        status_code=200,
    )
    async def delete_rule(services: ServicesDep, uuid: FromPath[str], if_match: IfMatch = None) -> Response[bytes]:
        check_match(definition_of(_find(services, uuid), kind), if_match, "rule")
        await pick(services).delete(uuid)
        return Response(content=b"", status_code=200, media_type="text/plain")

    @post("/preview", right=writes, operation_id=f"preview{noun}", summary="What a rule would do now", status_code=200)
    async def preview_rule(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
        return json_response(await pick(services).preview(await _rule_in(request, kind)))

    async def _change(
        services: Services, uuid: str, change: Json, if_match: str | None, ttl: str | None
    ) -> Response[bytes]:
        view = _find(services, uuid)
        previous = definition_of(view, kind)
        check_match(previous, if_match, "rule")
        wanted = _with_expiry(services, patched(previous, change, fixed=_FIXED, ignored=_COMPUTED), ttl)
        if wanted == previous:
            return _answer(view, kind)
        _check_keys(wanted)
        return _answer(await pick(services).replace(previous, wanted), kind)

    def _find(services: Services, uuid: str) -> Any:
        view = pick(services).view(uuid)
        if view is None:
            raise NotFound(f"{noun} '{uuid[:100]}' not found", hint=f"GET {path} lists them")
        return view

    handlers = [list_rules, get_rule, create_rule, modify_rule, delete_rule, preview_rule]
    return Router(path, route_handlers=handlers, tags=["rules"])


async def _insist(work: Callable[[], Awaitable[Response[bytes]]]) -> Response[bytes]:
    """Do what reads and then writes; again when somebody else wrote between the two."""
    for _ in range(_TRIES - 1):
        try:
            return await work()
        except Conflict:
            continue
    return await work()


async def _rule_in(request: AnyRequest, kind: type[Rule]) -> Rule:
    body = decode(await request.body(), request.headers.get("content-type", ""))
    if isinstance(body, dict):
        # Clients of the reference send null for what they do not say.
        body = {name: value for name, value in body.items() if value is not None}
    rule = convert(body, kind, ignored=(*_FIXED, "ExpiresAt", *_COMPUTED))
    _check_keys(rule)
    return rule


def _check_keys(rule: NodeRule | EdgeRule) -> None:
    """Refuse metadata of types that readers of known keys do not expect."""
    is_node = isinstance(rule, NodeRule)
    # An update says only some of a node's metadata.
    made = {"Name": "x", "Type": "x"} if isinstance(rule, NodeRule) and rule.action == "update" else {}
    found = problems({**made, **rule.metadata}, "node" if is_node else "edge")
    if found:
        place = f"Metadata.{found[0].path}" if found[0].path else "Metadata"
        raise UserError(f"{place}: {found[0].message}", hint=found[0].hint)


def _answer(view: Any, kind: type[Rule], *, status: int = 200, location: str = "") -> Response[bytes]:
    headers = {"ETag": etag_of(definition_of(view, kind))} | ({"Location": location} if location else {})
    return json_response(view, status=status, headers=headers)


def _with_expiry(services: Services, rule: Rule, ttl: str | None) -> Rule:
    if ttl is None:
        return rule
    return msgspec.structs.replace(rule, expires_at=services.now_ms() + parse_duration_ms(ttl))


routers = (
    _router(
        *("/api/noderule", "NodeRule", NodeRule, lambda services: services.node_rules),
        reads=NODE_RULE_READ,
        writes=NODE_RULE_WRITE,
    ),
    _router(
        *("/api/edgerule", "EdgeRule", EdgeRule, lambda services: services.edge_rules),
        reads=EDGE_RULE_READ,
        writes=EDGE_RULE_WRITE,
    ),
)
