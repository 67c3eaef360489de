# SPDX-License-Identifier: Apache-2.0
"""The right that each route asks for, declared where the route is: `@get("/", right=CAPTURE_READ, …)`.

A route without one stops the program when the application is made; `tests/unit/api/test_authorization.py` walks them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from netsonde.access.gate import Credentials, Gate, Principal, Refused, TooManyAttempts
from netsonde.access.rights import PUBLIC, Right
from netsonde.api.asgi import App, Receive, Scope, Send, refuse
from netsonde.api.credentials import address_of, credentials_of
from netsonde.api.errors import as_text, headers_for, problem_of
from netsonde.api.inside import CALLER
from netsonde.errors import SourceLost
from netsonde.model.workflows import Caller

LOGIN_HINT = "`netsonde login`, the page at /, or a token: `Authorization: Bearer TOKEN`"
_PRINCIPAL = "netsonde.principal"


class Declared(NamedTuple):
    """A route of the application and its right."""

    method: str
    """An HTTP method, or "" for a WebSocket."""
    path: str
    right: Right


def guard(gate: Gate) -> Any:
    """Return Litestar's guard of every HTTP route."""

    async def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        scope: Any = connection.scope
        if scope["type"] == "http":
            # Litestar answers OPTIONS itself, with the methods of the path and nothing else.
            right = PUBLIC if scope["method"] == "OPTIONS" else right_of(handler)
            if right != PUBLIC:
                scope["state"][_PRINCIPAL] = await admitted(gate, scope, right)

    return authorize


async def admitted(gate: Gate, scope: Scope, right: Right) -> Principal:
    """Return who makes a request that needs a right. Raises Refused, Forbidden, TooManyAttempts, SourceLost."""
    principal = await identified(gate, scope)
    if principal is None:
        raise Refused("this needs a login", hint=LOGIN_HINT)
    gate.check(principal, right)
    return principal


async def identified(gate: Gate, scope: Scope) -> Principal | None:
    """Return who makes a request, None when it does not say."""
    inside: Caller | None = scope.get(CALLER)
    if inside is not None and inside.on_behalf:
        owner = gate.acting_for(inside.name)
        if owner is None:
            raise Refused(
                f"there is no {inside.name[:100]!r} for whom this could act",
                hint="what is triggered acts for a user with a password or for an API token: let one create it anew",
            )
        return owner
    return await gate.identify(credentials_of(scope), address_of(scope))


def principal_of(scope: Any) -> Principal:
    """Return who makes the request that a handler answers; for routes with a right."""
    found: Principal = scope["state"][_PRINCIPAL]
    return found


def who(scope: Any) -> str:
    """Return whom an audit names: the user, and from where."""
    name, address = principal_of(scope).name, address_of(scope)
    return f"{name} ({address})" if name else address


class Gated:
    """A WebSocket endpoint behind its right; refuses in words, before the upgrade."""

    def __init__(self, app: App, gate: Gate, right: Right) -> None:
        self._app = app
        self._gate = gate
        self._right = right

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            principal = await admitted(self._gate, scope, self._right)
        except Exception as refused:
            problem = problem_of(refused, scope["path"])
            if scope["type"] == "websocket":
                await receive()
            await refuse(scope, send, problem.status, as_text(problem), headers_for(refused, problem.status))
            return
        scope.setdefault("state", {})[_PRINCIPAL] = principal
        await self._app(scope, receive, send)


class Stay(NamedTuple):
    """A long connection: who came, with what, and what is needed to stay."""

    gate: Gate
    given: Credentials
    principal: Principal
    right: Right

    @classmethod
    def of(cls, gate: Gate, scope: Scope, right: Right) -> "Stay":
        return cls(gate, credentials_of(scope), principal_of(scope), right)

    async def may_go_on(self) -> bool:
        """Tell whether the user is still let in and still has the rights that the connection was opened with."""
        try:
            now = await self.gate.still(self.given, self.principal)
        except (SourceLost, TooManyAttempts):
            return True  # nobody can say now; the next look will
        if now is None or not self.gate.allows(now, self.right):
            return False
        return self.gate.policy.rights(self.principal.roles) <= self.gate.policy.rights(now.roles)


def right_of(handler: Any) -> Right:
    """Return the declared right; raises LookupError that says how to declare one."""
    right = handler.opt.get("right")
    if not isinstance(right, Right):
        raise LookupError(
            f"the route {sorted(handler.paths)} ({handler.handler_name}) declares no right: add `right=…` to its "
            "decorator (or to `mount`), with a constant of netsonde/access/rights.py: "
            '@get("/", right=CAPTURE_READ, …). PUBLIC is for what says nothing about the network'
        )
    return right


def declared(app: Litestar) -> list[Declared]:
    """Return every route with its right; raises LookupError for one without."""
    found: list[Declared] = []
    for route in app.routes:
        for handler in _handlers(route):
            methods = getattr(handler, "http_methods", {""}) - {"OPTIONS"}
            found += [Declared(method, route.path, right_of(handler)) for method in sorted(methods)]
    return sorted(found)


def _handlers(route: Any) -> Iterable[Any]:
    return route.route_handlers if hasattr(route, "route_handlers") else [route.route_handler]
