# SPDX-License-Identifier: Apache-2.0
"""Requests that the analyzer makes of its own API, for scripts: the same routes, checks and rights as from outside.

A request carries the headers with which the caller of the script said who it is. One that a trigger makes has none; it
carries `netsonde.caller` in its scope instead, which nothing from the network can set.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from netsonde.api.asgi import App, Message
from netsonde.errors import UserError
from netsonde.model.workflows import Caller
from netsonde.scripts.host import Answer

CALLER: Final = "netsonde.caller"
"""Key of the scope under which a request made inside says who it is made for: a `Caller`."""
CREDENTIALS: Final = ("authorization", "cookie", "x-auth-token")
_HEADERS: Final = ("accept", "content-type", "if-match", "prefer", "x-resource-ttl")
"""Headers that a script may set."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_MOST: Final = 4 * 1024 * 1024
"""Bytes of an answer."""


class InsideApi:
    """Answers scripts once the application is there."""

    def __init__(self) -> None:
        self._app: App | None = None

    def bind(self, app: App) -> None:
        self._app = app

    async def send(self, caller: Caller, method: str, path: str, body: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a request; one that cannot be made is answered with 400."""
        if self._app is None:
            return Answer(503, "the API is not served yet")
        try:
            scope = _scope(caller, method, path, body, headers)
        except UserError as wrong:
            return Answer(400, str(wrong))
        exchange = _Exchange(body.encode())
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(_run(self._app, scope, exchange), name=f"inside {method} {path[:80]}")
            await exchange.over.wait()
            # An answer that never ends, such as packets that are followed, is ended by us.
            answering.cancel()
        return exchange.answer()


async def _run(app: App, scope: dict[str, Any], exchange: "_Exchange") -> None:
    try:
        await app(scope, exchange.receive, exchange.send)
    finally:
        exchange.over.set()


class _Exchange:
    """One request and its answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 500
        self._answer = bytearray()
        self.over = asyncio.Event()

    async def receive(self) -> Message:
        if self._body is None:
            await self.over.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        self._answer += message.get("body", b"")
        if len(self._answer) > _MOST or not message.get("more_body", False):
            self.over.set()

    def answer(self) -> Answer:
        if len(self._answer) > _MOST:
            return Answer(413, f"the answer has more than {_MOST} bytes: ask for less")
        return Answer(self._status, self._answer.decode(errors="replace"))


def _scope(caller: Caller, method: str, target: str, body: str, given: Mapping[str, str]) -> dict[str, Any]:
    if method not in _METHODS:
        raise UserError(f"there is no method {method[:20]!r}", hint=f"known: {', '.join(_METHODS)}")
    try:
        url = urlsplit(target)
    except ValueError as bad:
        raise UserError(f"{target[:80]!r} is no path: {bad}", hint="write the path: /api/…") from bad
    if url.scheme or url.netloc or not url.path.startswith("/"):
        raise UserError(f"scripts ask this server only, {target[:80]!r} is another", hint="write the path: /api/…")
    kind = "application/merge-patch+json" if method == "PATCH" and body.lstrip().startswith("{") else "application/json"
    own = {"host": "localhost", "content-length": str(len(body.encode()))}
    wanted = {name: value for name, value in given.items() if name in _HEADERS}
    for name, value in wanted.items():
        if not value.isascii() or not value.isprintable():
            raise UserError(f"the header {name} cannot be {value[:80]!r}", hint="headers are printable ASCII")
    headers = [*({"content-type": kind} | wanted | own).items(), *caller.credentials]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": (caller.name or "workflow", 0),
        "server": ("localhost", 80),
        "state": {},
        CALLER: caller,
    }
