# SPDX-License-Identifier: Apache-2.0
"""What block devices have read and written, as growth since the last reading. Pure.

Source: /proc/diskstats (Documentation/admin-guide/iostats.rst of Linux).
"""

from typing import Final

NAMES: Final = (
    *("Reads", "ReadsMerged", "ReadBytes", "ReadTime"),
    *("Writes", "WritesMerged", "WriteBytes", "WriteTime"),
    *("", "IOTime"),
)
"""Of the columns after the name; the one without a name is no counter."""
_SECTOR: Final = 512
_SECTORS: Final = ("ReadBytes", "WriteBytes")
_TIMES: Final = ("ReadTime", "WriteTime", "IOTime")
"""Which the kernel tells in 32 bits: many reads at once fill them in days."""
_WRAP: Final = 1 << 32
_NEAR_WRAP: Final = _WRAP - (1 << 28)

Counters = dict[str, int]


def parse_diskstats(text: str) -> dict[str, Counters]:
    """Return the counters of each device by the kernel's name; lines that make no sense are left out."""
    found: dict[str, Counters] = {}
    for line in text.splitlines():
        words = line.split()
        numbers = words[3 : 3 + len(NAMES)]
        if len(numbers) == len(NAMES) and all(word.isdecimal() for word in numbers):
            counted = {name: int(word) for name, word in zip(NAMES, numbers, strict=True) if name}
            found[words[2]] = {name: by * (_SECTOR if name in _SECTORS else 1) for name, by in counted.items()}
    return found


class CounterHistory:
    """The last readings by device."""

    def __init__(self) -> None:
        self._last: dict[str, Counters] = {}
        self._at_ms = 0

    def grown(self, readings: dict[str, Counters], now_ms: int) -> tuple[int, dict[str, Counters]]:
        """Return since when, and by how much the counters of each device grew, if at all; not those of new devices.

        A counter that went back and did not overflow counts from zero: a name may be given to another device.
        """
        before, since = self._last, self._at_ms
        self._last, self._at_ms = readings, now_ms
        found: dict[str, Counters] = {}
        for name in readings.keys() & before.keys():
            growth = {key: _growth(key, before[name][key], now) for key, now in readings[name].items()}
            if any(growth.values()):
                found[name] = {key: by for key, by in growth.items() if by}
        return since, found


def _growth(key: str, before: int, now: int) -> int:
    if now >= before:
        return now - before
    return now + _WRAP - before if key in _TIMES and before >= _NEAR_WRAP else now
