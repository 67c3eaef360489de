# SPDX-License-Identifier: Apache-2.0
"""How much of the processors others took: what they delay says nothing about us.

Source: proc(5), `/proc/stat` and `/proc/PID/stat`, in ticks.
"""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Strangers:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ticks = _strange_ticks()

    def share(self) -> float:
        """Return how many processors were busy, on average, for neither this process nor its descendants."""
        elapsed = time.monotonic() - self._began
        return max(0, _strange_ticks() - self._ticks) / _TICKS / max(elapsed, 1 / _TICKS)


def _strange_ticks() -> int:
    return _busy_ticks() - _own_ticks()


def _busy_ticks() -> int:
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = map(
        int, (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    )
    return user + nice + system + irq + softirq + steal


def _own_ticks() -> int:
    """Return what this process and its descendants have used; those that have ended count for their parents."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(map(int, fields[11:15]))
    return sum(used for pid, used in ticks.items() if _descends(pid, parents))


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid and pid != os.getpid():
        pid = parents.get(pid, 0)
    return bool(pid)
