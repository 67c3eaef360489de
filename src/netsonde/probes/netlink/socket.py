# SPDX-License-Identifier: Apache-2.0
"""A non-blocking rtnetlink socket: made inside a namespace, used from outside.

Needs: nothing for reading the own namespace; CAP_NET_ADMIN for a receive buffer beyond the system's limit.
"""

import contextlib
import errno
import socket
import sys
from typing import Final

from netsonde.errors import SourceLost, WireError

if sys.platform != "linux":  # pragma: no cover
    raise ImportError("rtnetlink exists on Linux only")

NETLINK_ROUTE: Final = 0
SO_RCVBUFFORCE: Final = 33
MSG_TRUNC: Final = 0x20

RTNLGRP_LINK: Final = 1
RTNLGRP_NEIGH: Final = 3
RTNLGRP_TC: Final = 4
RTNLGRP_IPV4_IFADDR: Final = 5
RTNLGRP_IPV4_ROUTE: Final = 7
RTNLGRP_IPV4_RULE: Final = 8
RTNLGRP_IPV6_IFADDR: Final = 9
RTNLGRP_IPV6_ROUTE: Final = 11
RTNLGRP_IPV6_RULE: Final = 19
RTNLGRP_NSID: Final = 28
RTNLGRP_NEXTHOP: Final = 32
RTNLGRP_BRVLAN: Final = 33
"""Beyond what bind(2) can name; kernels before 5.6 do not have it."""
SOL_NETLINK: Final = 270
NETLINK_ADD_MEMBERSHIP: Final = 1

GROUPS: Final = (
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
    RTNLGRP_TC,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV4_RULE,
    RTNLGRP_IPV6_RULE,
    RTNLGRP_NSID,
    RTNLGRP_NEXTHOP,
)
BUFFER_SIZE: Final = 256 * 1024
"""Room for one datagram; the kernel's are 32 KiB, an interface with hundreds of VFs makes bigger ones."""

_buffer = bytearray(BUFFER_SIZE)


class Overrun(Exception):
    """The kernel had to drop events: what is known may be wrong until it is read anew."""


class RtnetlinkSocket:
    """One socket, subscribed to links, addresses, routes, rules, neighbours and namespace ids."""

    def __init__(self, receive_buffer: int) -> None:
        """Open it in the namespace of the calling thread."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_ROUTE)
        try:
            _enlarge(self._socket, receive_buffer)
            self._socket.bind((0, sum(1 << (group - 1) for group in GROUPS)))
            with contextlib.suppress(OSError):
                self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_BRVLAN)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send one request; SourceLost when the kernel refuses."""
        try:
            self._socket.send(request)
        except OSError as refused:
            raise SourceLost(f"rtnetlink request failed: {refused.strerror}") from refused

    def receive(self) -> bytes | None:
        """Return one datagram, None when there is none. Raises Overrun; WireError when one was cut."""
        try:
            size, (sender, _) = self._socket.recvfrom_into(_buffer, BUFFER_SIZE, MSG_TRUNC)
        except BlockingIOError:
            return None
        except OSError as failed:
            if failed.errno == errno.ENOBUFS:
                raise Overrun from failed
            raise SourceLost(f"rtnetlink socket failed: {failed.strerror}") from failed
        if size > BUFFER_SIZE:
            raise WireError(f"netlink datagram of {size} bytes is longer than {BUFFER_SIZE}")
        # Only the kernel has port id 0; other processes may send to us too.
        return bytes(_buffer[:size]) if sender == 0 else b""


def _enlarge(sock: socket.socket, size: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
