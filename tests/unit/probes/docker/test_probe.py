# SPDX-License-Identifier: Apache-2.0
"""The whole probe against an engine that replays the recording, talks rubbish, is slow, goes away and comes back."""

import asyncio
import json
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
from netsonde.probes.docker import probe as docker_probe
from netsonde.probes.docker.probe import DockerProbe
from netsonde.probes.docker.settings import DockerSettings
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from unit.probes.changing import Changing
from unit.probes.docker.lab import Engine, event, told

IDENTITY = Identity("m1")


def alive(name: str) -> dict[str, Any]:
    """Return a recorded container as if its first process were this one."""
    found = told(name)
    found["State"]["Pid"] = os.getpid()
    return found


class Lab(Changing):
    def __init__(self, graph: Graph, engine: Engine, health: Health) -> None:
        super().__init__(graph, health)
        self.engine = engine
        self.health = health

    def names(self) -> set[object]:
        return {node.metadata["Name"] for node in self.graph.nodes_with("Type", "container")}


@asynccontextmanager
async def running(tmp_path: Path, *containers: dict[str, Any], **settings: float) -> AsyncIterator[Lab]:
    """The probe follows an engine that runs these containers, and has read them."""
    graph, engine, registry = Graph("h1", "agent.h1", lambda: 1), Engine(list(containers)), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    docker = DockerSettings(sockets=(f"{tmp_path}/s",), **settings)
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(docker=docker), lambda _: None, lambda: 1)
    (probe,) = DockerProbe.all(context)
    probe.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([probe], retry_delay=0.01)
    lab = Lab(graph, engine, runner.healths["docker"])
    listening = await asyncio.start_unix_server(engine.serve, tmp_path / "s")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until(lambda: lab.health.state == "running")
        yield lab
        task.cancel()
    listening.close()
    await engine.end()
    registry.close()


async def test_what_runs_already_is_there_when_the_probe_is_running(tmp_path: Path) -> None:
    async with running(tmp_path, alive("web"), alive("island")) as lab:
        assert lab.names() == {"web", "island"}
        assert lab.health.reason.startswith("docker 20.10.24")
        assert lab.health.counters["objects"] == 2
        host = {edge.child for edge in lab.graph.out_edges(IDENTITY.host())}
        assert host == {node.id for node in lab.graph.nodes_with("Type", "container")}


async def test_containers_come_change_and_go_with_events(tmp_path: Path) -> None:
    web, island = alive("web"), alive("island")
    async with running(tmp_path, web) as lab:
        lab.engine.put([web, island])
        lab.engine.send(event("start", island["Id"]))
        await lab.until(lambda: lab.names() == {"web", "island"})
        lab.engine.put([web, island | {"Name": "/ilha"}])
        lab.engine.send(event("rename", island["Id"]))
        await lab.until(lambda: lab.names() == {"web", "ilha"})
        lab.engine.put([web])
        lab.engine.send(event("destroy", island["Id"]))
        await lab.until(lambda: lab.names() == {"web"})


async def test_events_of_health_checks_cost_no_question(tmp_path: Path) -> None:
    web = alive("web")
    async with running(tmp_path, web) as lab:
        asked = len(lab.engine.asked)
        lab.engine.put([web | {"Name": "/last"}])
        lab.engine.send(*[event("exec_start: /bin/true", web["Id"])] * 500, event("rename", web["Id"]))
        await lab.until(lambda: lab.names() == {"last"})
        assert lab.health.counters["events"] == 501
        assert lab.engine.asked[asked:] == [f"/containers/{web['Id']}/json"]


async def test_a_thousand_events_at_once_of_one_container_are_a_few_questions(tmp_path: Path) -> None:
    web, island = alive("web"), alive("island")
    async with running(tmp_path, web) as lab:
        asked = len(lab.engine.asked)
        lab.engine.put([web, island])
        lab.engine.send(*[event("update", web["Id"])] * 1000, event("start", island["Id"]))
        await lab.until(lambda: lab.names() == {"web", "island"})
        assert lab.health.counters["events"] == 1001
        assert len(lab.engine.asked) - asked < 20


