# SPDX-License-Identifier: Apache-2.0
"""Namespaces that only processes hold, told of by the kernel as these begin, in the namespace of the machine."""

import asyncio
import errno
import os
import platform
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from live_graph import live_graph, settings
from netsonde.errors import Unsupported
from netsonde.probes.namespaces import Namespace
from netsonde.probes.netns import births
from netsonde.probes.netns.births import close_births, open_births
from netsonde.probes.netns.settings import NetnsSettings
from netsonde.probes.settings import ProbeSettings

pytestmark = pytest.mark.netns

NR_CLONE = {"x86_64": 56, "aarch64": 220}


@pytest.fixture
def seldom(tmp_path: Path) -> ProbeSettings:
    """Settings with which all processes are looked at when the probe starts, and not again within a test."""
    (tmp_path / "netns").mkdir()
    found = settings(tmp_path / "netns", probes=("netns",))
    return replace(found, netns=NetnsSettings(run_paths=(str(tmp_path / "netns"),), scan_interval=600))


@pytest.fixture(autouse=True)
def told() -> None:
    """Skips aloud where the kernel tells nothing, as in a container."""
    try:
        close_births(open_births())
    except Unsupported as refused:
        pytest.skip(str(refused))


class Entered:
    """A listener of the registry, as the capture core is one."""

    def __init__(self) -> None:
        self._inodes: asyncio.Queue[int] = asyncio.Queue()

    def namespace_added(self, namespace: Namespace) -> None:
        self._inodes.put_nowait(namespace.inode)

    def namespace_removed(self, namespace: Namespace) -> None: ...

    async def wait_for(self, inode: object) -> None:
        async with asyncio.timeout(20):
            while await self._inodes.get() != inode:
                pass


async def test_namespace_is_shown_as_its_program_begins_and_goes_with_it(seldom: ProbeSettings) -> None:
    async with live_graph(seldom) as live:
        entered = Entered()
        live.context.namespaces.subscribe(entered)
        holder = await asyncio.create_subprocess_exec("unshare", "-n", "cat", stdin=asyncio.subprocess.PIPE)
        try:
            node = await live.node(Type="netns", Processes__Pid=holder.pid)
            assert node.metadata["Path"] == f"/proc/{holder.pid}/ns/net"
            await entered.wait_for(node.metadata["Inode"])
        finally:
            holder.kill()
            await holder.wait()
        await live.until(lambda: live.graph.node(node.id) is None)


async def test_namespace_of_a_child_that_begins_no_program_is_shown(seldom: ProbeSettings) -> None:
    # As container runtimes do: CLONE_NEWNET | SIGCHLD.
    clone = (
        "import ctypes, signal",
        f"pid = ctypes.CDLL(None).syscall({NR_CLONE[platform.machine()]}, 0x40000000 | 17, 0, 0, 0, 0)",
        "pid or signal.pause()",
        "print(pid, flush=True)",
        "input()",
    )
    async with live_graph(seldom) as live:
        pipe = asyncio.subprocess.PIPE
        parent = await asyncio.create_subprocess_exec("python3", "-c", "; ".join(clone), stdin=pipe, stdout=pipe)
        assert parent.stdout is not None
        child = int(await parent.stdout.readline())
        try:
            await live.node(Type="netns", Processes__Pid=child)
        finally:
            os.kill(child, signal.SIGKILL)
            parent.kill()
            await parent.wait()


async def test_kernel_that_tells_nothing_leaves_it_to_looks(
    seldom: ProbeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    monkeypatch.setattr(births, "_attach_filter", refuse)
    async with live_graph(replace(seldom, netns=replace(seldom.netns, scan_interval=0.05))) as live:
        holder = await asyncio.create_subprocess_exec("unshare", "-n", "cat", stdin=asyncio.subprocess.PIPE)
        try:
            await live.node(Type="netns", Processes__Pid=holder.pid, within=10.0)
        finally:
            holder.kill()
            await holder.wait()
