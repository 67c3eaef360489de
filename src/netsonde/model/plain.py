# SPDX-License-Identifier: Apache-2.0
"""What JSON can hold, and what others send in its place: msgpack and YAML know more than JSON does."""

import math
from collections.abc import Iterable
from typing import Final

DEEPEST: Final = 100
"""Levels; what encodes, compares and copies values calls itself for each."""
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_TEXT: Final = frozenset({str})


def flaw_in(values: Iterable[object], *, finite: bool = False) -> str:
    """Return why one of the values is no plain JSON data, "" when all are; `finite` = NaN and infinity are none."""
    level: list[object] = list(values)
    for _ in range(DEEPEST):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                if not _TEXT.issuperset(map(type, value)):
                    name = next(name for name in value if type(name) is not str)
                    return f"{name!r:.40} cannot be the name of a member"
                below += [member for member in value.values() if type(member) not in _PLAIN]
            elif isinstance(value, list):
                below += [member for member in value if type(member) not in _PLAIN]
            elif isinstance(value, float):
                if finite and not math.isfinite(value):
                    return f"JSON has no {value}"
            elif type(value) not in _PLAIN:
                return f"JSON has no {type(value).__name__}"
        if not below:
            return ""
        level = below
    return f"it is nested more than {DEEPEST} deep"
