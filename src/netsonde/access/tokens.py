# SPDX-License-Identifier: Apache-2.0
"""API tokens: long, random, stored as hashes, for programs and for agents that enrol.

`nst_ID_SECRET`: the ID is public and names the token in lists and logs; of the secret only the SHA-256 is kept, which
is enough, since 256 random bits cannot be searched.
A line of the file is `ID:HASH:NAME:ROLE,ROLE:CREATED:EXPIRES:USES`; times are Unix s, 0 = never; uses 0 = any number.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Final, NamedTuple

from netsonde.access.files import WatchedFile, rewritten, without
from netsonde.access.users import NAME
from netsonde.errors import NotFound, UserError

PREFIX: Final = "nst_"
_TOKEN: Final = re.compile(r"nst_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_LINE: Final = re.compile(r"([0-9a-f]{12}):([0-9a-f]{64}):([^:]+):([^:]*):(\d{1,12}):(\d{1,12}):(\d{1,6})")


class Token(NamedTuple):
    """One token without its secret."""

    id: str
    digest: str
    name: str
    roles: frozenset[str]
    created: int
    expires: int
    """Unix s, 0 = never."""
    uses: int
    """How often it can still be used, 0 = any number."""

    def is_valid(self, now_s: float) -> bool:
        return self.expires == 0 or now_s < self.expires

    def line(self) -> str:
        roles = ",".join(sorted(self.roles))
        return f"{self.id}:{self.digest}:{self.name}:{roles}:{self.created}:{self.expires}:{self.uses}"


class Tokens:
    """Looked up anew at each request: a token that is revoked is worth nothing at once."""

    def __init__(self, file: Path) -> None:
        self.file = WatchedFile(file, token_of)

    def get(self, token_id: str) -> Token | None:
        return self.file.entries().get(token_id)

    def all(self) -> list[Token]:
        return list(self.file.entries().values())

    def find(self, text: str, now_s: float) -> Token | None:
        """Return the token that this text is, unless it has expired."""
        parsed = _TOKEN.fullmatch(text)
        if parsed is None:
            return None
        token = self.get(parsed[1])
        same = hmac.compare_digest(_digest(text), token.digest if token is not None else "0" * 64)
        return token if token is not None and same and token.is_valid(now_s) else None

    def use(self, token_id: str) -> None:
        """Count a use of a token that has a number of them; at the last it goes. For a thread.

        Raises NotFound when it is used up: of two who use the last at once, one is told so.
        """
        with rewritten(self.file.path) as lines:
            token = next((token_of(line)[1] for line in lines if line.partition(":")[0] == token_id), None)
            if token is None:
                raise NotFound("the token is used up", hint="`netsonde access token create` makes another")
            if token.uses:
                left = [token._replace(uses=token.uses - 1).line()] if token.uses > 1 else []
                lines[:] = [*without(lines, token_id), *left]


def token_of(line: str) -> tuple[str, Token]:
    """Read a line; raises ValueError."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("no token")
    token_id, digest, name, roles, created, expires, uses = found.groups()
    return token_id, Token(
        token_id, digest, name, frozenset(roles.split(",")) - {""}, int(created), int(expires), int(uses)
    )


def create_token(file: Path, name: str, roles: frozenset[str], *, now_s: float, lasts_s: float, uses: int = 0) -> str:
    """Make a token and store its hash; returns the token, which cannot be had again. Raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot be the name of a token", hint="no blanks, commas, colons or stars")
    text = f"{PREFIX}{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    expires = int(now_s + lasts_s) if lasts_s else 0
    token = Token(text.split("_")[1], _digest(text), name, roles, int(now_s), expires, uses)
    with rewritten(file) as lines:
        # What has expired is of no use to anybody.
        lines[:] = [line for line in lines if not _is_over(line, now_s)] + [token.line()]
    return text


def revoke_token(file: Path, name: str) -> int:
    """Delete the token with this ID, or all of this name; returns how many. Raises NotFound."""
    with rewritten(file) as lines:
        kept = [line for line in lines if name not in (line.partition(":")[0], _name(line))]
        if len(kept) == len(lines):
            raise NotFound(f"there is no token {name} in {file}", hint="`netsonde access token list` shows them")
        revoked = len(lines) - len(kept)
        lines[:] = kept
    return revoked


def is_token(text: str) -> bool:
    """Tell whether a text looks like one of these tokens."""
    return text.startswith(PREFIX)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _name(line: str) -> str:
    found = _LINE.fullmatch(line)
    return found[3] if found is not None else ""


def _is_over(line: str, now_s: float) -> bool:
    found = _LINE.fullmatch(line)
    return found is not None and int(found[6]) != 0 and int(found[6]) <= now_s
