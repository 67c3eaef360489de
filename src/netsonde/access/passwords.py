# SPDX-License-Identifier: Apache-2.0
"""Passwords as hashes: scrypt of our own making (RFC 7914), bcrypt as `htpasswd -B` writes it.

What `htpasswd` writes without -B (MD5, SHA-1, crypt) can be searched at billions a second, and is refused.
"""

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

import bcrypt

from netsonde.errors import UserError

COST: Final = 15
"""Binary logarithm of scrypt's N: 32 MiB and some 60 ms a try."""
_R, _P = 8, 1
_MOST_N: Final = 1 << 17
"""The most that a file may ask for: a hash is data, and must not be able to take all memory."""
_MEMORY: Final = 256 * 1024 * 1024
_SCRYPT: Final = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{8,88})\$([A-Za-z0-9+/]{22,88})")
_BCRYPT: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_LEAST_COST: Final = 4
_MOST_COST: Final = 14
_LONGEST: Final = 1024
"""Bytes of a password."""


def hashed(password: str, *, cost: int = COST) -> str:
    """Return a new hash, different at each call. Raises UserError for a password that cannot be one."""
    if not password:
        raise UserError("the password is empty", hint="type one, or give --password-file")
    if len(password.encode()) > _LONGEST:
        raise UserError(f"the password has more than {_LONGEST} bytes")
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=_R, p=_P, maxmem=_MEMORY, dklen=32)
    return f"$scrypt$ln={cost},r={_R},p={_P}${_text(salt)}${_text(digest)}"


def problem_of(stored: str) -> str:
    """Return why a stored hash cannot be used, "" when it can."""
    if _scrypt(stored) is not None:
        return ""
    found = _BCRYPT.fullmatch(stored)
    if found is not None:
        if _LEAST_COST <= int(found[1]) <= _MOST_COST:
            return ""
        return f"bcrypt with a cost of {found[1]}: from {_LEAST_COST} to {_MOST_COST} are taken"
    return "not a hash of scrypt or bcrypt; `netsonde access user` and `htpasswd -B` write such"


def matches(password: str, stored: str) -> bool:
    """Tell whether the password is the hashed one. Takes some 60 ms of a core on purpose: call it in a thread."""
    given = password.encode()
    if len(given) > _LONGEST:
        return False
    parsed = _scrypt(stored)
    if parsed is None:
        # bcrypt looks at 72 bytes; the library refuses more, while `htpasswd` hashed the first 72 of them.
        try:
            return not problem_of(stored) and bcrypt.checkpw(given[:72], stored.encode())
        except ValueError:
            return False  # of the right length, and no salt in it
    n, r, p, salt, digest = parsed
    tried = hashlib.scrypt(given, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=len(digest))
    return hmac.compare_digest(tried, digest)


NOBODYS: Final = "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
"""Compared with when there is no such user, so that the time of the answer does not tell."""


def _scrypt(stored: str) -> tuple[int, int, int, bytes, bytes] | None:
    found = _SCRYPT.fullmatch(stored)
    if found is None:
        return None
    n, r, p = 1 << int(found[1]), int(found[2]), int(found[3])
    if not (1 < n <= _MOST_N and 1 <= r <= 8 and 1 <= p <= 4):
        return None
    try:
        return n, r, p, _bytes(found[4]), _bytes(found[5])
    except ValueError:
        return None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
