# SPDX-License-Identifier: Apache-2.0
"""The gate: credentials in, a user with roles out, or a refusal; and what that user may do.

Nothing about a user is remembered but that a password was right a moment ago: roles and rights are looked up at each
request, so a change of file or settings counts from the next one on.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, TypeVar

from netsonde.access.enrolment import Agents
from netsonde.access.keystone import Keystone, KeystoneUser
from netsonde.access.limits import Attempts, names_of
from netsonde.access.policy import Policy
from netsonde.access.rights import RIGHTS, Right
from netsonde.access.sessions import SessionRecord, Sessions, unseal
from netsonde.access.settings import AccessSettings
from netsonde.access.tokens import Token, Tokens, is_token
from netsonde.access.users import User, Users
from netsonde.errors import SourceLost, UserError
from netsonde.observe import Health, logger

T = TypeVar("T")
log = logger("access")

_BELIEVED: Final = 60.0
"""Seconds for which a password that was right need not be hashed again."""
_MOST_BELIEVED: Final = 4096
_MOST_WAITING: Final = 32
"""Passwords that wait for their turn to be hashed."""


class Credentials(NamedTuple):
    """What a request brings: a name and a password, or a token; all "" = nothing."""

    user: str = ""
    password: str = ""
    token: str = ""
    is_explicit: bool = True
    """Given for this request, and not a cookie that a browser sends by itself."""

    def __bool__(self) -> bool:
        return bool(self.user or self.password or self.token)

    def __repr__(self) -> str:
        """Credentials end up in no log."""
        return f"Credentials({self.user!r})"


class Principal(NamedTuple):
    """Who makes a request, with the roles of this moment."""

    name: str
    """"" where nobody has to log in."""
    roles: frozenset[str]
    backend: str
    session: str = ""
    """Key of the session, "" for a request with credentials of its own."""
    mark: str = ""
    """Fingerprint of the hash that a password was compared with."""

    @property
    def owner(self) -> str:
        """Name for `Gate.acting_for`. Keystone's users have one that is nobody's here: theirs may be like ours."""
        return f"{self.name} ({self.backend})" if self.backend == "keystone" else self.name


class Refused(UserError):
    """The credentials are wrong, or there are none (401)."""


class Forbidden(UserError):
    """The user may not do that (403)."""


class TooManyAttempts(UserError):
    """Too many wrong passwords (429); `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(
            "too many wrong passwords from this address or for this user", hint=f"wait {wait:.0f} s and try again"
        )
        self.wait = wait


_TOKEN: Final = "token "
"""Before the name of a token, where a user's name is shown."""
_EVERYBODY: Final = Principal("", frozenset({"admin"}), "none")


class Gate:
    """Decides for one analyzer."""

    def __init__(
        self,
        settings: AccessSettings,
        policy: Policy,
        users: Users,
        tokens: Tokens,
        sessions: Sessions,
        keystone: Keystone | None = None,
        agents: Agents | None = None,
        *,
        health: Health | None = None,
        now_s: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.policy = policy
        self.tokens = tokens
        self.sessions = sessions
        self.agents = agents or Agents(tokens.file.path.parent)
        self._users = users
        self._keystone = keystone if "keystone" in settings.backends else None
        self._health = health or Health("access")
        self._now = now_s
        self._monotonic = monotonic
        self._attempts = Attempts(settings.failures_per_minute, monotonic)
        self._secret = secrets.token_bytes(32)
        self._believed: OrderedDict[bytes, float] = OrderedDict()
        self._judging: dict[bytes, asyncio.Task[Any]] = {}
        self._hashing = asyncio.Semaphore(2)
        self._waiting = 0

    @property
    def login_required(self) -> bool:
        return self.settings.login_required

    def allows(self, principal: Principal, right: Right) -> bool:
        return self.policy.allows(principal.roles, right)

    def check(self, principal: Principal, right: Right) -> None:
        """Raise Forbidden, in words that name user and right, unless the user may do it."""
        if not self.allows(principal, right):
            raise self.refused(
                f"{principal.name or 'a guest'} may not do this: it needs the right {right}",
                "`netsonde access whoami` shows what you may do; an administrator gives roles",
            )

    def refused(self, why: str, hint: str) -> Forbidden:
        """Return a refusal to be raised; it is counted."""
        self._health.count("refused")
        return Forbidden(why, hint=hint)

    def rights(self, principal: Principal) -> list[tuple[Right, bool]]:
        """Return every right with whether this user has it."""
        return [(right, self.allows(principal, right)) for right in RIGHTS]

    async def identify(self, given: Credentials, address: str) -> Principal | None:
        """Return who it is, None when nothing was given. Raises Refused, TooManyAttempts, SourceLost."""
        if not self.login_required:
            return _EVERYBODY
        if not given:
            return None
        if given.token or is_token(given.password):
            principal = await self._by_token(given.token or given.password, address)
        else:
            found = await self._by_password(given.user, given.password, address)
            principal = None if found is None else self._principal(*found[:2], found[2])
        if principal is None:
            self._health.count("logins_failed")
            raise Refused("Wrong credentials", hint="log in again: `netsonde login`, or the page at /")
        return principal

    def acting_for(self, owner: str) -> Principal | None:
        """Return the user for whom something acts that was set up before, with the roles of now; None = nobody."""
        if not self.login_required:
            return _EVERYBODY
        if owner.startswith(_TOKEN) and "token" in self.settings.backends:
            named = [one for one in self.tokens.all() if _TOKEN + one.name == owner and one.is_valid(self._now())]
            # Of several that are called the same it may be any: what all of them have is right for each.
            roles = frozenset.intersection(*(one.roles for one in named)) if named else frozenset()
            return Principal(owner, roles, "token") if named else None
        user = self._users.get(owner) if "basic" in self.settings.backends else None
        return None if user is None else self._principal("basic", user.name, user)

    async def login(self, user: str, password: str, address: str) -> tuple[Principal, str]:
        """Open a session; returns who it is for and its token. Raises as `identify` does."""
        if not self.login_required:
            return _EVERYBODY, ""
        expires: float | None = None
        if is_token(password):
            principal = await self._by_token(password, address)
            token = self.tokens.find(password, self._now())
            mark, expires = ("", None) if token is None else (token.id, token.expires or None)
        else:
            found = await self._by_password(user, password, address, alone=True)
            principal = None if found is None else self._principal(*found[:2], found[2])
            mark, expires = ("", None) if found is None else _mark(found[2])
        if principal is None:
            self._health.count("logins_failed")
            log.warning("a login failed", user=user[:128], address=address)
            raise Refused("Wrong credentials", hint="name or password is wrong")
        self._health.count("logins")
        name = principal.name
        text = await self.sessions.open(name, principal.backend, mark, expires=expires, address=address)
        return principal, text

    async def logout(self, token: str) -> None:
        """End the session of this token; at Keystone too."""
        found = self.sessions.find(token)
        if found is None:
            return
        key, record = found
        await self.sessions.end(key)
        if record.backend == "keystone" and self._keystone is not None:
            await self._keystone.revoke(unseal(token, record.mark))

    async def still(self, given: Credentials, principal: Principal) -> Principal | None:
        """Return the user of a long connection with the roles of now, None when that user is out."""
        if not self.login_required:
            return principal
        if principal.session:
            found = self.sessions.look(given.token)
            return None if found is None else await self._of_session(given.token, *found)
        if given.token or is_token(given.password):
            return await self._by_token(given.token or given.password, "")
        return self._again(principal)

    async def _by_token(self, text: str, address: str) -> Principal | None:
        if is_token(text):
            return self._of_token(text)
        found = self.sessions.find(text)
        if found is not None:
            return await self._of_session(text, *found)
        keystone = self._keystone
        if keystone is None:
            return None
        user = await self._once(self._proof("", text, ""), lambda: self._validated(keystone, text, address))
        return None if user is None else self._principal("keystone", user.name, user)

    async def _validated(self, keystone: Keystone, token: str, address: str) -> KeystoneUser | None:
        names = names_of(address, "")
        self._take(names)
        with self._not_judged(names):
            user = await keystone.validate(token)
        if user is not None:
            self._attempts.give_back(names)
        return user

    async def _once(self, proof: bytes, judge: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Judge what several requests bring at the same time once: right, it is no attempt, and wrong it is one."""
        judging = self._judging.get(proof)
        if judging is None:
            judging = asyncio.get_running_loop().create_task(judge(), name="access.judge")
            self._judging[proof] = judging
            judging.add_done_callback(lambda _: self._judging.pop(proof))
        found: T = await asyncio.shield(judging)
        return found

    def token_of(self, given: Credentials) -> Token | None:
        """Return the API token that a request came with, or logged in with; None when it came with something else."""
        found = self.sessions.find(given.token)
        if found is not None and found[1].backend == "token":
            return self.tokens.get(found[1].mark)
        return self.tokens.find(given.token or given.password, self._now())

    def _of_token(self, text: str) -> Principal | None:
        token = self.tokens.find(text, self._now()) if "token" in self.settings.backends else None
        return None if token is None else Principal(_TOKEN + token.name, token.roles, "token")

    async def _of_session(self, token: str, key: str, record: SessionRecord) -> Principal | None:
        """Look up whom a session is for: it ends with a changed password, a revoked token, a word of Keystone."""
        principal: Principal | None = None
        if record.backend == "basic":
            user = self._users.get(record.user) if "basic" in self.settings.backends else None
            if user is not None and hmac.compare_digest(user.fingerprint, record.mark):
                principal = self._principal("basic", user.name, user)
        elif record.backend == "token" and "token" in self.settings.backends:
            stored = self.tokens.get(record.mark)
            if stored is not None and stored.is_valid(self._now()):
                principal = Principal(_TOKEN + stored.name, stored.roles, "token")
        elif record.backend == "keystone" and self._keystone is not None:
            known = await self._keystone.validate(unseal(token, record.mark))
            principal = None if known is None else self._principal("keystone", known.name, known)
        return None if principal is None else principal._replace(session=key)

    async def _by_password(
        self, name: str, password: str, address: str, *, alone: bool = False
    ) -> tuple[str, str, User | KeystoneUser] | None:
        """Return back end, name and user of a right password; `alone` = with a token of Keystone for nobody else."""
        user = self._users.get(name) if "basic" in self.settings.backends else None
        proof = self._proof(name, password, "" if user is None else user.password)
        if user is not None and self._is_believed(proof):
            return "basic", name, user
        if alone:
            return await self._judged(name, password, address, user, proof)
        return await self._once(proof, lambda: self._judged(name, password, address, user, proof))

    async def _judged(
        self, name: str, password: str, address: str, user: User | None, proof: bytes
    ) -> tuple[str, str, User | KeystoneUser] | None:
        names = names_of(address, name)
        self._take(names)
        if "basic" in self.settings.backends and await self._hash(name, password):
            self._believe(proof)
            self._attempts.give_back(names)
            return None if user is None else ("basic", name, user)
        with self._not_judged(names):
            known = None if self._keystone is None else await self._keystone.login(name, password)
        if known is None:
            return None
        self._attempts.give_back(names)
        return "keystone", known.name, known

    async def _hash(self, name: str, password: str) -> bool:
        if self._waiting >= _MOST_WAITING:
            raise TooManyAttempts(1.0)
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(self._users.verify, name, password)
        finally:
            self._waiting -= 1

    def _take(self, names: tuple[str, ...]) -> None:
        wait = self._attempts.wait(names)
        if wait > 0:
            self._health.count("logins_limited")
            raise TooManyAttempts(wait)

    @contextmanager
    def _not_judged(self, names: tuple[str, ...]) -> Iterator[None]:
        """Give an attempt back that Keystone did not judge, or its users would have to wait once it is there again."""
        try:
            yield
        except SourceLost:
            self._attempts.give_back(names)
            raise

    def _principal(self, backend: str, name: str, user: User | KeystoneUser) -> Principal:
        if isinstance(user, KeystoneUser):
            meant = self.settings.keystone.roles
            roles = {role for theirs in user.roles for role in meant.get(theirs, "").replace(",", " ").split()}
            mark = ""
        else:
            roles, mark = set(user.roles), user.fingerprint
        roles |= self.policy.granted(name)
        if not roles and self.settings.default_role:
            roles = {self.settings.default_role}
        return Principal(name, frozenset(roles), backend, mark=mark)

    def _again(self, principal: Principal) -> Principal | None:
        """Return who came with a password, as long as there is such a user and it was not changed."""
        if principal.backend != "basic":
            return principal
        user = self._users.get(principal.name)
        if user is None or not hmac.compare_digest(user.fingerprint, principal.mark):
            return None
        return self._principal("basic", user.name, user)

    def _proof(self, name: str, password: str, stored: str) -> bytes:
        """Return what stands for a right password in memory; it is worthless elsewhere, and once the hash changes."""
        parts = "\0".join((name, password, stored)).encode()
        return hmac.new(self._secret, parts, hashlib.sha256).digest()

    def _is_believed(self, proof: bytes) -> bool:
        return self._monotonic() - self._believed.get(proof, float("-inf")) < _BELIEVED

    def _believe(self, proof: bytes) -> None:
        self._believed[proof] = self._monotonic()
        self._believed.move_to_end(proof)
        while len(self._believed) > _MOST_BELIEVED:
            self._believed.popitem(last=False)


def _mark(user: User | KeystoneUser) -> tuple[str, float | None]:
    """Return what a session notes of its user, and when it ends at the latest."""
    return (user.token, user.expires) if isinstance(user, KeystoneUser) else (user.fingerprint, None)
