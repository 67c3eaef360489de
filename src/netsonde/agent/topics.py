# SPDX-License-Identifier: Apache-2.0
"""Connections of sinks of type `nats` to the servers that captures name."""

from collections.abc import Iterable
from pathlib import Path

from netsonde.bus.link import Link
from netsonde.bus.settings import BusSettings
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.topics import Connect
from netsonde.errors import UserError


def flow_messages(reports: bytes, captures: list[str]) -> Iterable[tuple[str, str, bytes]]:
    """Return the flows of these captures in an Arrow stream, each as (capture, TID of the node, JSON object)."""
    from netsonde import _native

    return _native.flow_messages(reports, captures)


def topic_connector(settings: CaptureSettings, name: str) -> Connect:
    """Return what connects to a server as the settings allow; `name` is what its lists of clients show."""

    async def connect(server: str) -> Link:
        if settings.topic_servers and server not in settings.topic_servers:
            raise UserError(f"{server} is not among capture.topic_servers of this agent", hint="add it there")
        access = BusSettings(url=server, token_file=settings.topic_token_file, tls_ca=_ca(settings, server))
        return await Link.open(access, name, what="")

    return connect


def _ca(settings: CaptureSettings, server: str) -> Path | None:
    # Certificates alone would turn TLS on for nats:// too.
    return settings.topic_ca if server.startswith("tls://") else None
