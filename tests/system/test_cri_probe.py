# SPDX-License-Identifier: Apache-2.0
"""The cri probe against a real containerd, in a namespace of its own: the graph is held against what `ctr` says."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from containerd_fixture import NODE_NETWORK, PrivateContainerd
from containerd_fixture import containerd as containerd_of_module  # noqa: F401
from docker_fixture import PrivateDocker
from live_graph import LiveGraph, live_graph, name, settings
from netns_fixture import netns_of_module as netns_of_module
from netsonde.model.elements import Node
from netsonde.probes.cri.settings import CriSettings
from netsonde.probes.docker.settings import DockerSettings
from netsonde.query import Limits, Sources, parse, run

pytestmark = pytest.mark.system

LABELS = {"app": "shop", "app.kubernetes.io/name": "x y", "odd['key": "é"}


@pytest.fixture(scope="module")
def daemon(netns: None, request: pytest.FixtureRequest) -> PrivateContainerd:
    """The daemon, started only once this process is in its own namespace."""
    found = request.getfixturevalue("containerd_of_module")
    assert isinstance(found, PrivateContainerd)
    return found


def following(daemon: PrivateContainerd, *more: str, **other: Any) -> Any:
    cri = CriSettings(sockets=(str(daemon.socket),), answer_timeout=1.0, list_interval=5.0)
    probes = ("netns", "netlink", "cri", *more)
    return live_graph(settings(daemon.netns_path, probes=probes, cri=cri, **other))


@pytest.fixture
async def live(daemon: PrivateContainerd) -> AsyncIterator[LiveGraph]:
    async with following(daemon) as graph:
        yield graph


def facts(node: Node) -> dict[str, Any]:
    found = node.metadata["Container"]
    assert isinstance(found, dict)
    return found


async def bridges(live: LiveGraph, called: str) -> list[Any]:
    """Wait until one traversal leads from a container to its bridge; bench/container_start.py says how soon it does."""
    steps = "In('Type', 'netns').Out('Type', 'veth').Both('Type', 'veth').In('Type', 'bridge')"
    query = parse(f"G.V().Has('Type', 'container', 'Name', '{called}').{steps}.Values('Name')")
    async with asyncio.timeout(20):
        while not (found := list((await run(query, Sources(graph=live.graph), Limits())).rows)):
            await live.changed(0.1)
    return found


async def test_pod_and_its_container_say_what_containerd_says_and_lead_to_the_bridge(
    live: LiveGraph, daemon: PrivateContainerd
) -> None:
    called, inside = name("p"), name("c")
    pod = await daemon.run_pod(called, LABELS)
    container = await daemon.create(pod, inside, {**LABELS, "io.kubernetes.container.name": inside})
    await daemon.start_container(container)
    assert await bridges(live, inside) == [daemon.bridge]

    node = await live.node(Type="container", Name=inside, Container__Status="running")
    sandbox = await live.node(Type="container", Name=called)
    netns = await live.node(Type="netns", Name=called, Manager="containerd")
    for one, identity in ((node, container), (sandbox, pod)):
        told = await asyncio.to_thread(daemon.info, identity)
        tasks = await asyncio.to_thread(daemon.tasks)
        shown = facts(one)
        assert (shown["ID"], shown["InitProcessPID"]) == (identity, tasks[identity][0])
        assert shown["Status"] == tasks[identity][1].lower() == "running"
        theirs = {key: value for key, value in told["Labels"].items() if not key.startswith("io.cri-containerd")}
        assert shown["Labels"] == {key: value for key, value in theirs.items() if not key.startswith("io.containerd.")}
        annotations = told["Spec"]["annotations"]
        assert shown["Pod"]["Name"] == annotations["io.kubernetes.cri.sandbox-name"] == called
        assert shown["Pod"]["Namespace"] == annotations["io.kubernetes.cri.sandbox-namespace"] == "shop"
        assert shown["Pod"]["UID"] == f"uid-{called}"
        assert shown["Pod"]["ID"] == pod
        assert shown["Hostname"] == told["Spec"].get("hostname", f"host-{called}") == f"host-{called}"
        assert live.owner(one) == netns
    assert facts(node)["Image"] == (await asyncio.to_thread(daemon.info, container))["Image"]
    veth = await live.node(Type="veth", Name="eth0")
    addresses = [str(address).partition("/")[0] for address in veth.metadata["IPV4"]]  # type: ignore[union-attr]
    assert facts(sandbox)["Pod"]["IPs"] == addresses

    await daemon.stop_container(container)
    await live.gone(Type="container", Name=inside)
    assert live.find(Type="container", Name=called) is not None
    await daemon.remove_pod(pod)
    await live.gone(Type="container", Name=called)
    await live.gone(Type="netns", Inode=netns.metadata["Inode"])


async def test_docker_and_kubernetes_on_one_containerd_double_nothing(
    daemon: PrivateContainerd, tmp_path_factory: pytest.TempPathFactory
) -> None:
    docker = PrivateDocker(tmp_path_factory.mktemp("d"), daemon.socket)
    try:
        docker.start().make_image()
        called, inside, beside = name("p"), name("c"), name("d")
        pod = await daemon.run_pod(called)
        container = await daemon.create(pod, inside)
        await daemon.start_container(container)
        await asyncio.to_thread(docker.run, beside)
        engine = DockerSettings(sockets=(str(docker.socket),))
        roots = (str(daemon.runc_root), str(docker.exec_root / "runtime-runc"))
        async with following(daemon, "docker", "runc", docker=engine, runc=roots, anonymous=True) as live:
            other = await asyncio.to_thread(docker.inspect, beside)
            names = {pod: called, container: inside, other["Id"]: beside}
            managers = {pod: "containerd", container: "containerd", other["Id"]: "docker"}
            await live.until(lambda: shown(live) == names)
            await live.until(lambda: {one: manager(live, one) for one in names} == managers)
            for of in (called, beside):
                netns = await live.node(Type="netns", Name=of)
                assert live.count(Type="netns", Name=of) == live.count(Inode=netns.metadata["Inode"]) == 1
            for node in live.graph.nodes_with("Type", "container"):
                owners = [edge for edge in live.graph.in_edges(node.id) if edge.metadata["RelationType"] == "ownership"]
                assert len(owners) == 1
                assert live.owner(node) == live.find(
                    Type="netns", Name=beside if node.metadata["Name"] == beside else called
                )
    finally:
        docker.clean_up()
        await daemon.remove_pod(pod)


def shown(live: LiveGraph) -> dict[str, Any]:
    """Return the names of all containers by their ids."""
    return {facts(node)["ID"]: node.metadata["Name"] for node in live.graph.nodes_with("Type", "container")}


def manager(live: LiveGraph, container: str) -> Any:
    node = live.find(Type="container", Container__ID=container)
    return node.metadata["Manager"] if node is not None else None


async def test_pod_in_the_hosts_network_is_the_hosts(live: LiveGraph, daemon: PrivateContainerd) -> None:
    called = name("p")
    pod = await daemon.run_pod(called, more=NODE_NETWORK)
    node = await live.node(Type="container", Name=called)
    assert live.owner(node) == live.find(Type="host")
    await daemon.remove_pod(pod)
    await live.gone(Type="container", Name=called)


async def test_runtime_that_hangs_or_dies_keeps_its_living_containers_and_those_only(
    live: LiveGraph, daemon: PrivateContainerd
) -> None:
    kept, killed = name("p"), name("p")
    pods = [await daemon.run_pod(kept), await daemon.run_pod(killed)]
    one = await live.node(Type="container", Name=kept)
    other = await live.node(Type="container", Name=killed)
    health = live.runner.healths["cri"]

    os.kill(daemon.pid, signal.SIGSTOP)
    await live.until(lambda: health.state == "failed", 8.0)
    assert "did not answer" in health.reason
    assert live.graph.node(one.id) == one
    os.kill(daemon.pid, signal.SIGCONT)
    await live.until(lambda: health.state == "running", 8.0)

    daemon.stop(signal.SIGKILL)
    await live.until(lambda: health.state == "failed")
    os.kill(facts(other)["InitProcessPID"], signal.SIGKILL)
    await live.gone(Type="container", Name=killed)
    assert live.graph.node(one.id) == one
    daemon.start()
    await live.until(lambda: health.state == "running", 8.0)
    assert live.graph.node(one.id) == one
    assert live.find(Type="container", Name=killed) is None
    for pod in pods:
        await daemon.remove_pod(pod)
    await live.gone(Type="container", Name=kept)
