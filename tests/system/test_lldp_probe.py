# SPDX-License-Identifier: Apache-2.0
"""The lldp probe against real lldpd processes in namespaces; what it shows is compared with what lldpd says."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from live_graph import LiveGraph, NamedNetns, Namespaces, live_graph, name, run, settings, sh
from live_graph import make_netns as make_netns
from netns_fixture import netns as netns
from unit.probes.lldp.frames import frame, tlv

pytestmark = pytest.mark.system


@pytest.fixture
async def live(netns: None, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(settings(tmp_path / "netns", probes=("netns", "netlink", "lldp"), lldp=("up*",))) as graph:
        yield graph


class Switch:
    """A namespace with lldpd in it, and cables to other namespaces."""

    def __init__(self, netns: NamedNetns, directory: Path) -> None:
        self.netns = netns
        self.called = name("leaf")
        self._control = directory / f"{self.called}.ctl"
        self.process: asyncio.subprocess.Process | None = None

    def cable(self, to: NamedNetns | None = None) -> tuple[str, str]:
        """Plug a cable into this switch; return the names of its port and of the other end's interface."""
        port, uplink = name("port"), name("up")
        where = ["netns", str(to.path)] if to is not None else []
        run("ip", "link", "add", uplink, *where, "type", "veth", "peer", port, "netns", str(self.netns.path))
        self.netns.run("ip", "link", "set", port, "up")
        (to.run if to is not None else run)("ip", "link", "set", uplink, "up")
        return port, uplink

    async def start(self, hold: int = 2, options: str = "") -> None:
        """Start lldpd, which speaks every second; what it said holds for so many seconds."""
        lldpd = (
            f"hostname {self.called} && exec lldpd {options} -d -u {self._control} -I 'port*' -C 'port*' -S 'a test'"
        )
        command = ["nsenter", f"--net={self.netns.path}", "unshare", "--uts", "sh", "-c", lldpd]
        null = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            *command, stdin=null, stdout=null, stderr=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while b"resume operations" not in (line := await self.process.stderr.readline()):
                assert line, "lldpd ended"
        await self.cli("configure", "lldp", "tx-hold", str(hold))
        await self.cli("configure", "lldp", "tx-interval", "1")

    async def cli(self, *command: str) -> str:
        return await sh("lldpcli", "-u", str(self._control), *command)

    async def chassis(self) -> dict[str, Any]:
        """Return what it says of itself."""
        told = json.loads(await self.cli("-f", "json0", "show", "chassis"))
        (chassis,) = told["local-chassis"][0]["chassis"]
        return dict(chassis)

    async def stop(self, how: signal.Signals) -> None:
        """End lldpd, which consists of two processes."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, how)
            await self.process.wait()
        self._control.unlink(missing_ok=True)


@pytest.fixture
def control() -> Iterator[Path]:
    """A directory for sockets: lldpcli runs as a user of its own, who may not look into pytest's."""
    with tempfile.TemporaryDirectory(prefix="lldp") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
async def make_switch(make_netns: Namespaces, control: Path) -> AsyncIterator[Any]:
    if shutil.which("lldpd") is None:
        pytest.skip("lldpd is not installed")
    made: list[Switch] = []

    def make() -> Switch:
        made.append(Switch(make_netns(), control))
        return made[-1]

    yield make
    for switch in made:
        await switch.stop(signal.SIGKILL)


async def test_two_cables_lead_to_one_switch_that_says_what_lldpd_says(live: LiveGraph, make_switch: Any) -> None:
    switch = make_switch()
    cables = [switch.cable(), switch.cable()]
    await switch.start()
    told = await switch.chassis()
    for port, uplink in cables:
        shown = await live.node(Type="switchport", Name=port)
        node = await live.node(Type="switch", Name=switch.called)
        interface = await live.node(Name=uplink)
        await live.edge(node.id, shown.id, RelationType="ownership")
        await live.edge(node.id, shown.id, RelationType="layer2")
        await live.edge(shown.id, interface.id, RelationType="layer2")
    assert live.count(Type="switch") == 1
    facts = node.metadata["LLDP"]
    assert isinstance(facts, dict)
    assert facts["ChassisID"] == told["id"][0]["value"]
    assert facts["SysName"] == told["name"][0]["value"] == switch.called
    assert facts["Description"] == told["descr"][0]["value"] == "a test"
    able = {one["type"].lower(): one["enabled"] for one in told["capability"]}
    assert {str(one).lower() for one in facts["Capabilities"]} == set(able)  # type: ignore[union-attr]
    assert [str(one).lower() for one in facts["EnabledCapabilities"]] == [one for one in able if able[one]]  # type: ignore[union-attr]
    assert node.metadata["TID"] == node.id


