# SPDX-License-Identifier: Apache-2.0
"""What users without rights run: Podman's containers, and namespaces of theirs that have no name at all."""

import asyncio
import shutil
from pathlib import Path

import pytest

from docker_fixture import IMAGE
from live_graph import live_graph, name, settings
from netns_fixture import netns as netns
from netsonde.probes.docker.settings import DockerSettings
from podman_fixture import NOBODY, PrivatePodman, rootless_podman  # noqa: F401

pytestmark = pytest.mark.system


async def test_container_of_a_users_podman_is_one_node_in_a_namespace_of_its_name(
    rootless_podman: PrivatePodman,  # noqa: F811
    tmp_path: Path,
) -> None:
    podman, called = rootless_podman, name("c")
    probes = settings(
        tmp_path / "netns",
        probes=("netns", "netlink", "docker", "runc"),
        docker=DockerSettings(sockets=(str(podman.socket),)),
        runc=(f"{podman.directory.parent}/{podman.directory.name[:-1]}*/runc",),
        anonymous=True,
    )
    async with live_graph(probes) as live:
        command = ("run", "--detach", "--name", called, "--network=none", "--label", "app=shop", IMAGE)
        await asyncio.to_thread(podman.podman, *command, "/bin/sleep", "600")
        node = await live.node(Type="container", Name=called, Manager="podman", Container__Labels__app="shop")
        told = await asyncio.to_thread(podman.inspect, called)
        facts = node.metadata["Container"]
        assert isinstance(facts, dict)
        assert (facts["ID"], facts["InitProcessPID"]) == (told["Id"], told["State"]["Pid"])
        netns = await live.node(Type="netns", Name=called, Manager="podman")
        await live.until(lambda: live.runner.healths["runc"].counters.get("objects") == 1)
        assert live.count(Type="container") == 1
        assert live.owner(node) == netns
        assert await live.node(Type="device", Name="lo", IfIndex=1)

        await asyncio.to_thread(podman.podman, "rm", "--force", "--time=0", called)
        await live.gone(Type="container", Name=called)
        await live.gone(Type="netns", Inode=netns.metadata["Inode"])


def namespace_of(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


async def test_namespace_of_a_users_process_is_shown_with_what_is_in_it(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    async with live_graph(settings(tmp_path / "netns", anonymous=True)) as live:
        veth = name("v")
        inside = f"ip link add {veth} type veth peer name {veth}p && echo there && exec sleep 600"
        command = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        process = await asyncio.create_subprocess_exec(
            *command, "unshare", "--map-root-user", "--net", "sh", "-c", inside, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"there\n"
        inode = namespace_of(process.pid)
        netns = await live.node(Type="netns", Inode=inode)
        one, other = await live.node(Type="veth", Name=veth), await live.node(Type="veth", Name=f"{veth}p")
        assert live.owner(one) == live.owner(other) == netns
        await live.link(one.id, other.id, Type="veth")
        process.kill()
        await process.wait()
        await live.gone(Type="netns", Inode=inode)
        await live.gone(Type="veth", Name=veth)
