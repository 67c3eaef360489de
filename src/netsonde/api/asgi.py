# SPDX-License-Identifier: Apache-2.0
"""The types of plain ASGI, for what sits below Litestar's handlers: middleware and WebSockets."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from litestar.handlers import ASGIRouteHandler
from litestar.middleware.base import DefineMiddleware

from netsonde.access.rights import Right

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers by lower-case name; repeated ones joined by commas (RFC 9110 §5.2)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


async def refuse(
    scope: Scope, send: Send, status: int, text: str, more_headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error text before anything else was sent, also to a WebSocket that is not yet open."""
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
        *((name.lower().encode(), value.encode()) for name, value in (more_headers or {}).items()),
    ]
    await send({"type": f"{prefix}.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body, "more_body": False})


def middleware(kind: Any, **arguments: object) -> DefineMiddleware:
    """Return plain ASGI middleware for Litestar, whose scopes are TypedDicts: the same at run time."""
    return DefineMiddleware(kind, **arguments)


def mount(path: str, app: App, *, right: Right) -> ASGIRouteHandler:
    """Return a plain ASGI application as a route of Litestar, which wants a function with these very names.

    `right` is only declared here; `authorize.Gated` around the application enforces it.
    """

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return ASGIRouteHandler(path, copy_scope=False, right=right)(handle)
