# SPDX-License-Identifier: Apache-2.0
"""The docker probe against a real dockerd, in a namespace of its own: the graph is compared with `docker inspect`."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_fixture import IMAGE, PrivateDocker
from docker_fixture import docker as docker_of_module  # noqa: F401
from live_graph import LiveGraph, live_graph, name, settings
from netns_fixture import netns_of_module as netns_of_module
from netsonde.model.elements import Node
from netsonde.probes.docker.settings import DockerSettings
from netsonde.query import Limits, Sources, parse, run
from podman_fixture import PrivatePodman
from podman_fixture import podman as podman_of_machine  # noqa: F401

pytestmark = pytest.mark.system

WITHIN = 0.3
"""Seconds from `docker start`'s answer to the whole path in the graph."""


@pytest.fixture(scope="module")
def daemon(netns: None, request: pytest.FixtureRequest) -> PrivateDocker:
    """The daemon, started only once this process is in its own namespace."""
    found = request.getfixturevalue("docker_of_module")
    assert isinstance(found, PrivateDocker)
    return found


@pytest.fixture(autouse=True)
def containers_go(daemon: PrivateDocker) -> Iterator[None]:
    yield
    daemon.remove_all()


@pytest.fixture
async def live(daemon: PrivateDocker) -> AsyncIterator[LiveGraph]:
    async with following(daemon) as graph:
        yield graph


def following(daemon: PrivateDocker, run_path: Path | None = None, *, anonymous: bool = False) -> Any:
    docker = DockerSettings(sockets=(str(daemon.socket),), ping_interval=0.2, answer_timeout=1.0)
    probes = ("netns", "netlink", "docker")
    return live_graph(settings(run_path or daemon.netns_path, probes=probes, docker=docker, anonymous=anonymous))


async def answer(live: LiveGraph, query: str) -> list[Any]:
    return list((await run(parse(query), Sources(graph=live.graph), Limits())).rows)


async def test_container_leads_to_its_bridge_in_one_traversal_right_after_its_start(
    live: LiveGraph, daemon: PrivateDocker
) -> None:
    called = name("c")
    daemon.docker("create", "--name", called, "busybox:test", "/bin/sleep", "600")
    steps = "In('Type', 'netns').Out('Type', 'veth').Both('Type', 'veth').In('Type', 'bridge')"
    path = f"G.V().Has('Type', 'container', 'Name', '{called}').{steps}.Values('Name')"
    await asyncio.to_thread(daemon.docker, "start", called)
    began = time.monotonic()
    while not (bridges := await answer(live, path)) and time.monotonic() - began < WITHIN:
        await live.changed(WITHIN)
    assert bridges == ["docker0"]


async def test_container_says_what_docker_inspect_says(live: LiveGraph, daemon: PrivateDocker) -> None:
    called, network = name("c"), name("n")
    labels = {"app": "shop", "app.kubernetes.io/name": "x y", "com.docker.compose.project": "p", "odd['key": "é"}
    daemon.docker("network", "create", network)
    options = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
    daemon.run(called, *options, "--publish", "127.0.0.1:18080:80/tcp", "--expose", "53/udp", "--hostname", "inside")
    node = await live.node(Type="container", Name=called)
    told, shown = daemon.inspect(called), facts(node)

    assert shown["ID"] == told["Id"]
    assert shown["Image"] == told["Config"]["Image"]
    assert shown["ImageID"] == told["Image"]
    assert shown["InitProcessPID"] == told["State"]["Pid"]
    assert shown["Status"] == told["State"]["Status"] == "running"
    assert shown["Labels"] == told["Config"]["Labels"] == labels
    assert shown["Hostname"] == "inside"
    assert shown["Compose"] == {"Project": "p"}
    published = {"Port": 80, "Protocol": "tcp", "HostIP": "127.0.0.1", "HostPort": 18080}
    assert shown["Ports"] == [{"Port": 53, "Protocol": "udp"}, published]
    (bridge,) = shown["Networks"]
    end = told["NetworkSettings"]["Networks"]["bridge"]
    assert (bridge["Name"], bridge["ID"], bridge["MAC"]) == ("bridge", end["NetworkID"], end["MacAddress"])
    assert bridge["IPV4"] == f"{end['IPAddress']}/{end['IPPrefixLen']}"
    label = "Container.Labels['app.kubernetes.io/name']"
    assert await answer(live, f'G.V().Has("{label}", "x y").Values("Name")') == [called]

    daemon.docker("network", "connect", "--alias", "front", network, called)
    await live.until(lambda: "front" in str(networks(live, node.id).get(network, {}).get("Aliases")))
    daemon.docker("network", "disconnect", network, called)
    await live.until(lambda: set(networks(live, node.id)) == {"bridge"})
    daemon.docker("network", "rm", network)


def facts(node: Node) -> dict[str, Any]:
    found = node.metadata["Container"]
    assert isinstance(found, dict)
    return found


def networks(live: LiveGraph, node_id: str) -> dict[str, Any]:
    node = live.graph.node(node_id)
    assert node is not None
    return {network["Name"]: network for network in facts(node).get("Networks", [])}


