# SPDX-License-Identifier: Apache-2.0
"""POST to an address that was judged first; redirects are not followed, answers are not read."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from netsonde.errors import SourceLost, UserError
from netsonde.notify.actions import split_url
from netsonde.notify.targets import TargetPolicy

if TYPE_CHECKING:
    import httpx

_LATER: Final = frozenset({408, 425, 429})
"""Refusals that are none for ever."""


class Poster:
    """Sends JSON; one connection a notice, since most receivers hear of us once in a while."""

    def __init__(self, policy: TargetPolicy, timeout: float) -> None:
        self.policy = policy
        self._timeout = timeout
        self._trust = ssl.create_default_context()
        """The certificates that this machine trusts."""

    def check(self, url: str) -> None:
        self.policy.check(split_url(url).hostname or "")

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises SourceLost when it may work later, UserError when it will not."""
        import httpx  # a fifth of a second of each start, and most analyzers never post

        try:
            async with asyncio.timeout(self._timeout):
                status = await self._post(url, body, headers)
        except TimeoutError as late:
            raise SourceLost(f"no answer within {self._timeout:g} s") from late
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as failed:
            raise SourceLost(f"{type(failed).__name__}: {failed}") from failed
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise UserError(f"it answered {status}, and redirects are not followed", hint="name the final address")
        if status >= 500 or status in _LATER:
            raise SourceLost(f"it answered {status}")
        raise UserError(f"it answered {status}")

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._timeout, verify=self._trust)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        import httpx

        split_url(url)
        named = httpx.URL(url)
        # As it is sent: a name may be written in any script.
        host = named.raw_host.decode("ascii")
        port = named.port or (443 if named.scheme == "https" else 80)
        address = await self.policy.resolve(host, port)
        # The address that was judged is the one that is called: a name may lead elsewhere a moment later.
        pinned = named.copy_with(host=address, port=port)
        own = {"Host": named.netloc.decode("ascii"), "Content-Type": "application/json", "User-Agent": "netsonde"}
        sent = {**own, **headers}
        async with (
            self._client() as client,
            client.stream("POST", pinned, content=body, headers=sent, extensions={"sni_hostname": host}) as answer,
        ):
            return answer.status_code
