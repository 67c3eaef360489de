# SPDX-License-Identifier: Apache-2.0
"""Flow records in topics of a real Kafka broker: with a login, without, and over the broker's death."""

import asyncio
import base64
import json
import logging
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from foreign.programs import INSTALLED
from netsonde.agent.kafka import KafkaLink
from netsonde.captures.settings import CaptureSettings
from netsonde.errors import SourceLost
from system.links import send_udp
from system.stack import Stack, free_port

JAVA = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{INSTALLED / 'kafka'}/*"]
CONFIG = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{login},CONTROLLER://127.0.0.1:{control}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_agent="secret";
log.dirs={folder}/data
num.partitions=2
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
"""

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="needs Debian's default-jre-headless")


class Broker:
    """A cluster of one, with its data in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.plain, self.login, control = free_port(), free_port(), free_port()
        self.config = folder / "server.properties"
        self.config.write_text(CONFIG.format(folder=folder, plain=self.plain, login=self.login, control=control))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        storage = [*JAVA, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.config)]
        subprocess.run(storage, check=True, capture_output=True)
        self.start()

    def start(self) -> None:
        with self.config.with_name("log").open("ab") as log:
            self.process = subprocess.Popen([*JAVA, "kafka.Kafka", str(self.config)], stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("kafka"))
    yield made
    made.kill()


@asynccontextmanager
async def reading(broker: Broker, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of a topic from its beginning, as soon as the broker answers."""
    async with asyncio.timeout(90):
        while True:
            server = f"127.0.0.1:{broker.plain}"
            # A topic that is not there yet is looked for this often.
            options = {"auto_offset_reset": "earliest", "metadata_max_age_ms": 500}
            consumer = AIOKafkaConsumer(topic, bootstrap_servers=server, **options)
            try:
                await consumer.start()
                break
            except KafkaError:
                await consumer.stop()
                await asyncio.sleep(0.2)
    try:
        yield consumer
    finally:
        await consumer.stop()


async def record(broker: Broker, topic: str, port: int) -> tuple[str, dict[str, Any]]:
    """Return the key and the flow of the first message about traffic to a port."""
    async with reading(broker, topic) as consumer, asyncio.timeout(60):
        async for message in consumer:
            flow = json.loads(message.value)
            if flow["Transport"]["B"] == port:
                return message.key.decode(), flow
    raise AssertionError("the topic ended")


@pytest.mark.timeout(180)
def test_flows_reach_their_topic_also_after_the_broker_was_killed(
    stack: Stack, veth: tuple[str, str], broker: Broker
) -> None:
    left, right = veth
    sink = {"Type": "kafka", "Target": f"127.0.0.1:{broker.plain}", "Subject": "lab.flows"}
    uuid = stack.capture(f"G.V().Has('Name', '{right}')", Sinks=[sink], BPFFilter="udp portrange 9201-9202")
    stack.wait_capture(uuid, "active")
    send_udp(left, 0, 5, port=9201)
    key, flow = asyncio.run(record(broker, "lab.flows", 9201))
    assert (key, flow["CaptureID"], flow["Network"]["Protocol"]) == (flow["NodeTID"], uuid, "IPV4")

    broker.kill()
    send_udp(left, 0, 5, port=9202)
    broker.start()
    assert asyncio.run(record(broker, "lab.flows", 9202))[1]["NodeTID"] == key

    status = stack.capture_status(uuid)["Nodes"][0]["Sinks"][0]
    assert (status["Type"], status["Dropped"]) == ("kafka", 0)
    stack.call("DELETE", f"/api/capture/{uuid}")


async def published(settings: CaptureSettings, port: int) -> None:
    link = await KafkaLink.open(f"kafka://127.0.0.1:{port}", settings, "agent test")
    try:
        await link.publish("login", b"{}", "node")
        await link.flush(10)
    finally:
        await link.close()


def settings(broker: Broker, password_file: Path, password: str) -> CaptureSettings:
    password_file.write_text(password)
    return CaptureSettings(
        topic_servers=(f"kafka://127.0.0.1:{broker.login}",),
        topic_kafka_user="agent",
        topic_kafka_password_file=password_file,
        topic_kafka_mechanism="PLAIN",
    )


def test_an_agent_logs_in_and_says_when_its_password_is_wrong(broker: Broker, tmp_path: Path) -> None:
    async def run() -> None:
        async with reading(broker, "login") as consumer:
            await published(settings(broker, tmp_path / "right", "secret"), broker.login)
            async with asyncio.timeout(30):
                assert (await anext(aiter(consumer))).key == b"node"

    asyncio.run(run())
    with pytest.raises(SourceLost, match=f"kafka://127.0.0.1:{broker.login}: "):
        asyncio.run(published(settings(broker, tmp_path / "wrong", "guess"), broker.login))


def test_an_agent_goes_to_no_broker_that_its_administrator_did_not_name(broker: Broker, tmp_path: Path) -> None:
    elsewhere = CaptureSettings(topic_servers=("kafka://127.0.0.1:1",))
    with pytest.raises(SourceLost, match=f"sends us to its broker 127.0.0.1:{broker.plain}; name it in"):
        asyncio.run(published(elsewhere, broker.plain))
