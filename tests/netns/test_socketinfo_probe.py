# SPDX-License-Identifier: Apache-2.0
"""The socketinfo probe against the kernel's own list, in namespaces of its own, compared with `ss`."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, NamedNetns, Namespaces, live_graph, run, settings
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns

pytestmark = pytest.mark.netns

LISTEN = """
import socket, sys
found = socket.create_server(("127.0.0.1", 0))
print(found.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "socketinfo"))) as graph:
        yield graph


@contextmanager
def listener(inside: NamedNetns) -> Iterator[tuple[int, int]]:
    """Have a process of its own listen in a namespace; yields its pid and port."""
    process = subprocess.Popen(
        ["nsenter", f"--net={inside.path}", sys.executable, "-c", LISTEN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def shown(live: LiveGraph, **node: Any) -> list[dict[str, Any]]:
    found = live.find(**node)
    return [] if found is None else found.metadata.get("Sockets", [])  # type: ignore[return-value]


def in_proc(file: str) -> str:
    return Path(f"/proc/self/{file}").read_text().strip()


def as_ss_lists() -> set[tuple[str, str, str, str, int]]:
    """Return protocol, state, ends and pid of every socket of this namespace that a process holds."""
    found = set()
    states = {"ESTAB": "ESTABLISHED", "UNCONN": "CLOSE"}
    for line in run("ss", "-tunapH", "--numeric").splitlines():
        protocol, state, _, _, local, remote, *users = line.split(maxsplit=6)
        pid = re.search(r"pid=(\d+)", " ".join(users))
        if pid is not None:
            found.add((protocol.upper(), states.get(state, state), plain(local), plain(remote), int(pid[1])))
    return found


def plain(end: str) -> str:
    address, _, port = end.rpartition(":")
    address = address.strip("[]").removeprefix("::ffff:")
    return f"{'::' if address == '*' else address}:{0 if port == '*' else port}"


def as_shown(sockets: list[dict[str, Any]]) -> set[tuple[str, str, str, str, int]]:
    return {
        (
            each["Protocol"],
            each["State"],
            f"{each['LocalAddress']}:{each['LocalPort']}",
            f"{each['RemoteAddress']}:{each['RemotePort']}",
            each["Pid"],
        )
        for each in sockets
    }


async def test_sockets_are_those_that_ss_lists_as_they_come_and_go(live: LiveGraph) -> None:
    server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = server.accept()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connected.connect(udp.getsockname())
    with server, client, accepted, udp, connected:
        listed = as_ss_lists()
        assert len(listed) == 5
        await live.until(lambda: as_shown(shown(live, Type="host")) == listed, within=10.0, what=f"{listed}")
        (one,) = [each for each in shown(live, Type="host") if each["State"] == "LISTEN"]
        assert one["Process"] == os.readlink("/proc/self/exe")
        assert one["Name"] == in_proc("comm")
        assert one["UID"] == os.getuid()
        assert one["Cgroup"] == in_proc("cgroup").rpartition(":")[2]
        udp.close()
        listed = as_ss_lists()
        assert len(listed) == 4
        await live.until(lambda: as_shown(shown(live, Type="host")) == listed, within=10.0, what=f"{listed}")
    await live.until(lambda: shown(live, Type="host") == [], within=10.0)


async def test_equal_sockets_of_two_namespaces_are_kept_apart(live: LiveGraph, make_netns: Namespaces) -> None:
    first, second = make_netns(), make_netns()
    for inside in (first, second):
        inside.run("ip", "link", "set", "lo", "up")
    with listener(first) as (pid, port), listener(second) as (other_pid, other_port):
        for inside, at, process in ((first, port, pid), (second, other_port, other_pid)):
            node = await live.node(within=10.0, Type="netns", Inode=inside.inode, Sockets__LocalPort=at)
            (found,) = node.metadata["Sockets"]  # type: ignore[misc, str-unpack]
            assert isinstance(found, dict)
            assert (found["Pid"], found["State"], found["LocalAddress"]) == (process, "LISTEN", "127.0.0.1")
        assert shown(live, Type="host") == []
    await live.until(lambda: not live.count_with("Sockets"), within=10.0)


async def test_namespace_that_ends_is_not_held_by_looking_into_it(live: LiveGraph, make_netns: Namespaces) -> None:
    inside = make_netns()
    with listener(inside) as (_, port):
        await live.node(within=10.0, Type="netns", Inode=inside.inode, Sockets__LocalPort=port)
    inode = inside.inode
    inside.delete()
    await live.gone(within=5.0, Type="netns", Inode=inode)
    assert live.failures == []


async def test_host_at_rest_gets_no_revision_from_looking(live: LiveGraph) -> None:
    with socket.create_server(("127.0.0.1", 0)):
        await live.until(lambda: shown(live, Type="host"), within=10.0)
        health = live.runner.healths["socketinfo"]
        before, node = health.counters["looks"], live.find(Type="host")
        assert node is not None
        walks = health.counters["walks"]
        marker = socket.create_server(("127.0.0.1", 0))
        with marker:
            port = marker.getsockname()[1]
            await live.node(within=10.0, Type="host", Sockets__LocalPort=port)
        await live.until(lambda: len(shown(live, Type="host")) == 1, within=10.0)
        after = live.find(Type="host")
        assert after is not None
        assert health.counters["looks"] > before
        assert (after.revision - node.revision, health.counters["walks"] - walks) == (2, 1)
