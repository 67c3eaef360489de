# SPDX-License-Identifier: Apache-2.0
"""Secrets that must not be shown: passwords in addresses, tokens, headers of logins. For logs, reasons and settings."""

import re
from typing import Final

HIDDEN: Final = "***"
_WORDS: Final = frozenset({"token", "password", "passwd", "secret", "key", "authorization", "cookie"})
_PATTERNS: Final = (
    (re.compile(r"(?<=://)([^/\s@:]*):[^/\s]+@"), rf"\1:{HIDDEN}@"),
    # nats://TOKEN@host: what stands alone before the @ is a token.
    (re.compile(r"(?<=nats://)[^/\s@:]+@"), f"{HIDDEN}@"),
    (re.compile(r"(?<=tls://)[^/\s@:]+@"), f"{HIDDEN}@"),
    (re.compile(r"\bnst_([0-9a-f]{12})_[A-Za-z0-9_-]{43}"), rf"nst_\1_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic) [A-Za-z0-9+/=_.-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)(x-auth-token|x-subject-token|authtoken)([\"']?(?:=|: ?)[\"']?)[^\s&;,\"']+"), rf"\1\2{HIDDEN}"),
)


def redacted(text: str) -> str:
    """Return a text without the secrets that can be recognised in it."""
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def is_secret_name(name: str) -> bool:
    """Tell whether what has this name is a secret: one of its words says so."""
    return not _WORDS.isdisjoint(re.split(r"[^a-z]+", name.lower()))
