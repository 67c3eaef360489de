# SPDX-License-Identifier: Apache-2.0
"""Refuses requests that a foreign web page makes a browser send: DNS rebinding and cross-site calls.

The Host header must name this server (else a page whose name was rebound to 127.0.0.1 could read everything), and a
browser's Origin must be this server or an allowed one for WebSockets and for methods that change something.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from netsonde.api.asgi import App, Receive, Scope, Send, headers_of, refuse
from netsonde.api.settings import ApiSettings, is_loopback

_SAFE = {"GET", "HEAD", "OPTIONS"}


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: App, settings: ApiSettings) -> None:
        self._app = app
        self._hosts = {name.lower() for name in (*settings.allowed_hosts, settings.host)}
        self._origins = {origin.rstrip("/").lower() for origin in settings.allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, headers_of(scope))
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, text = refusal
        await refuse(scope, send, status, text)

    def _refusal(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if not self._is_ours(host):
            return 421, (
                f"this server does not answer for {host[:100]!r}\n"
                "hint: call it by its address, or add the name to the setting allowed_hosts\n"
            )
        unsafe = scope["type"] == "websocket" or scope.get("method") not in _SAFE
        origin = headers.get("origin")
        if unsafe and origin is not None and not self._may_call(origin.lower(), host):
            return 403, (
                f"pages of {origin[:100]!r} may not call this server\n"
                "hint: add the origin to the setting allowed_origins\n"
            )
        return None

    def _is_ours(self, host: str) -> bool:
        """Tell whether a Host header means this server; HTTP/1.0 clients send none."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return not host or is_loopback(name) or name in self._hosts

    def _may_call(self, origin: str, host: str) -> bool:
        return origin in self._origins or origin.partition("://")[2] == host
