# SPDX-License-Identifier: Apache-2.0
"""Serves the application over HTTP until cancelled; the owner of the process handles its signals."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Generator

import uvicorn

from netsonde.aio import spawn
from netsonde.api.app import create_app
from netsonde.api.listener import open_listener
from netsonde.api.services import Services
from netsonde.api.settings import check_exposure

_GRACE = 1
"""Seconds that open requests, followed packets among them, get when the process stops."""
_LONGEST_MESSAGE = 1024 * 1024
"""Bytes of a message from a WebSocket client."""


class _NoFalseAlarm(logging.Filter):
    """Drops uvicorn's complaint about WebSockets that are refused with an answer instead of an upgrade."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing handshake" not in record.getMessage()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the analyzer has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


_FILTER = _NoFalseAlarm()


async def serve(services: Services, started: Callable[[str], None] = lambda _: None) -> None:
    """Answer requests until cancelled; `started` gets the address once connections are accepted.

    Raises UserError when the address is taken, cannot be bound, or must not be exposed.
    """
    check_exposure(services.settings)
    server = _Server(_config(services))
    listener = open_listener(services.settings)
    async with asyncio.TaskGroup() as group:
        serving = spawn(group, server.serve(sockets=[listener]), "http server")
        host, port, *_ = listener.getsockname()
        started(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.shield(serving)
            raise


def _config(services: Services) -> uvicorn.Config:
    settings = services.settings
    logging.getLogger("uvicorn.error").addFilter(_FILTER)
    return uvicorn.Config(
        create_app(services),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        ws_max_size=_LONGEST_MESSAGE,
        ws_per_message_deflate=False,
    )
