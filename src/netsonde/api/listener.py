# SPDX-License-Identifier: Apache-2.0
"""The socket on which the API is served; loads no HTTP library, so that others can try the address quickly."""

import contextlib
import socket
from typing import Final

from netsonde.api.settings import ApiSettings, split_address
from netsonde.errors import UserError

_PATIENCE_MS: Final = 300_000
"""For which what was sent may wait for a client that takes nothing of it; else it, and its memory, would stay for ever.
Long enough for somebody who reads an answer in a pager."""


def open_listener(settings: ApiSettings) -> socket.socket:
    """Listen before anything else starts, so that a taken port is told in words and connections wait for us.

    Raises UserError when the address is taken or cannot be bound.
    """
    host, port = split_address(settings.listen)
    with contextlib.ExitStack() as undo:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections have it from the socket that accepts them.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE_MS)
            listener.bind(address)
            listener.listen(1024)
        except OSError as failed:
            raise UserError(
                f"cannot listen on {settings.listen}: {failed.strerror or failed}",
                hint="another process may have the port: `ss -ltnp` shows it; --listen chooses another",
            ) from failed
        undo.pop_all()
    return listener
