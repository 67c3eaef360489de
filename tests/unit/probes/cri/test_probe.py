# SPDX-License-Identifier: Apache-2.0
"""The whole probe with a runtime that comes, changes, hangs, lies and goes, with and without events of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.cri import probe as cri_probe
from netsonde.probes.cri.probe import CriProbe
from netsonde.probes.cri.settings import CriSettings
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from netsonde.schema import unlisted
from unit.probes.changing import Changing
from unit.probes.cri.lab import Runtime, container, pod

IDENTITY = Identity("m1")


class Lab(Changing):
    def __init__(self, graph: Graph, health: Health) -> None:
        super().__init__(graph, health)
        self.health = health

    def shown(self) -> dict[str, Any]:
        nodes = self.graph.nodes_with("Type", "container")
        return {str(node.metadata["Name"]): node.metadata["Container"] for node in nodes}

    async def names(self, *wanted: str) -> None:
        await self.until(lambda: set(self.shown()) == set(wanted))


@asynccontextmanager
async def running(socket: Path, state: str = "running", **settings: Any) -> AsyncIterator[Lab]:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    cri = CriSettings(**{"sockets": (str(socket),), "list_interval": 60, "poll_interval": 60, **settings})
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(cri=cri), lambda _: None, lambda: 1)
    probe = CriProbe(context, str(socket))
    probe.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([probe], retry_delay=0.01)
    lab = Lab(graph, runner.healths["cri"])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until(lambda: lab.health.state == state)
        yield lab
        task.cancel()
    registry.close()


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(tmp_path / "s") as made:
        yield made


async def test_pods_and_containers_come_change_and_go_with_the_events(runtime: Runtime) -> None:
    async with running(runtime.socket) as lab:
        assert "CRI's events" in lab.health.reason
        runtime.pods = [pod("web-0", labels={"app": "shop"}), pod("old", state=1)]
        runtime.containers = [container("web", "web-0", state=0), container("done", "web-0", state=2)]
        runtime.happen()
        await lab.until(lambda: lab.shown().get("web", {}).get("Status") == "created")
        runtime.containers = [container("web", "web-0", labels={"a.b/c": "d"})]
        runtime.happen()
        await lab.until(lambda: lab.shown()["web"]["Status"] == "running")
        place = {"Name": "web-0", "Namespace": "shop", "UID": "web-0-uid", "ID": "web-0-id"}
        assert lab.shown() == {
            "web-0": {
                "ID": "web-0-id",
                "Runtime": "containerd",
                "Status": "running",
                "InitProcessPID": os.getpid(),
                "StartedAt": 5,
                "Hostname": "inside",
                "Labels": {"app": "shop"},
                "Pod": {**place, "IPs": ["10.0.0.7", "fd00::7"]},
            },
            "web": {
                "ID": "web-id",
                "Runtime": "containerd",
                "Status": "running",
                "InitProcessPID": os.getpid(),
                "StartedAt": 7,
                "Hostname": "inside",
                "Image": "nginx:1",
                "ImageID": "ref",
                "Attempt": 3,
                "Labels": {"a.b/c": "d"},
                "Pod": {**place, "IPs": ["10.0.0.7", "fd00::7"]},
            },
        }
        assert [one for node in lab.graph.nodes() for one in unlisted(node.metadata)] == []
        runtime.containers = []
        runtime.happen()
        await lab.names("web-0")
        runtime.pods = []
        runtime.happen()
        await lab.names()


async def test_state_that_follows_its_event_late_is_seen_by_a_second_list(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cri_probe, "SETTLING", 0.01)
    runtime.pods, runtime.containers = [pod("p")], [container("c", "p", state=0)]
    async with running(runtime.socket) as lab:
        await lab.until(lambda: lab.shown().get("c", {}).get("Status") == "created")
        asked = runtime.lists
        runtime.happen()
        # The list that the event causes still has the old state.
        runtime.before_list = lambda: runtime.lists > asked and runtime.put(containers=[container("c", "p")])
        await lab.until(lambda: lab.shown()["c"]["Status"] == "running")


@pytest.mark.parametrize(("events", "words"), [(("containerd",), "containerd's events"), ((), "asked at intervals")])
async def test_runtime_without_events_of_cri_is_followed_all_the_same(
    tmp_path: Path, events: tuple[str, ...], words: str
) -> None:
    async with Runtime(tmp_path / "s", events) as runtime, running(runtime.socket, poll_interval=0.01) as lab:
        await lab.until(lambda: words in lab.health.reason)
        runtime.pods = [pod("p")]
        runtime.happen()
        await lab.names("p")


async def test_runtime_is_waited_for_lost_and_found_again(tmp_path: Path) -> None:
    async with running(tmp_path / "s", "absent", answer_timeout=1.0, list_interval=0.05) as lab:
        assert "the socket does not exist" in lab.health.reason
        async with Runtime(tmp_path / "s") as runtime:
            runtime.pods = [pod("p")]
            await lab.names("p")
        await lab.until(lambda: lab.health.state == "failed")
        await lab.names("p")
        async with Runtime(tmp_path / "s") as runtime:
            await lab.names()


async def test_container_goes_with_its_process_before_the_runtime_says_so(runtime: Runtime) -> None:
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    runtime.pods, runtime.containers = [pod("p")], [container("c", "p")]
    runtime.info["c-id"] = f'{{"pid": {process.pid}}}'
    async with running(runtime.socket) as lab:
        await lab.names("p", "c")
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await lab.names("p")


@pytest.mark.parametrize("words", ["rubbish", "[]", '{"pid": "x"}', "[" * 100_000, '{"pid": 1e400}'])
async def test_rubbish_of_one_container_hides_that_one_only(runtime: Runtime, words: str) -> None:
    runtime.pods, runtime.containers = [pod("p")], [container("c", "p"), container("d", "p")]
    runtime.info["d-id"] = words
    async with running(runtime.socket) as lab:
        await lab.names("p", "c")
        await lab.until(lambda: "1 containers could not be read" in lab.health.reason)


@pytest.mark.parametrize("way", ["silent", "says_it_is_late"])
async def test_runtime_that_hangs_is_lost_and_keeps_its_containers(runtime: Runtime, way: str) -> None:
    runtime.pods = [pod("p")]
    async with running(runtime.socket, answer_timeout=1.0) as lab:
        await lab.names("p")
        setattr(runtime, way, True)
        runtime.happen()
        await lab.until(lambda: lab.health.state == "failed")
        assert "did not answer" in lab.health.reason
        assert set(lab.shown()) == {"p"}
        setattr(runtime, way, False)
        await lab.until(lambda: lab.health.state == "running")


async def test_answer_that_is_no_message_is_a_loss_with_a_reason(runtime: Runtime) -> None:
    runtime.answer = b"\x0b"
    async with running(runtime.socket, "failed") as lab:
        assert "wire type 3" in lab.health.reason
        runtime.answer, runtime.pods = None, [pod("p")]
        await lab.names("p")


async def test_server_without_cri_is_named(tmp_path: Path) -> None:
    async with Runtime(tmp_path / "s") as runtime:
        runtime.implemented = False
        async with running(runtime.socket, "failed") as lab:
            assert "does not speak CRI v1" in lab.health.reason


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64])
async def test_server_that_speaks_no_grpc_is_a_loss(tmp_path: Path, greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read(1)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(greet, str(tmp_path / "s"))
    async with server, running(tmp_path / "s", "failed") as lab:
        assert str(tmp_path / "s") in lab.health.reason
