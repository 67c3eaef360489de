# SPDX-License-Identifier: Apache-2.0
"""Durations as Go writes them (`1h30m`, `300ms`, `1.5s`), the form of the header X-Resource-TTL."""

import re

from netsonde.errors import UserError

_UNITS_MS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1, "us": 1e-3, "µs": 1e-3, "ns": 1e-6}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|µs|ns|s)", re.ASCII)
_MOST_MS = 100 * 365 * 24 * _UNITS_MS["h"]


def parse_duration_ms(text: str, name: str = "ttl") -> int:
    """Return milliseconds, at least 1; raises UserError for anything but a positive duration."""
    text = text.strip()
    parts = _PART.findall(text)
    total = sum(float(number) * _UNITS_MS[unit] for number, unit in parts)
    if not parts or "".join(number + unit for number, unit in parts) != text or not 0 < total <= _MOST_MS:
        raise UserError(f"invalid {name}: {text[:80]!r}", hint="write a duration such as 90s, 1h30m or 300ms")
    return max(1, round(total))
