# SPDX-License-Identifier: Apache-2.0
"""The lxd probe and a real LXD: what only its own interface tells, on the containers that the lxc probe finds."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from live_graph import live_graph, name, settings
from lxd_fixture import PrivateLxd
from lxd_fixture import lxd as lxd
from netns_fixture import netns as netns
from netsonde.model.elements import Node

pytestmark = pytest.mark.system

SLOW = 20.0
"""Seconds within which a daemon that is busy answers."""


def settings_of(node: Node | None) -> dict[str, Any]:
    """Return what is shown of the settings of a container."""
    lxd = {} if node is None else node.metadata.get("LXD")
    return lxd.get("Config", {}) if isinstance(lxd, dict) else {}  # type: ignore[return-value]


async def test_container_has_project_profiles_and_settings_as_they_change(lxd: PrivateLxd, tmp_path: Path) -> None:
    called, socket = name("c"), str(lxd.directory / "unix.socket")
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "lxc", "lxd"), lxd=(socket,), anonymous=True)
    await asyncio.to_thread(
        lxd, "project", "create", "shop", "-c", "features.images=false", "-c", "features.profiles=false"
    )
    async with live_graph(probes) as live:
        options = (
            "-s",
            "pool",
            "-c",
            "security.privileged=true",
            "-c",
            "environment.PASSWORD=hidden",
            "--project",
            "shop",
        )
        await asyncio.to_thread(lxd, "launch", "busybox", called, *options)
        node = await live.node(
            within=SLOW, Type="container", Container__Status="running", LXD__Name=called, LXD__Project="shop"
        )
        shown = node.metadata["LXD"]
        assert isinstance(shown, dict)
        assert (shown["Profiles"], shown["Ephemeral"]) == (["default"], "false")
        assert "hidden" not in str(node.metadata)
        await asyncio.to_thread(lxd, "config", "set", called, "boot.autostart", "true", "--project", "shop")
        await live.until(lambda: settings_of(live.find(LXD__Name=called)).get("boot.autostart") == "true", within=SLOW)
        await asyncio.to_thread(lxd, "restart", "--force", called, "--project", "shop")
        await live.node(within=SLOW, Type="container", Container__Status="running", LXD__Name=called)
        await asyncio.to_thread(lxd, "delete", "--force", called, "--project", "shop")
        await live.gone(within=SLOW, Type="container", LXD__Name=called)


async def test_daemon_that_comes_back_is_followed_again(lxd: PrivateLxd, tmp_path: Path) -> None:
    called, socket = name("c"), str(lxd.directory / "unix.socket")
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "lxc", "lxd"), lxd=(socket,), anonymous=True)
    async with live_graph(probes) as live:
        await asyncio.to_thread(lxd, "launch", "busybox", called, "-s", "pool", "-c", "security.privileged=true")
        await live.node(within=SLOW, Type="container", LXD__Name=called)
        await asyncio.to_thread(lxd.restart_daemon)
        assert live.find(Type="container", LXD__Name=called) is not None
        await asyncio.to_thread(lxd, "config", "set", called, "boot.autostart", "true")
        await live.until(lambda: settings_of(live.find(LXD__Name=called)).get("boot.autostart") == "true", within=SLOW)
        assert any(probe == "lxd" for probe, _ in live.failures)
