# SPDX-License-Identifier: Apache-2.0
"""The netns probe against this kernel: namespaces that come, go, have several names, or none."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from live_graph import LiveGraph, Namespaces, live_graph, run, settings
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns
from netsonde.probes.namespaces import Namespace

pytestmark = pytest.mark.netns


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", anonymous=True)) as graph:
        yield graph


class Recorder:
    """A listener of the registry, as the capture core is one."""

    def __init__(self) -> None:
        self.added: list[int] = []
        self.removed: list[int] = []

    def namespace_added(self, namespace: Namespace) -> None:
        assert os.fstat(namespace.fd).st_ino == namespace.inode
        self.added.append(namespace.inode)

    def namespace_removed(self, namespace: Namespace) -> None:
        assert os.fstat(namespace.fd).st_ino == namespace.inode
        self.removed.append(namespace.inode)


async def test_named_namespace_appears_under_the_host_and_goes(live: LiveGraph, make_netns: Namespaces) -> None:
    recorder = Recorder()
    live.context.namespaces.subscribe(recorder)
    namespace = make_netns()
    inode = namespace.inode

    node = await live.node(Type="netns", Inode=inode)
    assert node.metadata["Name"] == namespace.name
    assert node.metadata["Path"] == str(namespace.path)
    assert live.owner(node) == live.find(Type="host")
    lo = await live.until(lambda: _loopback_of(live, node.id))
    assert inode in recorder.added

    namespace.delete()
    await live.gone(Type="netns", Inode=inode)
    assert live.graph.node(lo) is None
    assert inode in recorder.removed


async def test_all_that_was_there_is_in_the_graph_when_the_probes_are_ready(
    tmp_path: Path, make_netns: Namespaces
) -> None:
    namespaces = [make_netns() for _ in range(5)]
    for number, namespace in enumerate(namespaces):
        run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "name", "e0", "netns", str(namespace.path))
    async with live_graph(settings(tmp_path / "netns", anonymous=True)) as live:
        assert {node.metadata["Name"] for node in live.graph.nodes_with("Type", "veth")} >= {"e0", "v0", "v4"}
        assert len({namespace.inode for namespace in namespaces} - _inodes(live)) == 0
        assert sum(node.metadata["Name"] == "e0" for node in live.graph.nodes()) == 5


def _inodes(live: LiveGraph) -> set[object]:
    return {node.metadata["Inode"] for node in live.graph.nodes_having("Inode")}


async def test_deleting_a_namespace_destroys_it_although_it_is_watched(live: LiveGraph, make_netns: Namespaces) -> None:
    """Our descriptors must not keep it alive: a veth's other end dies with it."""
    namespace = make_netns()
    await live.node(Type="netns", Inode=namespace.inode)
    run("ip", "link", "add", "stays", "type", "veth", "peer", "name", "goes", "netns", str(namespace.path))
    await live.node(Name="stays")
    await live.node(Name="goes")

    namespace.delete()
    await live.gone(Name="stays")


async def test_unmounted_namespace_goes_although_its_file_stays(live: LiveGraph, make_netns: Namespaces) -> None:
    """Docker removes the files of its sandboxes a minute after it unmounted them."""
    namespace = make_netns()
    inode = namespace.inode
    await live.node(Type="netns", Inode=inode)
    run("ip", "link", "add", "stays", "type", "veth", "peer", "name", "goes", "netns", str(namespace.path))
    await live.node(Name="goes")

    run("umount", str(namespace.path))
    await live.gone(Type="netns", Inode=inode)
    await live.gone(Name="stays")
    assert namespace.path.exists()
    run("unshare", f"--net={namespace.path}", "true")
    await live.node(Type="netns", Name=namespace.name)


async def test_file_that_is_no_namespace_is_ignored(live: LiveGraph, make_netns: Namespaces) -> None:
    make_netns.directory.mkdir()
    (make_netns.directory / "readme").write_text("not a namespace")
    namespace = make_netns()

    await live.node(Type="netns", Inode=namespace.inode)
    namespace.delete()
    assert live.find(Name="readme") is None


async def test_two_names_of_one_namespace_make_one_node(live: LiveGraph, make_netns: Namespaces) -> None:
    namespace = make_netns("m-second")
    alias = make_netns.directory / "a-first"
    alias.touch()
    run("mount", "--bind", str(namespace.path), str(alias))

    # The name is the first by the alphabet, in whichever order they came.
    node = await live.node(Inode=namespace.inode, Name="a-first")
    assert node.metadata["Names"] == ["a-first", "m-second"]
    assert live.count(Type="netns", Inode=namespace.inode) == 1

    run("umount", str(alias))
    alias.unlink()
    again = await live.node(Inode=namespace.inode, Name="m-second")
    assert again.id == node.id


async def test_namespace_held_by_a_process_only_appears_and_goes_with_it(live: LiveGraph) -> None:
    holder = await asyncio.create_subprocess_exec("unshare", "-n", "cat", stdin=asyncio.subprocess.PIPE)
    node = await live.node(Type="netns", Processes__Pid=holder.pid)
    assert node.metadata["Path"] == f"/proc/{holder.pid}/ns/net"
    await live.until(lambda: _loopback_of(live, node.id))

    assert holder.stdin is not None
    holder.stdin.close()
    await holder.wait()
    await live.until(lambda: live.graph.node(node.id) is None)


async def test_named_namespace_lists_the_processes_that_entered_it(live: LiveGraph, make_netns: Namespaces) -> None:
    namespace = make_netns()
    inside = await asyncio.create_subprocess_exec(
        "nsenter", f"--net={namespace.path}", "cat", stdin=asyncio.subprocess.PIPE
    )
    node = await live.node(Inode=namespace.inode, Processes__Pid=inside.pid)
    assert node.metadata["Name"] == namespace.name

    assert inside.stdin is not None
    inside.stdin.close()
    await inside.wait()
    await live.until(lambda: "Processes" not in (live.graph.node(node.id) or node).metadata)


async def test_the_agents_own_namespace_is_the_host_node(live: LiveGraph) -> None:
    own = live.context.namespaces.own
    assert live.find(Type="netns", Inode=own.inode) is None
    lo = await live.until(lambda: _loopback_of(live, live.context.identity.host()))
    assert lo == live.context.identity.interface(None, 1)


async def test_entering_a_namespace_leaves_every_thread_where_it_was(live: LiveGraph, make_netns: Namespaces) -> None:
    namespace = make_netns()
    await live.node(Inode=namespace.inode)
    registered = await live.until(lambda: live.context.namespaces.get(namespace.inode))

    before = _namespaces_of_threads()
    inside = await live.context.namespaces.enter_each([registered], lambda: os.stat("/proc/thread-self/ns/net").st_ino)

    assert inside == [namespace.inode]
    assert _namespaces_of_threads() == before
    assert namespace.inode not in before


def _namespaces_of_threads() -> set[int]:
    return {os.stat(f"/proc/self/task/{thread}/ns/net").st_ino for thread in os.listdir("/proc/self/task")}


def _loopback_of(live: LiveGraph, owner: str) -> str | None:
    return next(
        (
            edge.child
            for edge in live.graph.out_edges(owner)
            if (child := live.graph.node(edge.child)) is not None and child.metadata["Name"] == "lo"
        ),
        None,
    )
