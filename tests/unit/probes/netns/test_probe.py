# SPDX-License-Identifier: Apache-2.0
"""What the probe does with names that come from elsewhere; the rest needs real namespaces (tests/netns)."""

import asyncio
from pathlib import Path

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.netns.files import NamespaceFiles
from netsonde.probes.netns.probe import NetnsProbe
from netsonde.probes.netns.settings import NetnsSettings
from netsonde.probes.settings import ProbeSettings

IDENTITY = Identity("m1")
INODES = range(1000, 1050)


async def test_namespaces_get_the_names_of_containers_one_by_one_and_lose_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    looks: list[None] = []

    def by_namespace(_: NamespaceFiles) -> dict[tuple[int, int], list[str]]:
        looks.append(None)
        return {(inode, registry.own.device): [f"{tmp_path}/{inode}"] for inode in INODES}

    def names() -> set[object]:
        return {node.metadata["Name"] for node in graph.nodes_with("Type", "netns")}

    monkeypatch.setattr(NamespaceFiles, "by_namespace", by_namespace)
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    settings = ProbeSettings(netns=NetnsSettings(run_paths=(str(tmp_path),), anonymous=False))
    probe = NetnsProbe(ProbeContext(graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1))
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(probe.run(Health("netns", lambda _: ready.set())))
        await asyncio.wait_for(ready.wait(), 2)
        assert names() == {str(inode) for inode in INODES}
        before = len(looks)
        for inode in INODES:
            registry.prefer_name(inode, "docker", f"web-{inode}")
        assert names() == {f"web-{inode}" for inode in INODES}
        assert registry.name(INODES[0]) == f"web-{INODES[0]}"
        for inode in INODES:
            registry.prefer_name(inode, "docker", "")
        assert names() == {str(inode) for inode in INODES}
        assert len(looks) == before
        task.cancel()
    registry.close()
