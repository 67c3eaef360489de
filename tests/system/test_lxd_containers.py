# SPDX-License-Identifier: Apache-2.0
"""The lxc probe and containers of a real LXD, with a directory of its own; not among the packages of `make test`."""

import asyncio
from pathlib import Path

import pytest

from live_graph import live_graph, name, settings
from lxd_fixture import PrivateLxd
from lxd_fixture import lxd as lxd
from netns_fixture import netns as netns

pytestmark = pytest.mark.system


async def test_container_of_lxd_is_followed_like_lxcs_own(lxd: PrivateLxd, tmp_path: Path) -> None:
    called = name("c")
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "lxc"), anonymous=True)) as live:
        options = ("-s", "pool", "-c", "security.privileged=true")
        await asyncio.to_thread(lxd, "launch", "busybox", called, *options)
        node = await live.node(Type="container", Name=called, Manager="lxd", Container__Status="running")
        told = await asyncio.to_thread(lxd.state, called)
        facts = node.metadata["Container"]
        assert isinstance(facts, dict)
        assert (facts["InitProcessPID"], told["status"]) == (told["pid"], "Running")
        netns = await live.node(Type="netns", Name=called, Manager="lxd")
        assert live.owner(node) == netns
        await asyncio.to_thread(lxd, "pause", called)
        await live.node(Name=called, Container__Status="frozen")
        await asyncio.to_thread(lxd, "start", called)
        await live.node(Name=called, Container__Status="running")
        await asyncio.to_thread(lxd, "delete", "--force", called)
        await live.gone(Type="container", Name=called)
