# SPDX-License-Identifier: Apache-2.0
"""What the probe does with names that come from elsewhere; the rest needs real namespaces (tests/netns)."""

import asyncio
import errno
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
from netsonde.probes.netns.processes import User
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

    async def refuse(paths: list[str]) -> list[OSError]:
        return [PermissionError(1, "not root") for _ in paths]

    monkeypatch.setattr(NamespaceFiles, "by_namespace", by_namespace)
    monkeypatch.setattr(registry, "open_each", refuse)
    batch = Batch()
    batch.put_node(IDENTITY.host(), "host", {"Name": "h1", "Type": "host"})
    graph.apply(batch)
    settings = ProbeSettings(netns=NetnsSettings(run_paths=(str(tmp_path),), anonymous=False))
    probe = NetnsProbe(ProbeContext(graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1))
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(probe.run(Health("netns", lambda _: ready.set())))
        await asyncio.wait_for(ready.wait(), 20)
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


async def test_inode_of_a_namespace_that_vanished_is_opened_anew_when_another_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    answers: list[OSError] = [FileNotFoundError(2, "gone"), PermissionError(1, "there, and not root")]
    opened: list[str] = []
    shown = asyncio.Event()

    async def open_each(paths: list[str]) -> list[OSError]:
        opened.extend(paths)
        if len(answers) == 1:
            shown.set()
        return [answers.pop(0) for _ in paths]

    def users(own: int) -> tuple[dict[int, list[User]], float]:
        return {1000: [User(4_000_000 + len(opened), "sleep")]}, 0.0

    monkeypatch.setattr(registry, "open_each", open_each)
    monkeypatch.setattr("netsonde.probes.netns.probe.timed_users", users)
    netns = NetnsSettings(run_paths=(str(tmp_path),), scan_interval=0.01)
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(netns=netns), lambda _: None, lambda: 1)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(NetnsProbe(context).run(Health("netns")))
        await asyncio.wait_for(shown.wait(), 20)
        assert opened == ["/proc/4000000/ns/net", "/proc/4000001/ns/net"]
        task.cancel()
    registry.close()


async def test_namespaces_that_find_no_free_descriptor_stay_and_the_reason_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, registry = Graph("h1", "agent.h1", lambda: 1), NamespaceRegistry()
    asked: list[str] = []

    async def open_each(paths: list[str]) -> list[OSError]:
        asked.extend(paths)
        return [OSError(errno.EMFILE, "Too many open files") for _ in paths]

    def by_namespace(_: NamespaceFiles) -> dict[tuple[int, int], list[str]]:
        return {(1000, registry.own.device): [f"{tmp_path}/a"]}

    monkeypatch.setattr(registry, "open_each", open_each)
    monkeypatch.setattr("netsonde.probes.netns.probe.timed_users", lambda own: ({}, 0.0))
    monkeypatch.setattr(NamespaceFiles, "by_namespace", by_namespace)
    netns = NetnsSettings(run_paths=(str(tmp_path),), scan_interval=60.0)
    context = ProbeContext(graph, "h1", IDENTITY, registry, ProbeSettings(netns=netns), lambda _: None, lambda: 1)
    ready = asyncio.Event()
    health = Health("netns", lambda _: ready.set())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(NetnsProbe(context).run(health))
        await asyncio.wait_for(ready.wait(), 20)
        task.cancel()
    assert asked[:2] == [f"{tmp_path}/a"] * 2  # the look through /proc tries again
    assert [node.metadata["Name"] for node in graph.nodes_with("Type", "netns")] == ["a"]
    assert health.reason == "some namespaces cannot be entered: raise the limit of open files"
    assert health.counters["not_opened"] >= 2
    registry.close()
