# SPDX-License-Identifier: Apache-2.0
"""Connections of sinks of type `kafka` to the brokers that captures name.

A broker answers with the addresses of all others of its cluster, and the client connects to these: what an
administrator lets sinks send to holds for them as well.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from netsonde.bus.settings import BusSettings
from netsonde.captures.destinations import Destinations
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import SourceLost

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer
    from aiokafka.cluster import ClusterMetadata

_ANSWER_WITHIN: Final = 5.0
_RECOVERS_WITHIN: Final = 60.0
"""Seconds for which a broker that is lost is waited for: what the producer tries again is written once."""
_CLOSE_WITHIN: Final = 2.0
_TLS: Final = "kafka+tls://"


class Guard:
    """Finds brokers to which this agent may not send; a listener of the client's view of its cluster."""

    def __init__(self, settings: CaptureSettings, on_refusal: Callable[[], None] = lambda: None) -> None:
        self._named = {server.rpartition("/")[2] for server in settings.topic_servers}
        self._destinations = Destinations(settings.export_allow, settings.export_refuse)
        self._on_refusal = on_refusal
        self.refusal = ""

    def __call__(self, cluster: "ClusterMetadata") -> None:
        """Note why the first broker that is refused is; may not raise, since the client calls it amid its own work."""
        if self.refusal:
            return
        problems = (self.problem(broker.host, broker.port) for broker in cluster.brokers())
        self.refusal = next((problem for problem in problems if problem), "")
        if self.refusal:
            self._on_refusal()

    def problem(self, host: str, port: int) -> str:
        """Say why nothing may be sent to a broker; "" when it may."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if address in self._named:
            return ""
        hint = "name it in capture.topic_servers of this agent"
        if self._named:
            return f"the cluster sends us to its broker {address[:200]}; {hint}"
        try:
            return self._destinations.problem(address)
        except ValueError:
            return f"the cluster sends us to its broker {address[:200]}, a name; {hint}"


class KafkaLink:
    """A producer. Messages of one key are kept in order, and none is written twice."""

    def __init__(self, producer: "AIOKafkaProducer", settings: CaptureSettings) -> None:
        self._producer = producer
        self._guard = Guard(settings, self._break_off)
        producer.client.cluster.add_listener(self._guard)
        self._sent: list[asyncio.Future[object]] = []
        self._breaking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, server: str, settings: CaptureSettings, name: str) -> "KafkaLink":
        """Connect to kafka://ADDRESS:PORT or kafka+tls://ADDRESS:PORT; raises SourceLost with the reason."""
        from aiokafka import AIOKafkaProducer
        from aiokafka.errors import KafkaError

        # What fails is said in the status of the sink; the library would log each attempt once more.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        password = settings.read_kafka_password()
        encrypted = server.startswith(_TLS)
        producer = AIOKafkaProducer(
            bootstrap_servers=server.rpartition("/")[2],
            client_id=name,
            request_timeout_ms=int(_ANSWER_WITHIN * 1000),
            # All replicas, and numbered: what is tried again is written once.
            enable_idempotence=True,
            security_protocol=f"{'SASL_' if password else ''}{'SSL' if encrypted else 'PLAINTEXT'}",
            ssl_context=BusSettings(url="tls://", tls_ca=settings.topic_ca).tls_context() if encrypted else None,
            sasl_mechanism=settings.topic_kafka_mechanism,
            sasl_plain_username=settings.topic_kafka_user or None,
            sasl_plain_password=password or None,
        )
        link = cls(producer, settings)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                # By itself first: the producer would go on to other brokers at once.
                await producer.client.bootstrap()
                link._check()
                await producer.start()
        except (KafkaError, OSError, TimeoutError, SourceLost) as failed:
            await link.close()
            raise SourceLost(f"{server}: {failed or type(failed).__name__}") from failed
        except BaseException:
            await link.close()
            raise
        return link

    def _check(self) -> None:
        if self._guard.refusal:
            raise SourceLost(self._guard.refusal)

    def _break_off(self) -> None:
        work = self._producer.client.close()
        self._breaking = asyncio.get_running_loop().create_task(work, name="captures.topic.leave")

    async def publish(self, subject: str, data: bytes, key: str) -> None:
        """Hand a message to the producer; raises SourceLost when its topic cannot be found or made."""
        from aiokafka.errors import KafkaError

        self._check()
        try:
            self._sent.append(await self._producer.send(subject, data, key=key.encode()))
        except (KafkaError, OSError, TimeoutError, SourceLost) as failed:
            raise SourceLost(f"cannot publish on {subject}: {failed or type(failed).__name__}") from failed

    async def flush(self, timeout: float) -> None:
        """Return when the brokers have all that was published; raises SourceLost when they do not say so in time.

        That is `timeout`, or longer: a restarted broker, or the next leader of a partition, takes it yet.
        """
        from aiokafka.errors import KafkaError

        sent, self._sent = self._sent, []
        try:
            async with asyncio.timeout(max(timeout, _RECOVERS_WITHIN)):
                await asyncio.gather(*sent)
        except (KafkaError, OSError, TimeoutError) as failed:
            raise SourceLost(f"the broker does not take it: {failed or type(failed).__name__}") from failed

    async def close(self) -> None:
        """Disconnect; what no broker has taken yet is given up."""
        for future in self._sent:
            future.cancel()
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_WITHIN):
                await self._producer.stop()
        with suppress(Exception):
            await self._producer.client.close()
