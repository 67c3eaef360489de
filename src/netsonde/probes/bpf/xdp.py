# SPDX-License-Identifier: Apache-2.0
"""Which XDP programs the interfaces of a namespace have, asked of the kernel.

Source: IFLA_XDP of linux/if_link.h, by a dump of all links: the kernel tells nobody of a program that a link attaches,
and bpf(2) does not tell in whose namespace a link's interface is. Blocks, so it is called in a thread.
"""

import socket
import struct
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.probes import netlink_wire as wire

IFLA_EXT_MASK: Final = 29
IFLA_XDP: Final = 43
IFLA_XDP_PROG_ID: Final = 4
BY_MODE: Final = (7, 5, 6)
"""IFLA_XDP_{HW,DRV,SKB}_PROG_ID, in the order in which a packet meets them."""
RTEXT_FILTER_SKIP_STATS: Final = 1 << 3
LONGEST: Final = 256 * 1024
"""Bytes of one datagram; the kernel's are 32 KiB, an interface with hundreds of functions makes bigger ones."""
PATIENCE: Final = 5.0
"""Seconds for the kernel's next answer."""
ATTEMPTS: Final = 3
"""Dumps of interfaces that come and go meanwhile."""
_LINK: Final = struct.Struct("=BxHiII")
_WANTED: Final = frozenset({IFLA_XDP})


def open_socket() -> socket.socket:
    """Return a socket to ask with, for the namespace of the calling thread."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    found.settimeout(PATIENCE)
    return found


def read_xdp(source: socket.socket) -> dict[int, list[int]]:
    """Return the programs of each interface that has any, by ifindex.

    SourceLost when the kernel does not answer, or interfaces come and go all the while, so that some may be missing.
    """
    try:
        for _ in range(ATTEMPTS):
            if (found := _dumped(source)) is not None:
                return found
    except OSError as refused:
        raise SourceLost(f"the kernel does not list interfaces: {refused}") from refused
    raise SourceLost("the kernel does not list interfaces: they change all the while")


def _dumped(source: socket.socket) -> dict[int, list[int]] | None:
    """Return what one dump tells, None when something changed meanwhile."""
    mask = wire.attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_SKIP_STATS))
    source.send(wire.request(wire.RTM_GETLINK, wire.NLM_F_DUMP, 1, _LINK.pack(0, 0, 0, 0, 0) + mask))
    found: dict[int, list[int]] = {}
    whole = True
    while True:
        data, (sender, _) = source.recvfrom(LONGEST)
        for message in wire.messages(data) if sender == 0 else ():
            whole = whole and not message.flags & wire.NLM_F_DUMP_INTR
            if message.type in (wire.NLMSG_DONE, wire.NLMSG_ERROR):
                if message.type == wire.NLMSG_ERROR or wire.error_number(message):
                    raise SourceLost(f"the kernel does not list interfaces: error {wire.error_number(message)}")
                return found if whole else None
            ifindex, programs = decode(message)
            if programs:
                found[ifindex] = programs


def decode(message: wire.Message) -> tuple[int, list[int]]:
    """Return ifindex and programs of one RTM_NEWLINK."""
    if message.end - message.start < _LINK.size:
        raise WireError("link message is too short")
    ifindex = _LINK.unpack_from(message.data, message.start)[2]
    found = wire.attributes(message.data, message.start + _LINK.size, message.end, _WANTED)
    xdp = dict(wire.repeated(found.get(IFLA_XDP, b"")))
    programs = [wire.number(xdp[mode]) for mode in BY_MODE if mode in xdp]
    # Before Linux 4.18 there was but one program, and its mode was not told with it.
    programs = programs or [wire.number(xdp.get(IFLA_XDP_PROG_ID, b""))]
    return ifindex, [program for program in programs if program]
