# SPDX-License-Identifier: Apache-2.0
"""One container engine: the version of its API that both sides know, its answers decoded, its events as lines."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar
from urllib.parse import quote

from netsonde.errors import SourceLost, WireError
from netsonde.probes.docker.api import Version, common_version, decode
from netsonde.probes.unix_http import Answer, UnixHttp

T = TypeVar("T")

EVENT_TYPES: Final = '{"type":["container","network"]}'


class Engine:
    """Asks one engine; `meet` comes first."""

    def __init__(self, socket: str, timeout: float) -> None:
        self._http = UnixHttp(socket, timeout)
        self._prefix = ""

    async def meet(self) -> Version:
        """Agree on a version of the API and return who the engine is."""
        version = decode((await self._ok("/version")).body, Version)
        self._prefix = f"/v{common_version(version.api_version)}"
        return version

    async def ping(self) -> None:
        """Return when the engine answers; SourceLost when it does not in time."""
        await self._ok("/_ping")

    def events(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Give the events from now on, one JSON text each."""
        return self._http.lines(f"{self._prefix}/events?filters={quote(EVENT_TYPES)}")

    async def get(self, path: str, kind: type[T]) -> T:
        return decode((await self._ok(self._prefix + path)).body, kind)

    async def find(self, path: str, kind: type[T]) -> T | None:
        """Return the answer, None when there is no such thing; WireError when the engine cannot tell."""
        answer = await self._http.get(self._prefix + path)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise WireError(_refused(path, answer))
        return decode(answer.body, kind)

    async def _ok(self, target: str) -> Answer:
        answer = await self._http.get(target)
        if answer.status != 200:
            raise SourceLost(_refused(target, answer))
        return answer


def _refused(target: str, answer: Answer) -> str:
    return f"{target} was answered with status {answer.status}: {answer.body[:80]!r}"
