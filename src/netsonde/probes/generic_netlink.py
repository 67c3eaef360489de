# SPDX-License-Identifier: Apache-2.0
"""Generic netlink: one socket, the number of a family, questions and their answers.

Source: linux/genetlink.h. Blocks for as long as the kernel answers, so it is used in a thread.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final

from netsonde.probes import netlink_wire as wire

NETLINK_GENERIC: Final = 16
GENL_ID_CTRL: Final = 0x10
CTRL_CMD_GETFAMILY: Final = 3
CTRL_ATTR_FAMILY_ID: Final = 1
CTRL_ATTR_FAMILY_NAME: Final = 2

GENERIC: Final = struct.Struct("=BBxx")
"""struct genlmsghdr: command and version."""
LONGEST: Final = 64 * 1024
"""Bytes of one datagram; the kernel's are 32 KiB at most."""
PATIENCE: Final = 5.0
"""Seconds for the kernel's next answer."""


def open_socket() -> socket.socket:
    """Return a socket to ask with, for the namespace of the calling thread."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
    found.settimeout(PATIENCE)
    return found


def answers(source: socket.socket) -> Iterator[wire.Message]:
    """Yield what the kernel says; TimeoutError when it falls silent, WireError when it makes no sense."""
    while True:
        data, (sender, _) = source.recvfrom(LONGEST)
        if sender == 0:  # only the kernel has port id 0; other processes may send to us too
            yield from wire.messages(data)


def read_family(
    source: socket.socket, name: str, listen: Callable[[socket.socket], Iterator[wire.Message]] = answers
) -> int:
    """Return the number by which this kernel knows a family, 0 when it does not. OSError when it refuses to tell."""
    body = GENERIC.pack(CTRL_CMD_GETFAMILY, 1) + wire.attribute(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
    source.send(wire.request(GENL_ID_CTRL, 0, 1, body))
    for message in listen(source):
        if message.type == wire.NLMSG_ERROR:
            number = wire.error_number(message)
            if number == errno.ENOENT:
                return 0
            raise OSError(number, errno.errorcode.get(number, "unknown error"))
        at = message.start + GENERIC.size
        found = wire.attributes(message.data, at, message.end, frozenset({CTRL_ATTR_FAMILY_ID}))
        return wire.number(found.get(CTRL_ATTR_FAMILY_ID, b""))
    return 0


def ask(source: socket.socket, family: int, command: int, body: bytes = b"", *, dump: bool) -> Iterator[wire.Message]:
    """Yield the answers to one question: all of a dump, else one.

    OSError with the kernel's number when it refuses, or breaks a dump off.
    """
    source.send(wire.request(family, wire.NLM_F_DUMP if dump else 0, command, GENERIC.pack(command, 1) + body))
    for message in answers(source):
        if message.seq != command:
            continue  # the rest of an answer that was not read to its end
        if message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
            number = wire.error_number(message)
            if number or message.type == wire.NLMSG_ERROR:
                raise OSError(number, errno.errorcode.get(number, "unknown error"))
            return
        yield message
        if not dump:
            return
