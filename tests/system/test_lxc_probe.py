# SPDX-License-Identifier: Apache-2.0
"""The lxc probe and real LXC containers, in a namespace of the test's own: the graph is held against `lxc-info`."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, name, run, settings
from lxc_fixture import PrivateLxc, lxc  # noqa: F401
from netns_fixture import netns as netns
from netsonde.model.elements import Node
from netsonde.query import Limits, Sources, parse
from netsonde.query import run as answer

pytestmark = pytest.mark.system

PROBES = ("netns", "netlink", "lxc")


def following(tmp_path: Path) -> Any:
    return live_graph(settings(tmp_path / "netns", probes=PROBES, anonymous=True))


def facts(node: Node) -> dict[str, Any]:
    found = node.metadata["Container"]
    assert isinstance(found, dict)
    return found


async def bridges(live: LiveGraph, called: str) -> list[Any]:
    """Wait until one traversal leads from a container to its bridge; bench/container_start.py says how soon it does."""
    steps = "In('Type', 'netns').Out('Type', 'veth').Both('Type', 'veth').In('Type', 'bridge')"
    query = parse(f"G.V().Has('Type', 'container', 'Name', '{called}').{steps}.Values('Name')")
    async with asyncio.timeout(20):
        while not (found := list((await answer(query, Sources(graph=live.graph), Limits())).rows)):
            await live.changed(0.1)
    return found


async def test_container_is_followed_from_its_start_over_a_pause_to_its_end(lxc: PrivateLxc, tmp_path: Path) -> None:  # noqa: F811
    called, bridge = name("c"), name("b")
    run("ip", "link", "add", bridge, "type", "bridge")
    mac, plug = "00:16:3e:01:02:03", tmp_path / "plug"
    # LXC looks for bridges in /sys, which is that of the machine's namespace: so a script of ours plugs the veth in.
    plug.write_text(f"#!/bin/sh\nexec ip link set $5 master {bridge}\n")
    plug.chmod(0o755)
    first = network(0, "type = veth", "name = eth7", f"hwaddr = {mac}", f"script.up = {plug}")
    lxc.create(called, *first, *network(3, "type = macvlan", f"link = {bridge}"))
    async with following(tmp_path) as live:
        await asyncio.to_thread(lxc, "start", called)
        assert await bridges(live, called) == [bridge]

        node = await live.node(Type="container", Name=called, Manager="lxc", Container__Status="running")
        told = await asyncio.to_thread(lxc.info, called)
        assert facts(node) == {
            "ID": f"{lxc.path}/{told['Name']}",
            "Runtime": "lxc",
            "Status": told["State"].lower(),
            "InitProcessPID": int(told["PID"]),
            "Hostname": called,
        }
        shown = node.metadata["LXC"]
        assert isinstance(shown, dict)
        assert shown["Path"] == str(lxc.path)
        assert shown["Rootfs"] == f"{lxc.path}/{called}/rootfs"
        veth, macvlan = shown["Interfaces"]
        pair = veth.pop("Peer")
        assert veth == {"Index": 0, "Type": "veth", "Name": "eth7", "MAC": mac}
        assert (macvlan["Index"], macvlan["Type"], macvlan["Link"]) == (3, "macvlan", bridge)
        assert (await live.node(Type="veth", Name=pair, LinkNetNsName=called)).metadata["MTU"] == 1500
        netns = await live.node(Type="netns", Name=called, Manager="lxc")
        await live.edge(netns.id, node.id, RelationType="ownership")

        await asyncio.to_thread(lxc, "freeze", called)
        await live.node(Name=called, Container__Status="frozen")
        await asyncio.to_thread(lxc, "unfreeze", called)
        await live.node(Name=called, Container__Status="running")
        await asyncio.to_thread(lxc, "stop", called, "--kill")
        await live.gone(Type="container", Name=called)
        await live.gone(Type="netns", Name=called)
        await asyncio.to_thread(lxc, "start", called)
        assert (await live.node(Type="container", Name=called)).id == node.id


def network(index: int, *lines: str) -> list[str]:
    return [f"lxc.net.{index}.{line}" for line in ("flags = up", *lines)]


async def test_containers_that_run_already_share_a_namespace_that_is_called_like_its_maker(
    lxc: PrivateLxc,  # noqa: F811
    tmp_path: Path,
) -> None:
    maker, guest, hosts = name("m"), name("a"), name("h")
    lxc.create(maker, "lxc.net.0.type = empty")
    lxc.create(hosts, "lxc.net.0.type = none")
    lxc("start", maker)
    lxc.create(guest, f"lxc.namespace.share.net = {lxc.info(maker)['PID']}")
    lxc("start", guest)
    lxc("start", hosts)
    async with following(tmp_path) as live:
        netns = await live.node(Type="netns", Name=maker, Manager="lxc")
        for one in (maker, guest):
            node = await live.node(Type="container", Name=one, Container__Status="running")
            assert live.owner(node) == netns
        node = await live.node(Type="container", Name=hosts)
        assert live.owner(node) == live.find(Type="host")
