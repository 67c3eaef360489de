# SPDX-License-Identifier: Apache-2.0
"""Carries calls over httpx, for asyncio. It is imported when the first asyncio client is made, not before."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeVar

from netsonde.client.call import Answer, Call
from netsonde.client.errors import NoServer, error_of
from netsonde.client.http import START_HINT
from netsonde.client.server import Server, tls

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_CHUNK = 64 * 1024


class Carrier(Protocol):
    """What carries calls; `AsyncHttp` is one."""

    async def send(self, call: Call[T]) -> T: ...
    def stream(self, call: Call[T], timeout: float | None = None) -> AsyncIterator[bytes]: ...
    async def close(self) -> None: ...


class AsyncHttp:
    """One server. `timeout` (seconds) bounds connecting and each wait for more of an answer."""

    def __init__(
        self,
        server: Server,
        timeout: float = 60.0,
        headers: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        import httpx

        self.server = server
        self._timeout = timeout
        self._lost = (httpx.TransportError,)
        self._refused = (httpx.ConnectError, httpx.ConnectTimeout)
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._http = httpx.AsyncClient(
            base_url=f"{server.scheme}://{host}:{server.port}",
            headers=dict(headers or {}),
            timeout=timeout,
            # Without TLS an empty context: it would trust nobody, and costs nothing to make.
            verify=tls(server, context) or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            trust_env=False,
        )

    async def send(self, call: Call[T]) -> T:
        """Return the read answer; raises UserError for one that is no success."""
        try:
            response = await self._http.send(self._request(call))
        except self._lost as lost:
            raise self._away(lost) from lost
        self._check(response, response.content if response.status_code >= 300 else b"")
        return call.decode(Answer(response.status_code, response.headers, response.content))

    async def stream(self, call: Call[T], timeout: float | None = None) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; without a timeout for as long as the server sends."""
        request = self._request(call)
        request.extensions["timeout"] = {
            "connect": self._timeout,
            "read": timeout,
            "write": self._timeout,
            "pool": self._timeout,
        }
        try:
            response = await self._http.send(request, stream=True)
        except self._lost as lost:
            raise self._away(lost) from lost
        try:
            self._check(response, await response.aread() if response.status_code >= 300 else b"")
            async for chunk in response.aiter_raw():
                yield chunk
        except self._lost as lost:
            raise self._away(lost) from lost
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._http.aclose()

    def _request(self, call: Call[T]) -> "httpx.Request":
        body = call.body
        content = body if body is None or isinstance(body, bytes) else _read(body)
        # Nothing is compressed between programs of one site, and what is followed must not wait for a full block.
        headers = {"Accept": call.accept, "Accept-Encoding": "identity", **call.headers}
        path = self.server.prefix + call.path
        return self._http.build_request(call.method, path, content=content, headers=headers)

    def _check(self, response: "httpx.Response", body: bytes) -> None:
        if not 200 <= response.status_code < 300:
            kind = response.headers.get("content-type", "")
            raise error_of(response.status_code, kind, body, self.server.url)

    def _away(self, lost: Exception) -> NoServer:
        if isinstance(lost, self._refused):
            return NoServer(f"no server answers at {self.server.url}: {lost}", hint=START_HINT)
        return NoServer(f"the server at {self.server.url} went away: {lost or type(lost).__name__}")


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk
