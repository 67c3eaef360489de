# SPDX-License-Identifier: Apache-2.0
"""A real gate over files of a test, sessions in memory, and clocks that a test turns."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netsonde.access import users
from netsonde.access.gate import Gate
from netsonde.access.keystone import Keystone
from netsonde.access.passwords import hashed
from netsonde.access.policy import policy_of
from netsonde.access.sessions import SessionRecord, Sessions
from netsonde.access.settings import AccessSettings
from netsonde.access.tokens import Tokens
from netsonde.access.users import Users
from netsonde.observe import Health
from unit.captures.fakes import FakeStore

NOW_S = 1_700_000_000.0
_COST = 4
"""Of hashes: what a try costs an attacker is no matter of these tests."""
_NOBODYS = hashed("nobody's", cost=_COST)


def put_user(file: Path, name: str, password: str | None, roles: frozenset[str] | None) -> None:
    """Add or change a user as the program does, with a hash that is quick to compare."""
    users.put_user(file, name, password, roles, cost=_COST)


@dataclass
class Clock:
    """Seconds, the same for Unix and monotonic time."""

    now: float = NOW_S

    def __call__(self) -> float:
        return self.now


@dataclass
class Held:
    """What stands behind a gate."""

    directory: Path = Path("/nonexistent")
    settings: AccessSettings = field(default_factory=AccessSettings)
    clock: Clock = field(default_factory=Clock)
    store: FakeStore[SessionRecord] = field(default_factory=FakeStore)
    health: Health = field(default_factory=lambda: Health("access"))
    keystones: list[Keystone] = field(default_factory=list)
    """One of each gate that was made; `close` ends their connections."""

    @property
    def users(self) -> Path:
        return self.directory / "users"

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens"

    def gate(self, **changes: Any) -> Gate:
        settings = self.settings = replace(self.settings, **changes)
        sessions = Sessions(
            self.store,
            now_s=self.clock,
            hours=settings.session_hours,
            idle_minutes=settings.session_idle_minutes,
            most=settings.max_sessions,
        )
        self.keystones.append(Keystone(settings.keystone, self.clock))
        return Gate(
            settings,
            policy_of(settings),
            Users(self.users, settings.users, nobodys=_NOBODYS),
            Tokens(self.tokens),
            sessions,
            self.keystones[-1],
            health=self.health,
            now_s=self.clock,
            monotonic=self.clock,
        )

    async def close(self) -> None:
        for keystone in self.keystones:
            await keystone.close()


def a_gate() -> Gate:
    """Return a gate at which nobody has to log in."""
    return Held().gate()