async def test_pause_rename_and_stop_are_followed(live: LiveGraph, daemon: PrivateDocker) -> None:
    called, again = name("c"), name("r")
    daemon.run(called)
    node = await live.node(Type="container", Name=called)
    netns = await live.node(Type="netns", Name=called)

    daemon.docker("pause", called)
    await live.node(Name=called, Container__Status="paused")
    daemon.docker("unpause", called)
    await live.node(Name=called, Container__Status="running")
    daemon.docker("rename", called, again)
    renamed = await live.node(Type="container", Name=again)
    assert renamed.id == node.id
    assert (await live.node(Type="netns", Name=again)).id == netns.id

    daemon.docker("kill", again)
    await live.gone(Type="container", Name=again)
    await live.gone(Type="netns", Inode=netns.metadata["Inode"])
    daemon.docker("start", again)
    back = await live.node(Type="container", Name=again)
    assert back.id == node.id


async def test_namespace_is_called_like_its_container_whoever_sees_it_first(
    daemon: PrivateDocker, tmp_path: Path
) -> None:
    called, guest = name("m"), name("a")
    container = daemon.run(called)
    daemon.run(guest, "--network", f"container:{called}")
    for anonymous, run_path in ((False, daemon.netns_path), (True, tmp_path / "netns")):
        async with following(daemon, run_path, anonymous=anonymous) as live:
            netns = await live.node(Type="netns", Name=called, Manager="docker")
            for one in (called, guest):
                node = await live.node(Type="container", Name=one)
                await live.edge(netns.id, node.id, RelationType="ownership")
                assert live.owner(node) == netns
            peer = await live.node(Type="veth", LinkNetNsName=called)
            assert live.owner(peer) == live.find(Type="host")
    assert container == daemon.inspect(called)["Id"]


async def test_container_in_the_hosts_network_is_the_hosts(live: LiveGraph, daemon: PrivateDocker) -> None:
    called = name("c")
    daemon.run(called, "--network", "host")
    node = await live.node(Type="container", Name=called, Container__NetworkMode="host")
    host = live.find(Type="host")
    assert host is not None
    await live.edge(host.id, node.id, RelationType="ownership")


async def test_daemon_that_hangs_is_lost_and_comes_back(live: LiveGraph, daemon: PrivateDocker) -> None:
    called = name("c")
    daemon.run(called)
    node = await live.node(Type="container", Name=called)
    health = live.runner.healths["docker"]
    os.kill(daemon.pid, signal.SIGSTOP)
    await live.until(lambda: health.state == "failed", 5.0)
    assert "did not answer" in health.reason
    assert live.graph.node(node.id) is not None
    os.kill(daemon.pid, signal.SIGCONT)
    await live.until(lambda: health.state == "running", 5.0)
    assert live.graph.node(node.id) == node


async def test_containers_that_go_while_the_daemon_is_away_are_gone(live: LiveGraph, daemon: PrivateDocker) -> None:
    killed, kept = name("c"), name("c")
    daemon.run(killed)
    daemon.run(kept)
    one = await live.node(Type="container", Name=killed)
    other = await live.node(Type="container", Name=kept)
    health = live.runner.healths["docker"]
    pid = daemon.inspect(killed)["State"]["Pid"]

    daemon.stop()
    await live.until(lambda: health.state == "failed")
    assert live.graph.node(other.id) is not None
    os.kill(pid, signal.SIGKILL)
    await live.gone(Type="container", Name=killed)
    assert "no container engine" in health.reason
    daemon.start()
    await live.until(lambda: health.state == "running", 5.0)
    assert live.graph.node(one.id) is None


@pytest.fixture
def podman(netns: None, request: pytest.FixtureRequest) -> PrivatePodman:
    found = request.getfixturevalue("podman_of_machine")
    assert isinstance(found, PrivatePodman)
    return found


async def test_podman_behind_the_same_api_is_followed_too(podman: PrivatePodman, tmp_path: Path) -> None:
    called, again = name("c"), name("r")
    docker = DockerSettings(sockets=(str(podman.socket),))
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "docker"), docker=docker, anonymous=True)
    async with live_graph(probes) as live:
        labels = ("--label", "app=shop", "--label", "app.kubernetes.io/name=x y")
        await asyncio.to_thread(
            podman.podman, *("run", "--detach", "--name", called, "--network=none", *labels, IMAGE, "/bin/sleep", "600")
        )
        node = await live.node(Type="container", Name=called, Manager="podman")
        told = await asyncio.to_thread(podman.inspect, called)
        assert facts(node)["ID"] == told["Id"]
        assert facts(node)["InitProcessPID"] == told["State"]["Pid"]
        assert facts(node)["Labels"] == told["Config"]["Labels"]
        netns = await live.node(Type="netns", Name=called)
        await live.edge(netns.id, node.id, RelationType="ownership")

        await asyncio.to_thread(podman.podman, "rename", called, again)
        assert (await live.node(Type="container", Name=again)).id == node.id
        await asyncio.to_thread(podman.podman, "rm", "--force", "--time=0", again)
        await live.gone(Type="container", Name=again)
