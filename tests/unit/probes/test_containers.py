# SPDX-License-Identifier: Apache-2.0
"""Whose namespace is whose, and how it is called: containers of made-up processes in a made-up /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Metadata
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import Container, ContainerPublisher
from netsonde.probes.identity import Identity
from netsonde.probes.namespaces import NamespaceRegistry
from netsonde.probes.settings import ProbeSettings

IDENTITY = Identity("m1")


class Host:
    """A graph with a host, a /proc of files, and a publisher; files with the same inode are one namespace."""

    def __init__(self, tmp_path: Path, registry: NamespaceRegistry) -> None:
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        self.registry = registry
        self._proc = tmp_path
        settings = ProbeSettings()
        context = ProbeContext(self.graph, "h1", IDENTITY, registry, settings, lambda _: None, lambda: 1)
        self.publisher = ContainerPublisher(context, "docker", self._proc)
        self.put_node(IDENTITY.host(), {"Name": "h1", "Type": "host"})

    def process(self, pid: int, like: int = 0) -> int:
        """Make a process in a namespace of its own, or in that of another one; return the inode."""
        file = self._proc / str(pid) / "ns/net"
        file.parent.mkdir(parents=True)
        if like:
            os.link(self._proc / str(like) / "ns/net", file)
        else:
            file.touch()
        return file.stat().st_ino

    def end(self, pid: int) -> None:
        (self._proc / str(pid) / "ns/net").unlink()

    def put_node(self, node: str, metadata: Metadata) -> None:
        batch = Batch()
        batch.put_node(node, "netns", metadata)
        self.graph.apply(batch)

    def put_netns(self, inode: int) -> None:
        self.put_node(IDENTITY.netns(inode), {"Name": "f00d", "Type": "netns", "Inode": inode})

    def owner(self, container: str) -> str:
        (edge,) = self.graph.in_edges(IDENTITY.container(container))
        return edge.parent


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    registry = NamespaceRegistry()
    yield Host(tmp_path, registry)
    registry.close()


def container(name: str, pid: int, *, joined: bool = False) -> Container:
    return Container(f"id-{name}", name, "docker", pid, not joined, {"ID": f"id-{name}", "InitProcessPID": pid})


def test_container_is_owned_by_its_namespace_whichever_comes_first(host: Host) -> None:
    early, late = host.process(1), host.process(2)
    host.put_netns(early)
    host.publisher.update([container("a", 1), container("b", 2)])
    host.put_netns(late)
    assert host.owner("id-a") == IDENTITY.netns(early)
    assert host.owner("id-b") == IDENTITY.netns(late)


def test_namespace_prefers_the_name_of_the_container_that_it_was_made_for(host: Host) -> None:
    inode = host.process(1)
    host.process(2, like=1)
    host.publisher.update([container("aaa-joined", 2, joined=True)])
    assert host.registry.preferred_name(inode) == "aaa-joined"
    host.publisher.update([container("pod", 1)])
    assert host.registry.preferred_name(inode) == "pod"
    host.publisher.update([], ["id-pod"])
    assert host.registry.preferred_name(inode) == "aaa-joined"
    host.publisher.update([], ["id-aaa-joined"])
    assert host.registry.preferred_name(inode) == ""


def test_unknown_namespace_is_looked_for(host: Host) -> None:
    host.process(1)
    hints: list[bool] = []
    host.registry.on_hint(lambda: hints.append(True))
    host.publisher.update([container("a", 1)])
    host.publisher.update([container("a", 1)])
    assert hints == [True]


def test_namespace_node_that_comes_back_owns_its_containers_again(host: Host) -> None:
    inode = host.process(1)
    host.put_netns(inode)
    host.publisher.update([container("a", 1)])
    batch = Batch()
    batch.delete_node(IDENTITY.netns(inode))
    host.graph.apply(batch)
    host.put_netns(inode)
    assert host.owner("id-a") == IDENTITY.netns(inode)
    back = host.graph.node(IDENTITY.netns(inode))
    assert back is not None
    assert back.metadata["Manager"] == "docker"


def test_container_that_goes_after_its_namespace_leaves_nothing_behind(host: Host) -> None:
    inode = host.process(1)
    host.put_netns(inode)
    host.publisher.update([container("a", 1)])
    batch = Batch()
    batch.delete_node(IDENTITY.netns(inode))
    host.graph.apply(batch)
    host.publisher.update([], ["id-a"])
    host.put_netns(inode)
    host.put_node(IDENTITY.container("id-a"), {"Name": "a", "Type": "container"})
    assert list(host.graph.in_edges(IDENTITY.container("id-a"))) == []
    back = host.graph.node(IDENTITY.netns(inode))
    assert back is not None
    assert "Manager" not in back.metadata


def test_restarted_container_moves_to_its_new_namespace(host: Host) -> None:
    before, after = host.process(1), host.process(2)
    host.put_netns(before)
    host.put_netns(after)
    host.publisher.update([container("a", 1)])
    host.publisher.update([container("a", 2)])
    assert host.owner("id-a") == IDENTITY.netns(after)
    assert (host.registry.preferred_name(before), host.registry.preferred_name(after)) == ("", "a")


def test_container_whose_process_ended_is_not_shown(host: Host) -> None:
    host.process(1)
    host.process(2)
    host.publisher.update([container("a", 1), container("b", 2), container("gone", 3)])
    assert host.publisher.ids == {"id-a", "id-b"}
    host.end(1)
    host.publisher.drop_dead()
    assert host.publisher.ids == {"id-b"}
    assert host.graph.node(IDENTITY.container("id-a")) is None


def test_same_container_said_again_makes_no_revision(host: Host) -> None:
    host.process(1)
    host.publisher.update([container("a", 1)])
    events: list[object] = []
    host.graph.subscribe(events.append)
    host.publisher.update([container("a", 1)])
    assert events == []


def test_without_the_right_to_look_a_container_hangs_under_the_host(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.process(1)

    def refuse(path: str) -> os.stat_result:
        raise PermissionError(13, "no", path)

    monkeypatch.setattr(os, "stat", refuse)
    host.publisher.update([container("a", 1)])
    monkeypatch.undo()
    assert host.owner("id-a") == IDENTITY.host()


def test_engine_is_heard_before_its_runtime_about_the_name_of_a_namespace(host: Host) -> None:
    registry, changes = host.registry, []
    registry.on_preferred(lambda inode: changes.append(registry.preferred_name(inode)))
    registry.prefer_name(7, "container-runtime", "6f958c90")
    registry.prefer_name(7, "docker", "web")
    registry.prefer_name(7, "container-runtime", "other")
    registry.prefer_name(7, "docker", "")
    registry.prefer_name(7, "container-runtime", "")
    assert changes == ["6f958c90", "web", "other", ""]
