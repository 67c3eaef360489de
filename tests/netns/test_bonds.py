# SPDX-License-Identifier: Apache-2.0
"""Bonds of the kernel's, followed live; skips where the kernel has none."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from live_graph import LiveGraph, live_graph, name, private_netns, settings, sh

pytestmark = [pytest.mark.netns, pytest.mark.timeout(60)]
LACP: Final = "mode 802.3ad miimon 100 lacp_rate fast"


@pytest.fixture(autouse=True)
def netns() -> Iterator[None]:
    with private_netns():
        made = subprocess.run(["ip", "link", "add", "probe", "type", "bond"], capture_output=True, check=False)
        if made.returncode:
            pytest.skip("this kernel has no bonds")
        yield


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns")) as graph:
        yield graph


async def test_both_ends_of_an_aggregate_show_each_other_once_lacp_has_agreed(live: LiveGraph) -> None:
    near, far = name("bo"), name("bo")
    for bond in (near, far):
        await sh("ip", "link", "add", bond, "type", "bond", *LACP.split())
    for number in "01":
        await sh("ip", "link", "add", f"{near}{number}", "type", "veth", "peer", "name", f"{far}{number}")
        for bond in (near, far):
            await sh("ip", "link", "set", f"{bond}{number}", "master", bond)
    for bond in (near, far):
        await sh("ip", "link", "set", bond, "up")
    one = await live.node(Name=near, Type="bond", Bond__Ports=2, within=30.0)
    other = await live.node(Name=far, Type="bond", Bond__PartnerMAC=str(one.metadata["MAC"]), within=30.0)
    await live.node(Name=near, Type="bond", Bond__PartnerMAC=str(other.metadata["MAC"]), within=30.0)
    member = await live.node(Name=f"{far}1", BondSlave__AdPartnerOperPortState=63, within=30.0)
    await live.edge(other.id, member.id, RelationType="layer2")
