# SPDX-License-Identifier: Apache-2.0
"""Users with passwords: those of the settings, and those of a file as `htpasswd -B` writes it.

A line is `NAME:HASH`, or `NAME:HASH:ROLE,ROLE`: the third field is ours, and Apache ignores it.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from netsonde.access.files import WatchedFile, rewritten, without
from netsonde.access.passwords import COST, NOBODYS, hashed, matches, problem_of
from netsonde.errors import NotFound, UserError

NAME: Final = re.compile(r"[^\s:,#*][^\s:,*]{0,127}")


class User(NamedTuple):
    """One user; `password` is a hash."""

    name: str
    password: str
    roles: frozenset[str] = frozenset()

    @property
    def fingerprint(self) -> str:
        """What changes when the password is changed; it tells nothing of it."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:16]


class Users:
    """Looked up anew at each request: who is taken out of the file is out."""

    def __init__(self, file: Path, named: Mapping[str, str], *, nobodys: str = NOBODYS) -> None:
        """`nobodys` is what passwords of unknown users are compared with; it should cost as much as theirs."""
        self.file = WatchedFile(file, user_of)
        self._named = {name: User(name, password) for name, password in named.items()}
        self._nobodys = nobodys

    def get(self, name: str) -> User | None:
        return self.file.entries().get(name) or self._named.get(name)

    def all(self) -> list[User]:
        return list({**self._named, **self.file.entries()}.values())

    def verify(self, name: str, password: str) -> bool:
        """Tell whether this is the user's password; takes as long when there is no such user. For a thread."""
        user = self.get(name)
        return matches(password, self._nobodys if user is None else user.password) and user is not None


def user_of(line: str) -> tuple[str, User]:
    """Read a line; raises ValueError."""
    name, _, rest = line.partition(":")
    password, _, roles = rest.partition(":")
    if not NAME.fullmatch(name):
        raise ValueError("no name of a user before a colon")
    problem = problem_of(password)
    if problem:
        raise ValueError(f"{name}: {problem}")
    return name, User(name, password, frozenset(roles.replace(",", " ").split()))


def put_user(file: Path, name: str, password: str | None, roles: frozenset[str] | None, *, cost: int = COST) -> None:
    """Add a user, or change password or roles (None = as they are). Raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot be the name of a user", hint="no blanks, commas, colons or stars")
    with rewritten(file) as lines:
        before = next((user_of(line)[1] for line in lines if line.partition(":")[0] == name), None)
        if password is None and before is None:
            raise NotFound(f"there is no user {name}", hint="a new user needs a password")
        secret = before.password if password is None and before is not None else hashed(password or "", cost=cost)
        wanted = roles if roles is not None else before.roles if before is not None else frozenset()
        lines[:] = [*without(lines, name), f"{name}:{secret}:{','.join(sorted(wanted))}"]


def drop_user(file: Path, name: str) -> None:
    """Raises NotFound."""
    with rewritten(file) as lines:
        kept = without(lines, name)
        if len(kept) == len(lines):
            raise NotFound(f"there is no user {name} in {file}")
        lines[:] = kept


def check_users(named: Mapping[str, str]) -> None:
    """Raise UserError, without their hashes, for users of the settings that cannot be used."""
    for name, stored in named.items():
        problem = problem_of(stored) if NAME.fullmatch(name) else "this cannot be a name"
        if problem:
            raise UserError(f"access.users.{name}: {problem}", hint="`netsonde access hash` prints a hash")
