# SPDX-License-Identifier: Apache-2.0
"""Logging in and out, and who one is: /login, /logout, /api/whoami."""

import base64
from urllib.parse import parse_qs

import msgspec
from litestar import Response, Router, get, post
from litestar.datastructures import Cookie

from netsonde.access.gate import Gate, Principal, Refused
from netsonde.access.rights import PUBLIC
from netsonde.api.authorize import identified
from netsonde.api.credentials import COOKIE, address_of, credentials_of
from netsonde.api.requests import AnyRequest, ServicesDep, json_response, scope_of
from netsonde.api.services import Services
from netsonde.errors import UserError

_LONGEST_BODY = 16 * 1024
"""Bytes. Whoever reaches the server may send them; what is too long is refused before it is in memory."""


class Allowed(msgspec.Struct, frozen=True, rename="pascal"):
    """One thing that the user may or may not do."""

    object: str
    action: str
    allowed: bool


class Login(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to a login; the token is "" where nobody has to log in."""

    token: str
    permissions: list[Allowed]


class LoggedOut(msgspec.Struct, frozen=True):
    """Answer to a logout: an object without members."""


class WhoAmI(msgspec.Struct, frozen=True, rename="pascal"):
    """Who makes the request; `User` is "" for nobody, and where nobody has to log in."""

    login_required: bool
    user: str
    backend: str
    roles: list[str]
    permissions: list[Allowed]


@post(
    "/login",
    right=PUBLIC,
    operation_id="login",
    summary="Log in with name and password, or a token",
    status_code=200,
    request_max_body_size=_LONGEST_BODY,
)
async def login(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    """Open a session; old clients log in whenever they are given a name, and read the rights from a cookie."""
    user, password = _form(await request.body(), request.headers.get("content-type", ""))
    if services.gate.login_required and not (user or password):
        raise UserError("no name and password were sent", hint="send a form with username and password")
    principal, token = await services.gate.login(user, password, address_of(scope_of(request)))
    permissions = _permissions(services.gate, principal)
    listed = base64.b64encode(msgspec.json.encode(permissions)).decode()
    # By hand, since Litestar would put the value in quotes, which scripts of old pages do not expect.
    headers = {"Set-Cookie": f"permissions={listed}; Path=/; SameSite=Lax", "Cache-Control": "no-store"}
    answer = json_response(Login(token, permissions), headers=headers)
    if token:
        age = int(services.gate.settings.session_hours * 3600)
        answer.set_cookie(_cookie(services, request, COOKIE, token, age))
    return answer


@post("/logout", right=PUBLIC, operation_id="logout", summary="End the session of this request", status_code=200)
async def logout(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    given = credentials_of(scope_of(request))
    if given.token:
        await services.gate.logout(given.token)
    answer = json_response(LoggedOut())
    for name in (COOKIE, "permissions"):
        answer.set_cookie(_cookie(services, request, name, "", 0))
    return answer


@get("/api/whoami", right=PUBLIC, operation_id="whoAmI", summary="Who makes this request, and what that user may do")
async def whoami(services: ServicesDep, request: AnyRequest) -> Response[bytes]:
    gate = services.gate
    try:
        principal = await identified(gate, scope_of(request))
    except Refused:
        # A page whose session is over asks this to know that it has to log in.
        principal = None
    if principal is None:
        return json_response(WhoAmI(gate.login_required, "", "", [], []))
    roles = sorted(principal.roles)
    told = WhoAmI(gate.login_required, principal.name, principal.backend, roles, _permissions(gate, principal))
    return json_response(told, headers={"Cache-Control": "no-store"})


def _permissions(gate: Gate, principal: Principal) -> list[Allowed]:
    return [Allowed(right.object, right.action, allowed) for right, allowed in gate.rights(principal)]


def _form(body: bytes, kind: str) -> tuple[str, str]:
    """Return name and password of a form, or of JSON for who prefers that."""
    try:
        if "json" in kind:
            given = msgspec.json.decode(body, type=dict[str, str])
            return given.get("username", ""), given.get("password", "")
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except (msgspec.DecodeError, ValueError) as bad:
        raise UserError("the login is not understood", hint="send a form with username and password") from bad
    return fields.get("username", [""])[0], fields.get("password", [""])[0]


def _cookie(services: Services, request: AnyRequest, name: str, value: str, age: int) -> Cookie:
    """Return a cookie that no script and no other site's page can use. `age` is in seconds; 0 deletes it."""
    secure = services.settings.tls_by_proxy or scope_of(request)["scheme"] == "https"
    return Cookie(name, value=value, path="/", max_age=age, httponly=True, samesite="lax", secure=secure)


router = Router("/", route_handlers=[login, logout, whoami], tags=["access"])
