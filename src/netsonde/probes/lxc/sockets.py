# SPDX-License-Identifier: Apache-2.0
"""The command sockets that there are: one for each LXC container that is started, whoever started it.

Source: /proc/net/unix (proc(5)): abstract sockets that listen, called `LXCPATH/NAME/command`, or `lxc/HASH/command`
where that would be too long. The name proves nothing: whoever has an account can make such a socket.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

MOST: Final = 4096
"""Sockets that are asked; of more, which no host has containers for, the first."""
_ENDING: Final = b"/command"
_LISTENS: Final = 0x10000
"""SO_ACCEPTCON, include/linux/net.h."""


class CommandSocket(NamedTuple):
    """One socket; one that is made anew under the same name has another inode."""

    inode: int
    address: str
    """Without the leading null."""


def command_sockets(table: Path = Path("/proc/net/unix")) -> set[CommandSocket]:
    """Return those that there are now."""
    try:
        lines = table.read_bytes().split(b"\n")
    except OSError:
        return set()
    return set(islice(_listening(lines), MOST))


def _listening(lines: list[bytes]) -> Iterator[CommandSocket]:
    for line in lines:
        # Num: RefCount Protocol Flags Type St Inode Path; a path may hold blanks, an abstract one begins with @.
        fields = line.split(None, 7)
        if line.endswith(_ENDING) and len(fields) == 8 and fields[7].startswith(b"@"):
            try:
                flags, inode = int(fields[3], 16), int(fields[6])
            except ValueError:
                continue  # a name may hold the end of a line, too, and a line that looks like others
            if flags & _LISTENS:
                yield CommandSocket(inode, fields[7][1:].decode("utf-8", "surrogateescape"))
