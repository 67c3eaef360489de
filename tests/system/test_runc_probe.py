# SPDX-License-Identifier: Apache-2.0
"""The runc probe against real runc and crun, whose containers nobody else manages."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from docker_fixture import BUSYBOX
from live_graph import LiveGraph, live_graph, name, settings, sh
from netns_fixture import netns as netns

pytestmark = pytest.mark.system

POD = {"io.kubernetes.cri.container-name": "web", "io.kubernetes.cri.sandbox-name": "web-0"}


COMMANDS = {
    "runc": ("runc",),
    # It refuses a machine with both versions of control groups, so it is shown the second one only.
    "crun": (
        *("unshare", "--mount", "sh", "-c", 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"),
        *("crun", "--cgroup-manager=disabled"),
    ),
}


class Runc:
    """One bundle, and states in a directory of its own; `kind`: whose command line it is."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.root = directory / "state"
        self._bundle = directory / "bundle"
        (self._bundle / "rootfs/bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, self._bundle / "rootfs/bin/sleep")

    async def __call__(self, *command: str) -> str:
        return await sh(*COMMANDS[self.kind], "--root", str(self.root), *command)

    async def spec(self, annotations: dict[str, str]) -> None:
        file = self._bundle / "config.json"
        file.unlink(missing_ok=True)
        await sh("runc", "spec", "--bundle", str(self._bundle))
        config: dict[str, Any] = json.loads(file.read_text())
        config["process"] |= {"terminal": False, "args": ["/bin/sleep", "600"], "rlimits": []}
        config["annotations"] = annotations
        file.write_text(json.dumps(config))

    async def create(self, called: str) -> None:
        null = asyncio.subprocess.DEVNULL
        command = (*COMMANDS[self.kind], "--root", str(self.root), "create", "--bundle", str(self._bundle), called)
        process = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=null)
        assert await process.wait() == 0


@pytest.fixture(params=["runc", "crun"])
async def runc(netns: None, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Runc]:
    if shutil.which("runc") is None or shutil.which(request.param) is None or not BUSYBOX.exists():
        pytest.skip(f"runc, {request.param} or busybox-static is not installed")
    made = Runc(request.param, tmp_path)
    made.root.mkdir()
    yield made
    for called in json.loads(await made("list", "--format", "json")) or ():
        await made("delete", "--force", called["id"])


async def test_container_is_created_started_and_ended_and_its_namespace_is_called_like_its_pod(
    runc: Runc, tmp_path: Path
) -> None:
    called = name("c")
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "runc"), runc=(str(runc.root),), anonymous=True)
    await runc.spec(POD)
    async with live_graph(probes) as live:
        await runc.create(called)
        node = await live.node(Type="container", Name="web", Container__Status="created")
        netns = await live.node(Type="netns", Name="web-0", Manager=runc.kind)
        await live.edge(netns.id, node.id, RelationType="ownership")

        await runc("start", called)
        node = await live.node(Type="container", Name="web", Container__Status="running")
        told = json.loads(await runc("state", called))
        facts = node.metadata["Container"]
        assert isinstance(facts, dict)
        assert (facts["ID"], facts["InitProcessPID"]) == (told["id"], told["pid"])
        assert facts["Bundle"] == told["bundle"]
        assert facts["Labels"] == told["annotations"] == POD

        await runc("kill", called, "KILL")
        await live.gone(Type="container", Name="web")
        await live.gone(Type="netns", Name="web-0")
        await runc("delete", called)


async def test_container_that_runs_already_is_there_at_once(runc: Runc, tmp_path: Path) -> None:
    called = name("c")
    await runc.spec({})
    await runc.create(called)
    await runc("start", called)
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "runc"), runc=(str(runc.root),), anonymous=True)
    async with live_graph(probes) as live:
        assert shown(live) == {called}


def shown(live: LiveGraph) -> set[object]:
    return {node.metadata["Name"] for node in live.graph.nodes_with("Type", "container")}
