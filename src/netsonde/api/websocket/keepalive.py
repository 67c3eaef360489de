# SPDX-License-Identifier: Apache-2.0
"""uvicorn's WebSocket, which drops a client that reads nothing, and only such a one.

As it comes it judges by the answer to a ping alone. That stands behind all that was sent before it: a client on a slow
line that is sent a large graph was dropped in the middle. And it closes a connection in order, once all is sent: one to
a client that never reads stayed for ever, with all that waited for it.

Source: what the kernel knows of the connection, struct tcp_info of linux/tcp.h; buffers above it do not show under TLS.
"""

import fcntl
import os
import socket
import struct
from typing import Final, NamedTuple

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_LEAST: Final = 1024
"""Bytes that a client takes between two looks, if it reads: a kernel takes a ping for a program that hangs."""
_BYTES_ACKED: Final = 120
"""Where tcpi_bytes_acked is in struct tcp_info (Linux 4.1)."""
_SIOCOUTQ: Final = 0x5411  # linux/sockios.h


class Taken(NamedTuple):
    """How far the other side is."""

    acked: int
    """Bytes that it has taken since the connection began."""
    waiting: int
    """Bytes that the kernel holds for it."""


class WebSocket(WebSocketsSansIOProtocol):
    """One connection; what its methods are called is uvicorn's."""

    _acked = 0
    """What the client had taken when it was last seen to read, or was asked for a sign of life."""

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        self._acked = self.taken().acked

    def keepalive_timeout(self) -> None:
        """Wait on while the client reads; else close the connection, by force where closing has to wait for it."""
        now = self.taken()
        if now.acked - self._acked >= _LEAST and self.ping_timeout is not None:
            self._acked = now.acked
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        if now.waiting:
            self.transport.abort()

    def taken(self) -> Taken:
        """Ask the kernel; nothing where there is no TCP."""
        try:
            number = self.transport.get_extra_info("socket").fileno()
            (waiting,) = struct.unpack("i", fcntl.ioctl(number, _SIOCOUTQ, b"\0" * 4))
            with socket.socket(fileno=os.dup(number)) as copy:
                known = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            (acked,) = struct.unpack_from("=Q", known, _BYTES_ACKED)
        except (AttributeError, OSError, struct.error):
            return Taken(0, 0)
        return Taken(acked, waiting)
