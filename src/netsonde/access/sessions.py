# SPDX-License-Identifier: Apache-2.0
"""Who is logged in: sessions that expire, end when unused, are bounded in number, and can be ended by others.

They are kept on the bus, so that an analyzer that is started again, and the analyzers beside it, know them. Their keys
are hashes of the tokens: who reads the bus cannot log in with what is there. What a session may do is not stored in
it: it names a user or a token, and what that has is looked up at each request.
"""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from netsonde.errors import Conflict, SourceLost
from netsonde.model.stores import Store

_PER_USER: Final = 100
_WRITE_EVERY: Final = 30.0
"""Seconds between two writes of which sessions were used."""


class SessionRecord(msgspec.Struct, frozen=True):
    """One session as it is stored; times are Unix s."""

    user: str
    backend: str
    """`basic`, `token` or `keystone`."""
    mark: str
    """Fingerprint of the password, ID of the token, or Keystone's token, sealed with the session's own."""
    created: float
    expires: float
    used: float
    address: str = ""
    """From where one logged in."""


class Sessions:
    """The sessions of all analyzers. `now_s` is Unix time; `on_end` is told the key of each that is over."""

    def __init__(
        self, store: Store[SessionRecord], *, now_s: Callable[[], float], hours: float, idle_minutes: float, most: int
    ) -> None:
        self._store = store
        self._now = now_s
        self._lifetime = hours * 3600
        self._idle = idle_minutes * 60
        self._most = most
        self._known: dict[str, SessionRecord] = {}
        self._revisions: dict[str, int] = {}
        self._used: dict[str, float] = {}

    async def run(self) -> None:
        """Follow the bus until cancelled, and write there now and then what was used."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="sessions: follow")
            group.create_task(self._write(), name="sessions: write")

    async def open(self, user: str, backend: str, mark: str, *, expires: float | None, address: str) -> str:
        """Return the token of a new session. `mark` is sealed for keystone. Raises SourceLost while the bus is away."""
        now = self._now()
        token = secrets.token_urlsafe(32)
        until = min(now + self._lifetime, expires or now + self._lifetime)
        kept = seal(token, mark) if backend == "keystone" else mark
        record = SessionRecord(user, backend, kept, now, until, now, address)
        await self._make_room(user)
        self._revisions[_key(token)] = await self._store.put(_key(token), record, ttl_s=until - now)
        self._known[_key(token)] = record
        return token

    def find(self, token: str) -> tuple[str, SessionRecord] | None:
        """Return a session with its key and note that it is used; None when there is none, or it is over."""
        found = self.look(token)
        if found is not None:
            self._used[found[0]] = self._now()
        return found

    def look(self, token: str) -> tuple[str, SessionRecord] | None:
        """Return a session with its key, without using it: for connections that nobody may sit behind any more."""
        key = _key(token)
        record = self._known.get(key)
        return None if record is None or self._is_over(key, record) else (key, record)

    def all(self) -> list[tuple[str, SessionRecord]]:
        """Return what is open, the latest first."""
        found = [(key, self._with_use(key, one)) for key, one in self._known.items() if not self._is_over(key, one)]
        return sorted(found, key=lambda pair: -pair[1].created)

    async def end(self, key: str) -> bool:
        """End a session; returns whether there was one. Raises SourceLost while the bus is away: it goes on then."""
        was_known = key in self._known
        was_stored = await self._store.delete(key)
        # Not before: what is forgotten here alone is let in after a restart, and by the analyzers beside this one.
        self._forget(key)
        return was_stored or was_known

    async def _make_room(self, user: str) -> None:
        of_user = [pair for pair in self.all() if pair[1].user == user]
        crowd = of_user if len(of_user) >= _PER_USER else self.all() if len(self._known) >= self._most else []
        if crowd:
            await self.end(min(crowd, key=lambda pair: pair[1].used)[0])

    def _is_over(self, key: str, record: SessionRecord) -> bool:
        now = self._now()
        return now >= record.expires or now - max(record.used, self._used.get(key, 0.0)) >= self._idle

    def _with_use(self, key: str, record: SessionRecord) -> SessionRecord:
        return msgspec.structs.replace(record, used=max(record.used, self._used.get(key, 0.0)))

    async def _follow(self) -> None:
        unseen = set(self._known)
        async for entry in self._store.watch():
            if entry.kind == "put" and entry.value is not None:
                unseen.discard(entry.key)
                self._known[entry.key] = entry.value
                self._revisions[entry.key] = entry.revision
            elif entry.kind == "delete":
                self._forget(entry.key)
            elif entry.kind == "current":
                # What was ended elsewhere while this did not listen is told by nobody.
                for key in unseen:
                    self._forget(key)
                unseen.clear()

    def _forget(self, key: str) -> None:
        self._known.pop(key, None)
        self._used.pop(key, None)
        self._revisions.pop(key, None)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_EVERY)
            with suppress(SourceLost):
                await self.write_use()

    async def write_use(self) -> None:
        """Store which sessions were used, an eighth of the idle time late at most, and drop those that are over."""
        for key, record in list(self._known.items()):
            if self._is_over(key, record):
                await self.end(key)
            elif self._used.get(key, 0.0) - record.used > self._idle / 8:
                await self._write_one(key, self._with_use(key, record))

    async def _write_one(self, key: str, used: SessionRecord) -> None:
        # A session that somebody ends meanwhile, here or at another analyzer, must not come back by this.
        revision = self._revisions.get(key)
        if revision is None:
            return
        with suppress(Conflict):
            written = await self._store.update(key, used, revision, ttl_s=max(1.0, used.expires - self._now()))
            if key in self._known:
                self._known[key], self._revisions[key] = used, written


def seal(token: str, text: str) -> str:
    """Return a text that only who has the session's token can read."""
    return Fernet(_sealing_key(token)).encrypt(text.encode()).decode()


def unseal(token: str, sealed: str) -> str:
    """Reverse `seal`; "" when it is not ours."""
    try:
        return Fernet(_sealing_key(token)).decrypt(sealed.encode()).decode()
    except (InvalidToken, ValueError):
        return ""


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _sealing_key(token: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"netsonde session seal" + token.encode()).digest())
