# SPDX-License-Identifier: Apache-2.0
"""The whole probe on state files that tests write: they come, change, go, are rubbish, and outlive their processes."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netsonde.errors import SourceLost
from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.observe import Health
from netsonde.probes import claims
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.runc import files, probe
from netsonde.probes.runc.probe import RuncProbe
from netsonde.probes.runc.settings import RuncSettings
from netsonde.probes.runner import ProbeRunner
from netsonde.probes.settings import ProbeSettings
from unit.probes.changing import Changing

IDENTITY = Identity("m1")


class Lab(Changing):
    def __init__(self, graph: Graph, health: Health, root: Path) -> None:
        super().__init__(graph, health)
        self.health = health
        self.root = root

    def names(self) -> dict[str, Any]:
        nodes = self.graph.nodes_with("Type", "container")
        return {str(node.metadata["Name"]): node.metadata["Container"] for node in nodes}

    def write(self, name: str, **more: Any) -> Path:
        """Write a state as runc does: to another file first."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        state = {"id": folder.name, "init_process_pid": os.getpid(), "config": {"labels": []}, **more}
        (folder / "state-1").write_text(json.dumps(state))
        return (folder / "state-1").rename(folder / "state.json")


@asynccontextmanager
async def running(tmp_path: Path, run_path: str = "runc") -> AsyncIterator[Lab]:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    settings = ProbeSettings(runc=RuncSettings(run_paths=(str(tmp_path / run_path),)))
    context = ProbeContext(graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
    made = RuncProbe(context)
    made.needs = ()  # type: ignore[assignment]
    runner = ProbeRunner([made], retry_delay=0.01)
    lab = Lab(graph, runner.healths["runc"], tmp_path / "runc")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await lab.until(lambda: lab.health.state == "running")
        yield lab
        task.cancel()
    registry.close()


async def test_states_come_change_and_go_at_either_depth_although_the_root_comes_later(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.write("one")
        await lab.until(lambda: set(lab.names()) == {"one"})
        state = lab.write("k8s.io/two", config={"labels": ["nerdctl/name=web"]})
        await lab.until(lambda: set(lab.names()) == {"one", "web"})
        lab.write("one", config={"labels": ["nerdctl/name=first"]})
        await lab.until(lambda: set(lab.names()) == {"first", "web"})
        state.unlink()
        state.parent.rmdir()
        await lab.until(lambda: set(lab.names()) == {"first"})


async def test_container_of_crun_has_what_its_status_and_its_bundle_say(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        folder = lab.root / "one"
        folder.mkdir(parents=True)
        annotations = {"io.kubernetes.cri.container-name": "web", "odd": "a=b"}
        (folder / "config.json").write_text(json.dumps({"hostname": "h", "annotations": annotations, "linux": {}}))
        (folder / "status-1").write_text(
            json.dumps({"pid": os.getpid(), "bundle": "/b", "created": "2026-01-02T03:04:05Z"})
        )
        (folder / "status-1").rename(folder / "status")
        await lab.until(lambda: "web" in lab.names())
        facts = lab.names()["web"]
        assert (facts["Runtime"], facts["Hostname"], facts["Bundle"]) == ("crun", "h", "/b")
        assert (facts["Labels"], facts["StartedAt"]) == (annotations, 1_767_323_045_000)


@pytest.mark.parametrize(
    "config", [None, "[]", '{"annotations": 3}', "\udcff"], ids=["absent", "a list", "odd", "no text"]
)
async def test_status_of_crun_beside_a_bundle_that_nobody_understands_hides_that_container_only(
    tmp_path: Path, config: str | None
) -> None:
    async with running(tmp_path) as lab:
        folder = lab.root / "odd"
        folder.mkdir(parents=True)
        files = {"config.json": config, "status": json.dumps({"pid": os.getpid()})}
        for name, text in files.items():
            if text is not None:
                (folder / name).write_text(text, errors="surrogateescape")
        lab.write("two")
        await lab.until(lambda: set(lab.names()) == {"two"})


async def test_container_runs_when_its_fifo_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        (lab.root / "one").mkdir(parents=True)
        os.mkfifo(lab.root / "one/exec.fifo")
        lab.write("one")
        await lab.until(lambda: lab.names().get("one", {}).get("Status") == "created")
        (lab.root / "one/exec.fifo").unlink()
        await lab.until(lambda: lab.names()["one"]["Status"] == "running")


async def test_container_goes_with_its_process_although_its_state_stays(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        state = lab.write("one", init_process_pid=process.pid)
        await lab.until(lambda: set(lab.names()) == {"one"})
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await lab.until(lambda: lab.names() == {})
        assert state.exists()


async def test_container_goes_with_its_process_after_a_new_start_of_the_probe_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: files.StateWatcher) -> None:
        monkeypatch.undo()
        raise SourceLost("no more watches")

    async with running(tmp_path) as lab:
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        lab.write("one", init_process_pid=process.pid)
        await lab.until(lambda: set(lab.names()) == {"one"})
        monkeypatch.setattr(files.StateWatcher, "watch", crash)
        lab.write("two")
        await lab.until(lambda: lab.health.failures == 1 and set(lab.names()) == {"one", "two"})
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await lab.until(lambda: set(lab.names()) == {"two"})


async def test_directory_that_cannot_be_watched_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "add_watch", lambda *_: -1)
    async with running(tmp_path) as lab:
        assert lab.health.reason == "1 directories cannot be watched: raise fs.inotify.max_user_watches"


async def test_another_process_of_the_same_number_is_not_taken_for_the_containers(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.write("old", init_process_start=1)
        lab.write("new")
        await lab.until(lambda: set(lab.names()) == {"new"})


async def test_rubbish_is_counted_and_the_others_are_shown(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        state = lab.write("bad")
        await lab.until(lambda: set(lab.names()) == {"bad"})
        (state.parent / "x").write_bytes(b"{")
        (state.parent / "x").rename(state)
        lab.write("good")
        await lab.until(lambda: set(lab.names()) == {"good"} and "1 state files" in lab.health.reason)
        lab.write("bad")
        await lab.until(lambda: set(lab.names()) == {"bad", "good"} and lab.health.reason == "")


async def test_users_own_directories_are_found_when_they_come(tmp_path: Path) -> None:
    async with running(tmp_path, "user/*/runc") as lab:
        lab.write("../user/1000/runc/one")
        await lab.until(lambda: set(lab.names()) == {"one"})
        lab.write("../user/1001/runc/two")
        await lab.until(lambda: set(lab.names()) == {"one", "two"})
        lab.write("../user/1001/other/three")
        lab.write("../user/1000/runc/four")
        await lab.until(lambda: set(lab.names()) == {"one", "two", "four"})


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust nobody who only has our uid."""
    for module in (claims, probe):
        monkeypatch.setattr(module, "trusted", lambda uid: uid == -1)


async def test_user_is_believed_about_own_processes_only(users: None, tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.write("kernel", init_process_pid=1)
        await lab.until(lambda: "1 state files of users name processes" in lab.health.reason)
        process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        lab.write("own", init_process_pid=process.pid)
        await lab.until(lambda: set(lab.names()) == {"own"})
        process.terminate()
        await process.wait()
        await lab.until(lambda: lab.names() == {})


async def test_pipe_instead_of_a_state_blocks_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        (lab.root / "pipe").mkdir(parents=True)
        os.mkfifo(lab.root / "pipe/state.json")
        lab.write("one")
        await lab.until(lambda: set(lab.names()) == {"one"})
        await lab.until(lambda: "1 state files could not be read" in lab.health.reason)


async def test_second_state_of_one_container_does_not_take_it_along(tmp_path: Path) -> None:
    async with running(tmp_path) as lab:
        lab.write("one", id="same")
        again = lab.write("two", id="same")
        await lab.until(lambda: lab.health.counters.get("events", 0) > 0 and set(lab.names()) == {"same"})
        again.unlink()
        lab.write("three")
        await lab.until(lambda: set(lab.names()) == {"same", "three"})
