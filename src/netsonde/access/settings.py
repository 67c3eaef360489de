# SPDX-License-Identifier: Apache-2.0
"""Who has to log in, how, and what they may do then."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

BACKENDS: Final = ("basic", "token", "keystone")
SECRET: Final[dict[str, Any]] = {"secret": True}
"""Metadata of a setting whose value never leaves the process."""


@dataclass(frozen=True, slots=True)
class KeystoneSettings:
    """The Keystone (OpenStack Identity v3) that knows the users."""

    url: str = ""
    """Its address with the version, such as https://keystone.example:5000/v3."""
    project: str = "admin"
    """Only who has a role in this project is let in."""
    project_domain: str = "Default"
    """Name of the project's domain."""
    user_domain: str = "Default"
    """Name of the domain of users who log in with a password."""
    roles: dict[str, str] = field(default_factory=lambda: {"admin": "admin", "member": "reader", "reader": "guest"})
    """What a role in the project means here; who has none of them has access.default_role."""
    ca: Path | None = None
    """Certificates (PEM) that Keystone's must be signed by; none = those that this machine trusts."""
    cache: float = 30.0
    """Seconds for which Keystone's answer about a token is believed: the longest that a revoked one still works."""
    timeout: float = 10.0
    """Seconds that Keystone may take."""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"url must be http:// or https://, got {self.url!r}")
        if self.timeout <= 0 or self.cache < 0:
            raise ValueError("timeout must be greater than 0, and cache not below it")


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Logins and rights. Without a back end everyone who reaches the server is admin: loopback only, then."""

    backends: tuple[str, ...] = ()
    """Ways to log in: `basic` (names and passwords of users and users_file), `token` (API tokens), `keystone`. Several
    may be given; a password is tried with basic first. None = nobody has to log in."""
    users_file: Path | None = None
    """File of users as `htpasswd -B` writes it; None = access/users in the state directory."""
    users: dict[str, str] = field(default_factory=dict, metadata=SECRET)
    """Further users: names, and hashes of passwords as `netsonde access hash` prints them."""
    roles: dict[str, str] = field(default_factory=dict)
    """Roles of users by name, several separated by blanks: `alice = "operator injector"`."""
    default_role: str = "guest"
    """Role of a user who is given none; "" = such a user may do nothing."""
    policy: tuple[str, ...] = ()
    """Further lines of the policy, as in casbin: `p, noc, capture, write, allow`, `g, noc, reader`."""
    policy_file: Path | None = None
    """File of such lines."""
    session_hours: float = 12.0
    """Hours after which one has to log in again."""
    session_idle_minutes: float = 120.0
    """Minutes without a request after which a session ends."""
    max_sessions: int = 10_000
    """Sessions kept at once, at most 100 of one user; beyond it the one that was longest unused ends."""
    failures_per_minute: int = 10
    """Wrong passwords that one address, or for one user, may try in a minute before it has to wait."""
    keystone: KeystoneSettings = field(default_factory=KeystoneSettings)

    def __post_init__(self) -> None:
        unknown = [name for name in self.backends if name not in BACKENDS]
        if unknown:
            raise ValueError(f"backends: {unknown[0]!r} is none of {', '.join(BACKENDS)}")
        if "keystone" in self.backends and not self.keystone.url:
            raise ValueError("backends has keystone, but keystone.url is not set")
        for name in ("session_hours", "session_idle_minutes", "max_sessions", "failures_per_minute"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")

    @property
    def login_required(self) -> bool:
        return bool(self.backends)
