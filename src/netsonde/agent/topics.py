# SPDX-License-Identifier: Apache-2.0
"""Connections of sinks that publish messages to the servers that captures name."""

from collections.abc import Iterable
from pathlib import Path

from netsonde.agent.kafka import KafkaLink
from netsonde.bus.link import Link
from netsonde.bus.settings import BusSettings
from netsonde.captures.settings import CaptureSettings
from netsonde.captures.topics import Connect, TopicLink
from netsonde.errors import UserError


def flow_messages(reports: bytes, captures: list[str]) -> Iterable[tuple[str, str, bytes]]:
    """Return the flows of these captures in an Arrow stream, each as (capture, TID of the node, JSON object)."""
    from netsonde import _native

    return _native.flow_messages(reports, captures)


class _NatsLink:
    """A connection of the bus's kind. NATS has no partitions: keys are of no use."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.flush, self.close = link.flush, link.close

    async def publish(self, subject: str, data: bytes, _key: str) -> None:
        await self._link.publish(subject, data)


def topic_connector(settings: CaptureSettings, name: str) -> Connect:
    """Return what connects to a server as the settings allow; `name` is what its lists of clients show."""

    async def connect(server: str) -> TopicLink:
        if settings.topic_servers and server not in settings.topic_servers:
            raise UserError(f"{server} is not among capture.topic_servers of this agent", hint="add it there")
        if server.startswith("kafka"):
            return await KafkaLink.open(server, settings, name)
        access = BusSettings(url=server, token_file=settings.topic_token_file, tls_ca=_ca(settings, server))
        return _NatsLink(await Link.open(access, name, what=""))

    return connect


def _ca(settings: CaptureSettings, server: str) -> Path | None:
    # Certificates alone would turn TLS on for nats:// too.
    return settings.topic_ca if server.startswith("tls://") else None
