# SPDX-License-Identifier: Apache-2.0
"""Users that a Keystone knows: OpenStack Identity API v3, `POST` and `GET /v3/auth/tokens`.

A password becomes a token scoped to one project; a token that somebody brings is shown to Keystone, which is
believed for a short time. Only tokens of the one project count: a token of another has another project's roles.
"""

import asyncio
import hashlib
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from netsonde.access.settings import KeystoneSettings
from netsonde.errors import SourceLost, UserError

if TYPE_CHECKING:
    import httpx

_MOST_KEPT: Final = 10_000
_LONGEST_TOKEN: Final = 8192


class KeystoneUser(NamedTuple):
    """Whom Keystone names; `roles` are those of Keystone, `expires` is Unix s."""

    name: str
    roles: frozenset[str]
    expires: float
    token: str


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _InDomain(msgspec.Struct, frozen=True):
    name: str = ""
    domain: _Named = _Named()


class _Token(msgspec.Struct, frozen=True):
    user: _InDomain
    expires_at: str
    project: _InDomain | None = None
    roles: tuple[_Named, ...] = ()


class _Answer(msgspec.Struct, frozen=True):
    token: _Token


class Keystone:
    """Asks one Keystone. `now_s` is Unix time. Methods return None for who is refused, and raise SourceLost."""

    def __init__(self, settings: KeystoneSettings, now_s: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now_s
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._seen: OrderedDict[str, tuple[float, KeystoneUser | None]] = OrderedDict()

    async def login(self, user: str, password: str) -> KeystoneUser | None:
        settings = self._settings
        asked = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {"name": user, "domain": {"name": settings.user_domain}, "password": password}
                    },
                },
                "scope": {"project": {"name": settings.project, "domain": {"name": settings.project_domain}}},
            }
        }
        found = await self._ask("POST", asked, {})
        if found is not None:
            self._remember(found.token, found)
        return found

    async def validate(self, token: str) -> KeystoneUser | None:
        """Return whose token it is; an answer of the last seconds is used again."""
        if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            return None
        asked_at, found = self._seen.get(_key(token), (float("-inf"), None))
        # A clock that was set back must not make an answer last longer.
        if not 0 <= self._now() - asked_at <= self._settings.cache:
            found = await self._ask("GET", None, {"X-Auth-Token": token, "X-Subject-Token": token})
            self._remember(token, found)
        return found if found is not None and self._now() < found.expires else None

    async def revoke(self, token: str) -> None:
        """Take a token back, when Keystone lets us; it expires anyway."""
        self._seen.pop(_key(token), None)
        with suppress(SourceLost):
            await self._send("DELETE", None, {"X-Auth-Token": token, "X-Subject-Token": token})

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, method: str, body: object, headers: Mapping[str, str]) -> KeystoneUser | None:
        answer = await self._send(method, body, headers)
        if answer.status_code in (400, 401, 403, 404):
            return None
        if answer.status_code not in (200, 201):
            raise SourceLost(f"Keystone at {self._settings.url} answered {answer.status_code}")
        token = answer.headers.get("X-Subject-Token", "") or headers.get("X-Subject-Token", "")
        return user_of(answer.content, token, self._settings)

    async def _send(self, method: str, body: object, headers: Mapping[str, str]) -> "httpx.Response":
        import httpx

        async with self._opening:
            client = self._client
            if client is None:
                client = self._client = await asyncio.to_thread(_client, self._settings)
        url = f"{self._settings.url.rstrip('/')}/auth/tokens"
        try:
            return await client.request(method, url, json=body, headers=dict(headers))
        except httpx.HTTPError as lost:
            reason = str(lost) or type(lost).__name__
            raise SourceLost(f"Keystone at {self._settings.url} does not answer: {reason}") from lost

    def _remember(self, token: str, found: KeystoneUser | None) -> None:
        self._seen[_key(token)] = (self._now(), found)
        self._seen.move_to_end(_key(token))
        while len(self._seen) > _MOST_KEPT:
            self._seen.popitem(last=False)


def user_of(body: bytes, token: str, settings: KeystoneSettings) -> KeystoneUser | None:
    """Read Keystone's answer; None for a token of another project. Raises SourceLost for what is no such answer."""
    try:
        found = msgspec.json.decode(body, type=_Answer).token
        expires = datetime.fromisoformat(found.expires_at).timestamp()
    except (msgspec.DecodeError, ValueError) as bad:
        raise SourceLost(f"Keystone at {settings.url} answers something else: {bad}") from bad
    project = found.project
    if project is None or (project.name, project.domain.name) != (settings.project, settings.project_domain):
        return None
    # Users of other domains may have the same names.
    domain = found.user.domain.name
    name = found.user.name if domain == settings.user_domain else f"{found.user.name}@{domain}"
    return KeystoneUser(name, frozenset(role.name for role in found.roles), expires, token)


def _client(settings: KeystoneSettings) -> "httpx.AsyncClient":
    import httpx

    verify: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.url.startswith("https:"):
        try:
            verify = ssl.create_default_context(cafile=None if settings.ca is None else str(settings.ca))
        except (OSError, ssl.SSLError) as bad:
            raise UserError(f"cannot use {settings.ca}: {bad}", hint="check access.keystone.ca") from bad
    return httpx.AsyncClient(timeout=settings.timeout, verify=verify, trust_env=False, follow_redirects=False)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
