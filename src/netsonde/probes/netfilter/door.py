# SPDX-License-Identifier: Apache-2.0
"""One look at one namespace: what its files say is read inside, its rules through a socket from there, outside.

Rules may take the kernel long to list, and the thread that enters namespaces is waited for by others.
"""

import errno
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from netsonde.errors import SourceLost, WireError
from netsonde.probes.netfilter.conntrack import Conntrack, read_conntrack
from netsonde.probes.netfilter.nftables import Ruleset, open_socket, read_generation, read_ruleset


@dataclass(frozen=True, slots=True)
class Door:
    """A namespace that was entered."""

    conntrack: Conntrack | None
    """None where the kernel tracks no connections."""
    source: socket.socket | None
    """None where the kernel has no nftables."""

    def close(self) -> None:
        """Let go of the namespace: an open socket would keep alive one that nobody uses any more."""
        if self.source is not None:
            self.source.close()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a namespace's rules are now."""

    generation: int | None = None
    """None where they are not known."""
    found: Ruleset | None = None
    """None where they are not known, or are still those of that generation."""
    trouble: str = ""


def open_door(*, nftables: bool) -> Door:
    """Enter by the calling thread's namespace; `nftables`: whether the kernel may have it."""
    conntrack = read_conntrack()
    try:
        return Door(conntrack, open_socket() if nftables else None)
    except OSError as refused:
        if refused.errno != errno.EPROTONOSUPPORT:
            raise
        # A kernel without modules, and without netfilter's netlink: its rules are none, its namespace was entered.
        return Door(conntrack, None)


def read_rules(doors: Iterable[tuple[Door, int | None]], most: int) -> tuple[list[Rules], float]:
    """Read the rules of each where its generation is not the given one; return them and the seconds of CPU it took."""
    began = time.thread_time()
    return [_read(door.source, known, most) for door, known in doors], time.thread_time() - began


def _read(source: socket.socket | None, known: int | None, most: int) -> Rules:
    if source is None:
        return Rules(found=Ruleset())
    try:
        generation = read_generation(source)
        if generation is None:
            return Rules(found=Ruleset())
        if generation == known:
            return Rules(generation)
        found = read_ruleset(source, most)
    except (SourceLost, WireError) as refused:
        return Rules(trouble=str(refused))
    return Rules(None if found is None else generation, found)
