# SPDX-License-Identifier: Apache-2.0
"""Connection tracking of one namespace: how many entries, how many there may be, and what went wrong.

Source: /proc/net/stat/nf_conntrack and /proc/sys/net/netfilter/nf_conntrack_* of the calling thread's namespace
(net/netfilter/nf_conntrack_standalone.c of Linux). Files, since asking by netlink would make a kernel load the module.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netsonde.model.elements import Metadata

STATISTICS: Final = Path("/proc/thread-self/net/stat/nf_conntrack")
SYSCTL: Final = Path("/proc/sys/net/netfilter")
NAMES: Final = {
    "found": "ConntrackFound",
    "invalid": "ConntrackInvalid",
    "insert": "ConntrackInsert",
    "insert_failed": "ConntrackInsertFailed",
    "drop": "ConntrackDrop",
    "early_drop": "ConntrackEarlyDrop",
    "icmp_error": "ConntrackError",
    "search_restart": "ConntrackSearchRestart",
    "clashres": "ConntrackClashResolve",
    "chainlength": "ConntrackChainTooLong",
}
"""Columns, whose order differs between kernels, and the counters that they are."""
ENTRIES: Final = "ConntrackEntries"
FEW: Final = 64
"""Entries below which it does not matter how many."""
_READ_SIZE: Final = 64 * 1024
_WRAP: Final = 1 << 32
_NEAR_WRAP: Final = _WRAP - (1 << 28)

Counters = dict[str, int]


@dataclass(frozen=True, slots=True)
class Conntrack:
    """One reading."""

    entries: int
    most: int
    statistics: str = ""
    """As the kernel tells them: parsed when they differ only, for hundreds of namespaces with a line for each of
    hundreds of processors say the same at every look."""


def read_conntrack(statistics: Path = STATISTICS, sysctl: Path = SYSCTL) -> Conntrack | None:
    """Return the reading of the calling thread's namespace; None when this kernel tracks no connections."""
    try:
        entries, most = (int(_text(sysctl / f"nf_conntrack_{name}")) for name in ("count", "max"))
    except (OSError, ValueError):
        return None
    try:
        text = _text(statistics)
    except OSError:
        text = ""  # a kernel without CONFIG_NF_CONNTRACK_PROCFS tells no more
    # One copy for all the namespaces in which nothing was counted.
    return Conntrack(entries, most, sys.intern(text))


def _text(file: Path) -> str:
    """Return the text of a file; without a stream in between, which takes longer than the kernel's answer."""
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = bytearray()
        while part := os.read(fd, _READ_SIZE):
            found += part
    finally:
        os.close(fd)
    return found.decode("ascii", "replace")


def parse_statistics(text: str) -> tuple[Counters, ...]:
    """Return what each processor counted, in 32 bits, a line each; lines that are no numbers are left out."""
    heading, *lines = text.splitlines() or [""]
    columns = heading.split()
    found = []
    for line in lines:
        try:
            values = [int(word, 16) for word in line.split()]
        except ValueError:
            continue
        found.append({NAMES[column]: value for column, value in zip(columns, values, strict=False) if column in NAMES})
    return tuple(found)


class ConntrackHistory:
    """The last reading of one namespace."""

    def __init__(self) -> None:
        self._last: tuple[int, Conntrack] | None = None

    def interval(self, reading: Conntrack, now_ms: int) -> tuple[int, Counters] | None:
        """Return since when, by how much each counter grew, and the entries; None at first and for no change."""
        before, self._last = self._last, (now_ms, reading)
        if before is None or before[1] == reading:
            return None
        grown: Counters = {}
        then_and_now = (parse_statistics(each.statistics) for each in (before[1], reading))
        for then, now in zip(*then_and_now, strict=False):
            for name, count in now.items():
                grown[name] = grown.get(name, 0) + _growth(then.get(name, 0), count)
        counters = {name: by for name, by in grown.items() if by} | {ENTRIES: reading.entries}
        return before[0], counters


def _growth(before: int, now: int) -> int:
    """Return by how much a counter of 32 bits grew; one that went back but did not overflow counts from zero."""
    if now >= before:
        return now - before
    return now + _WRAP - before if before >= _NEAR_WRAP else now


def conntrack_metadata(reading: Conntrack, shown: Metadata) -> Metadata:
    """Return what to show, given what is: the count anew when it doubles, halves or moves by a twentieth of the most.

    A table that nobody uses is not shown. All values are in the metrics; here each would be a revision of the node.
    """
    count = shown.get("Count")
    if not isinstance(count, int):
        return {"Count": reading.entries, "Max": reading.most} if reading.entries else {}
    before, now = max(count, FEW), max(reading.entries, FEW)
    near = before < 2 * now and now < 2 * before and abs(now - before) * 20 < (reading.most or now * 20)
    return {"Count": count if near else reading.entries, "Max": reading.most}