async def test_events_of_more_containers_than_can_wait_end_in_a_new_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_probe, "MOST_WAITING", 10)
    web = alive("web")
    async with running(tmp_path, web) as lab:
        lab.engine.put([web | {"Name": "/new"}])
        lab.engine.send(*[event("start", f"id{number}") for number in range(50)])
        await lab.until(lambda: lab.names() == {"new"})
        assert lab.health.counters["relisted"] > 0


async def test_container_that_starts_while_a_list_is_on_its_way_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_probe, "MOST_WAITING", 10)
    web, late = alive("web"), alive("island")
    async with running(tmp_path, web) as lab:
        lab.engine.answers[f"/containers/{late['Id']}/json"] = json.dumps(late).encode()
        lab.engine.before_list = lambda: lab.engine.send(event("start", late["Id"]))
        lab.engine.send(*[event("start", f"id{number}") for number in range(50)])
        await lab.until(lambda: lab.names() == {"web", "island"})


async def test_events_are_taken_while_the_first_list_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()
    async with running(tmp_path, alive("web")) as lab:
        lab.engine.hung = {"/containers/json"}
        lab.engine.drop()
        await lab.until(lambda: lab.health.state == "failed")
        monkeypatch.setattr(docker_probe, "touched_container", lambda _: taken.set())
        await asyncio.wait_for(lab.engine.took.wait(), 20)
        lab.engine.send(event("start", "abc"))
        await asyncio.wait_for(taken.wait(), 20)


async def test_one_container_that_nobody_understands_is_counted_and_the_others_are_shown(tmp_path: Path) -> None:
    web, broken = alive("web"), alive("island")
    async with running(tmp_path, web, broken | {"State": "unknown"}) as lab:
        assert lab.names() == {"web"}
        assert lab.health.counters["unreadable"] == 1
        assert "1 containers could not be read" in lab.health.reason
        lab.engine.put([web, broken])
        lab.engine.send(event("update", broken["Id"]))
        await lab.until(lambda: lab.names() == {"web", "island"} and "could not" not in lab.health.reason)


async def test_rubbish_among_events_is_the_reason_of_a_new_start_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, alive("web")) as lab:
        before = {node.id: node.revision for node in lab.graph.nodes()}
        lab.engine.send(b'{"Type": ["container"]}')
        await lab.until(lambda: lab.engine.streams == 2 and lab.health.state == "running")
        assert any("expected Event" in reason for reason in lab.reasons)
        assert {node.id: node.revision for node in lab.graph.nodes()} == before


async def test_container_that_went_while_the_engine_was_away_is_gone(tmp_path: Path) -> None:
    web, island = alive("web"), alive("island")
    async with running(tmp_path, web, island) as lab:
        lab.engine.put([island])
        lab.engine.drop()
        await lab.until(lambda: lab.names() == {"island"})
        assert any("closed the connection" in reason for reason in lab.reasons)


async def test_engine_that_takes_questions_and_answers_none_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, alive("web"), ping_interval=0.01, answer_timeout=1.0) as lab:
        lab.engine.silent = True
        await lab.until(lambda: lab.health.state == "failed")
        assert "did not answer" in lab.health.reason
        assert lab.names() == {"web"}
        lab.engine.silent = False
        await lab.until(lambda: lab.health.state == "running")


async def test_engine_that_hangs_over_one_container_tells_of_the_others(tmp_path: Path) -> None:
    web, island = alive("web"), alive("island")
    async with running(tmp_path, web, island, answer_timeout=1.0) as lab:
        lab.engine.hung = {f"/containers/{web['Id']}/json"}
        lab.engine.put([web, island | {"Name": "/ilha"}])
        lab.engine.drop()
        await lab.until(lambda: "ilha" in lab.names() and lab.health.state == "running")
        assert lab.names() == {"web", "ilha"}
        assert "1 containers could not be read" in lab.health.reason


async def test_engine_that_is_too_old_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, alive("web")) as lab:
        lab.engine.answers["/version"] = b'{"Version": "1.6", "ApiVersion": "1.18"}'
        lab.engine.drop()
        await lab.until(lambda: "1.18" in lab.health.reason)
        assert "1.24 is needed" in lab.health.reason
