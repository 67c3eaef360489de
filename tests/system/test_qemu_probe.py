# SPDX-License-Identifier: Apache-2.0
"""The qemu probe against real QEMU processes, stopped before their first instruction, in a namespace of its own."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import struct
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, Namespaces, live_graph, name, private_netns, run, settings
from live_graph import make_netns as make_netns
from ovs_fixture import PrivateOvs
from ovs_fixture import ovs as ovs_of_machine  # noqa: F401

pytestmark = pytest.mark.system

QEMU = "qemu-system-x86_64"
TAP = struct.Struct("16sH22x")
MAC = "52:54:00:aa:bb:01"


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    if shutil.which(QEMU) is None:
        pytest.skip("qemu-system-x86 is not installed")
    with private_netns():
        yield


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "qemu"))) as graph:
        yield graph


@contextlib.asynccontextmanager
async def machine(
    *options: str, enter: Path | None = None, fds: tuple[int, ...] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run QEMU with these options until the end of the block."""
    command = [QEMU, "-S", "-accel", "tcg", "-m", "16", "-nodefaults", "-display", "none", *options]
    if enter is not None:
        command = ["nsenter", f"--net={enter}", *command]
    process = await asyncio.create_subprocess_exec(*command, pass_fds=fds, stdin=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def card(netdev: str, mac: str = MAC) -> tuple[str, ...]:
    return ("-netdev", f"tap,id=n0,{netdev}", "-device", f"e1000,netdev=n0,mac={mac},romfile=")


async def test_tap_of_a_bare_machine_carries_its_identity_as_long_as_it_runs(live: LiveGraph) -> None:
    tap, called, identity = name("tap"), name("vm"), str(uuid.uuid4())
    backend = f"ifname={tap},script=no,downscript=no"
    async with machine("-name", called, "-uuid", identity, *card(backend)) as process:
        node = await live.node(Name=tap, VM__UUID=identity)
        assert node.metadata["VM"] == {"UUID": identity, "Name": called, "NICIndex": 0, "MAC": MAC}
        assert node.metadata["PeerIntfMAC"] == MAC
        assert node.metadata["Processes"] == [{"Pid": process.pid, "Name": "qemu-system-x86"}]
        guest = await live.node(Type="vm", Name=called, VM__PID=process.pid)
        await live.edge(node.id, guest.id, RelationType="vlayer2")
        assert live.owner(guest) == live.find(Type="host")
    await live.gone(Type="vm", Name=called)
    await live.gone(Name=tap)


async def test_tap_that_was_there_before_and_stays_after_is_the_machines_meanwhile(live: LiveGraph) -> None:
    tap, called = name("tap"), name("vm")
    run("ip", "tuntap", "add", "dev", tap, "mode", "tap")
    run("ip", "link", "set", tap, "up")
    node = await live.node(Name=tap, Type="tuntap")
    async with machine("-name", called, *card(f"ifname={tap},script=no,downscript=no")):
        await live.node(Name=tap, VM__Name=called)
    await live.until(lambda: "VM" not in (live.graph.node(node.id) or node).metadata, what="the machine's notes gone")
    assert "Processes" not in (live.graph.node(node.id) or node).metadata


async def test_tap_passed_as_a_descriptor_is_found_and_a_machine_in_a_namespace_is_its(
    live: LiveGraph, make_netns: Namespaces
) -> None:
    tap, called, identity = name("tap"), name("vm"), str(uuid.uuid4())
    namespace = make_netns()
    netns = await live.node(Type="netns", Inode=namespace.inode)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(fd, 0x400454CA, TAP.pack(tap.encode(), 0x0002 | 0x1000 | 0x4000))
        os.set_inheritable(fd, True)
        run("ip", "link", "set", tap, "netns", str(namespace.path))
        options = ("-name", f"guest={called},debug-threads=on", "-uuid", identity, *card(f"fd={fd}"))
        async with machine(*options, enter=namespace.path, fds=(fd,)):
            namespace.run("ip", "link", "set", tap, "up")
            node = await live.node(Name=tap, VM__UUID=identity)
            assert live.owner(node) == netns
            guest = await live.node(Type="vm", Name=called)
            assert live.owner(guest) == netns
    finally:
        os.close(fd)


async def test_external_ids_and_the_command_line_are_one_identity(
    tmp_path: Path, request: pytest.FixtureRequest, netns: None
) -> None:
    ovs = request.getfixturevalue("ovs_of_machine")
    assert isinstance(ovs, PrivateOvs)
    bridge, tap, identity = name("br"), name("tap"), str(uuid.uuid4())
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "ovsdb", "qemu"), ovsdb=ovs.address)
    async with live_graph(probes) as live:
        ovs.add_bridge(bridge)
        async with machine("-name", "web", "-uuid", identity, *card(f"ifname={tap},script=no,downscript=no")):
            await live.node(Name=tap, VM__UUID=identity)
            ids = f"external_ids:vm-id={identity.upper()}"
            ovs.vsctl("add-port", bridge, tap, "--", "set", "Interface", tap, ids)
            wanted: dict[str, Any] = {"ExtID.vm-id": identity.upper()}
            node = await live.node(Name=tap, **wanted)
            assert node.metadata["VM"] == {"UUID": identity, "Name": "web", "NICIndex": 0, "MAC": MAC}
            switch = live.find(Type="ovs-netdev", Name="ovs-netdev") or await live.node(Name="ovs-netdev")
            assert "ovs-vswitchd" in str(switch.metadata.get("Processes"))
