# SPDX-License-Identifier: Apache-2.0
"""uvicorn's WebSocket, which drops a client that reads nothing, and only such a one.

As it comes it judges by the answer to a ping alone. That stands behind all that was sent before it: a client on a slow
line that is sent a large graph was dropped in the middle. And it closes a connection in order, once all is sent: one to
a client that never reads stayed for ever, with all that waited for it.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class WebSocket(WebSocketsSansIOProtocol):
    """One connection; what its methods are called is uvicorn's."""

    _waiting = 0
    """Bytes not sent yet when the client was last seen to read, or was asked for a sign of life."""

    def send_keepalive_ping(self) -> None:
        super().send_keepalive_ping()
        self._waiting = self.transport.get_write_buffer_size()

    def keepalive_timeout(self) -> None:
        """Wait on while the client reads; else close the connection, by force where closing has to wait for it."""
        waiting = self.transport.get_write_buffer_size()
        if waiting < self._waiting and self.ping_timeout is not None:
            self._waiting = waiting
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        if waiting:
            self.transport.abort()
