# SPDX-License-Identifier: Apache-2.0
"""Answers OPTIONS with every method of a path: Litestar names only those that it knew of when it made the answer."""

from collections.abc import Iterable

from litestar.routes import BaseRoute

from netsonde.api.asgi import App, Message, Receive, Scope, Send


class Allow:
    """ASGI middleware below the routing."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        methods = _methods(scope["litestar_app"].routes, scope.get("path_template", ""))

        async def send_with_methods(message: Message) -> None:
            if methods and message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name.lower() != b"allow"]
                message["headers"] = [*others, (b"allow", methods)]
            await send(message)

        await self._app(scope, receive, send_with_methods)


def _methods(routes: Iterable[BaseRoute], path: str) -> bytes:
    found = {method for route in routes if route.path_format == path for method in getattr(route, "methods", ())}
    return ", ".join(sorted(found)).encode()
