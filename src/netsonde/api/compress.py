# SPDX-License-Identifier: Apache-2.0
"""gzip for whole answers: large ones in a thread, so that one big download does not stop the event loop.

Streams (packets, exports) and what is compressed already pass through untouched.
"""

import asyncio
import gzip

from netsonde.api.asgi import App, Message, Receive, Scope, Send, headers_of

_LEAST = 1024
_IN_THREAD = 64 * 1024
_LEVEL = 1
"""The fastest: on a loopback or a LAN more effort costs more time than it saves."""
_TYPES = (b"text/", b"application/json", b"application/javascript", b"application/problem+json", b"image/svg+xml")


class Gzip:
    """ASGI middleware that compresses single-part answers of text and JSON."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _accepts_gzip(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                begun, start = start, None
                body = message.get("body", b"") if message["type"] == "http.response.body" else b""
                if not message.get("more_body") and isinstance(body, bytes) and _worthwhile(begun, body):
                    packed = await _pack(body)
                    message = {"type": "http.response.body", "body": packed, "more_body": False}
                    begun = _announced(begun, len(packed))
                await send(begun)
            await send(message)

        await self._app(scope, receive, compressing)


def _accepts_gzip(scope: Scope) -> bool:
    for part in headers_of(scope).get("accept-encoding", "").split(","):
        coding, _, q = part.strip().partition(";")
        if coding.lower() == "gzip":
            return q.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _worthwhile(start: Message, body: bytes) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    return (
        len(body) >= _LEAST
        and b"content-encoding" not in headers
        and headers.get(b"content-type", b"").startswith(_TYPES)
    )


async def _pack(body: bytes) -> bytes:
    if len(body) < _IN_THREAD:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)


def _announced(start: Message, length: int) -> Message:
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    headers += [
        (b"content-encoding", b"gzip"),
        (b"vary", b"accept-encoding"),
        (b"content-length", str(length).encode()),
    ]
    return {**start, "headers": headers}