async def test_switch_that_says_goodbye_is_gone_at_once_and_comes_back_as_the_same(
    live: LiveGraph, make_switch: Any
) -> None:
    switch = make_switch()
    port, _ = switch.cable()
    await switch.start(hold=100)
    node = await live.node(Type="switch", Name=switch.called)
    await switch.stop(signal.SIGTERM)
    await live.gone(Type="switch", Name=switch.called)
    await live.gone(Type="switchport", Name=port)
    await switch.start(hold=100)
    assert (await live.node(Type="switch", Name=switch.called)).id == node.id


async def test_switch_that_falls_silent_is_gone_when_its_time_is_over(live: LiveGraph, make_switch: Any) -> None:
    switch = make_switch()
    switch.cable()
    await switch.start(hold=2)
    await live.node(Type="switch", Name=switch.called)
    await switch.stop(signal.SIGKILL)
    assert live.find(Type="switch", Name=switch.called) is not None
    await live.gone(within=4.0, Type="switch", Name=switch.called)


async def test_interface_in_another_namespace_and_one_in_a_bridge_hear_too(
    live: LiveGraph, make_switch: Any, make_netns: Namespaces
) -> None:
    switch, guest = make_switch(), make_netns()
    far_port, far = switch.cable(guest)
    near_port, near = switch.cable()
    bridge = name("br")
    run("ip", "link", "add", bridge, "up", "type", "bridge")
    run("ip", "link", "set", near, "master", bridge)
    await switch.start()
    for port, uplink in ((far_port, far), (near_port, near)):
        shown = await live.node(Type="switchport", Name=port)
        await live.edge(shown.id, (await live.node(Name=uplink)).id, RelationType="layer2")
    netns = await live.node(Type="netns", Inode=guest.inode)
    assert live.owner(await live.node(Name=far)) == netns

    guest.delete()
    await live.gone(Type="netns", Inode=netns.metadata["Inode"])
    await live.gone(Type="switchport", Name=far_port)
    await live.gone(Name=far)


async def test_rubbish_is_counted_and_a_hostile_name_is_text(live: LiveGraph) -> None:
    here, there = name("up"), name("x")
    run("ip", "link", "add", here, "up", "type", "veth", "peer", there)
    run("ip", "link", "set", there, "up")
    await live.node(Name=here)
    health = live.runner.healths["lldp"]
    await live.until(lambda: health.counters.get("interfaces") == 1)
    with contextlib.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as sender:
        sender.bind((there, 0))
        sender.send(frame()[:30])
        sender.send(frame()[:12] + b"\x08\x00" + bytes(60))
        sender.send(frame(tlv(5, b"<img src=x>\x1b\n"), tlv(7, b"")))
    await live.node(Type="switch", Name="<img src=x>\ufffd\ufffd")
    assert (health.counters["frames"], health.counters["malformed"], health.counters["unreadable"]) == (2, 1, 1)


async def test_neighbour_that_speaks_cdp_alone_is_shown(live: LiveGraph, make_switch: Any) -> None:
    switch = make_switch()
    port, uplink = switch.cable()
    # No LLDP, and CDP version 2 whoever listens (lldpd(8)).
    await switch.start(options="-ll -ccccc")
    node = await live.node(within=10.0, Type="switch", CDP__DeviceID=switch.called)
    assert node.metadata["Name"] == switch.called
    assert "LLDP" not in node.metadata
    switchport = await live.node(Type="switchport", CDP__PortID=port)
    await live.edge(node.id, switchport.id, RelationType="layer2")
    interface = await live.node(Name=uplink)
    await live.edge(switchport.id, interface.id, RelationType="layer2")


async def test_neighbour_that_speaks_both_is_one_switch(live: LiveGraph, make_switch: Any) -> None:
    switch = make_switch()
    switch.cable()
    await switch.start(options="-l -ccccc")
    await live.node(within=10.0, Type="switch", CDP__DeviceID=switch.called, LLDP__SysName=switch.called)
    assert live.count(Type="switch") == 1
    assert live.count(Type="switchport") == 1
