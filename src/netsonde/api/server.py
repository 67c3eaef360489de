# SPDX-License-Identifier: Apache-2.0
"""Serves the application over HTTP until cancelled; the owner of the process handles its signals."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Generator

import uvicorn

from netsonde.aio import spawn
from netsonde.api.app import create_app
from netsonde.api.listener import open_listener
from netsonde.api.services import Services
from netsonde.api.settings import ApiSettings, check_exposure
from netsonde.api.tls import certificate_state, load_certificate, server_context
from netsonde.api.websocket.keepalive import WebSocket
from netsonde.errors import UserError
from netsonde.observe import logger

_GRACE = 1
"""Seconds that open requests, followed packets among them, get when the process stops."""
_RENEW_EVERY = 10.0
"""Seconds between two looks whether the certificate was renewed."""
_LONGEST_MESSAGE = 1024 * 1024
"""Bytes of a message from a WebSocket client."""


log = logger("api")


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
    check_exposure(services.settings, login_required=services.gate.login_required)
    config = _config(services)
    server = _Server(config)
    listener = open_listener(services.settings)
    async with asyncio.TaskGroup() as group:
        serving = spawn(group, server.serve(sockets=[listener]), "http server")
        renewing = spawn(group, _renew(config, services.settings), "certificate")
        host, port, *_ = listener.getsockname()
        started(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.shield(serving)
            raise
        finally:
            renewing.cancel()


async def _renew(config: uvicorn.Config, settings: ApiSettings) -> None:
    """Use a certificate that was renewed for the connections from then on; a bad one is logged, the old one stays."""
    seen = certificate_state(settings)
    while True:
        await asyncio.sleep(_RENEW_EVERY)
        state = await asyncio.to_thread(certificate_state, settings)
        if state != seen and isinstance(config.ssl, ssl.SSLContext):
            seen = state
            try:
                load_certificate(config.ssl, settings)
            except UserError as bad:
                log.error("the new certificate is not used", reason=bad.message)
            else:
                log.info("a new certificate is used", file=str(settings.tls_certificate))


def _config(services: Services) -> uvicorn.Config:
    settings = services.settings
    logging.getLogger("uvicorn.error").addFilter(_FILTER)
    tls = server_context(settings)
    return uvicorn.Config(
        create_app(services),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE,
        ws=WebSocket,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        ws_max_size=_LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
