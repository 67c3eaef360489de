# SPDX-License-Identifier: Apache-2.0
"""The wireguard probe against a kernel that has WireGuard, held against `wg show`; skips aloud elsewhere."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, live_graph, name, private_netns, run, settings, sh

pytestmark = pytest.mark.netns


@pytest.fixture
def interface() -> Iterator[str]:
    """A WireGuard interface in a namespace of the test's own."""
    if shutil.which("wg") is None:
        pytest.skip("wireguard-tools is not installed")
    with private_netns():
        called = name("wg")
        made = subprocess.run(
            ["ip", "link", "add", called, "type", "wireguard"], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            pytest.skip(f"this kernel has no WireGuard: {made.stderr.strip()}")
        yield called


@pytest.fixture
async def live(interface: str, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "wireguard"))) as graph:
        yield graph


def as_wg_shows(interface: str) -> list[tuple[str, str, list[str]]]:
    """Return public key, endpoint and destinations of each peer; `wg` writes `(none)` for what is not there."""
    lines = [line.split("\t") for line in run("wg", "show", interface, "dump").splitlines()[1:]]
    return sorted((key, end.replace("(none)", ""), allowed.split(",")) for key, _, end, allowed, *_ in lines)


def as_shown(metadata: Any) -> list[tuple[str, str, list[str]]]:
    peers = metadata.get("WireGuard", {}).get("Peers", [])
    return sorted((each["PublicKey"], each.get("Endpoint", ""), each.get("AllowedIPs", [])) for each in peers)


async def test_peers_are_those_that_wg_shows(live: LiveGraph, interface: str, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(run("wg", "genkey"))
    keys = ["xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="]
    await sh("wg", "set", interface, "private-key", str(secret), "listen-port", "0")
    for number, key in enumerate(keys):
        ends = ("endpoint", f"192.0.2.{number}:51820", "allowed-ips", f"10.{number}.0.0/16")
        await sh("wg", "set", interface, "peer", key, *ends)
    node = await live.node(Name=interface, Type="wireguard")

    def equal() -> bool:
        found = live.graph.node(node.id)
        return found is not None and as_shown(found.metadata) == as_wg_shows(interface)

    await live.until(equal, within=15.0)
    assert secret.read_text().strip() not in str(live.graph.node(node.id))
