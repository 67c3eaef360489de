# SPDX-License-Identifier: Apache-2.0
"""A VM whose tap is in no Open vSwitch: in a bridge that iptables filter (hybrid), or among Linux bridges alone.

Plugged by hand as os-vif, libvirt and Neutron's Linux bridge agent do, into a real switch and real bridges; the guest
speaks from its first instant. What Neutron says is recorded.
"""

import fcntl
import os
import secrets
import struct
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from demo.switch import Switch

from recorded_cloud import RecordedCloud, recorded_cloud
from system.links import ip
from system.pcapng import packets
from system.private_switch import private_switch
from system.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

TUNSETIFF, TAP = 0x400454CA, struct.Struct("16sH22x")
MAGIC, NUMBER = b"\x88\xb5NsHy", slice(18, 22)
FRAMES = 200
BRIDGE = f"br{secrets.token_hex(4)}"
"""What Neutron calls br-int."""
LAYER2 = "Metadata('RelationType', 'layer2')"


class Guest:
    """A machine of one card: a port of Neutron's, and the tap that it sends frames by as long as it lives."""

    def __init__(self, port: str, machine: str, mac: str) -> None:
        self.port, self.machine, self.mac = port, machine, mac
        self._descriptor = -1

    def name(self, prefix: str) -> str:
        return f"{prefix}{self.port[:11]}"

    def boot(self, bridge: str) -> None:
        """Do what libvirt does, and say FRAMES frames, numbered, as soon as there is a tap to say them by."""
        self._descriptor = os.open("/dev/net/tun", os.O_RDWR)
        tap = self.name("tap")
        fcntl.ioctl(self._descriptor, TUNSETIFF, TAP.pack(tap.encode(), 0x0002 | 0x1000))
        ip("link", "set", tap, "address", f"fe:{self.mac[3:]}", "master", bridge, "up")
        head = b"\xff" * 6 + bytes.fromhex(self.mac.replace(":", "")) + MAGIC
        for number in range(FRAMES):
            os.write(self._descriptor, head + number.to_bytes(4, "big") + bytes(42))

    def stop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


class Compute:
    """The switch and the bridges of one host; `close` takes them back."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch
        self._links: list[str] = []

    def plug_hybrid(self, guest: Guest) -> None:
        """Do what os-vif does with `ovs_hybrid_plug`: everything but the tap."""
        bridge, near, far = guest.name("qbr"), guest.name("qvb"), guest.name("qvo")
        self._link(bridge, "type", "bridge")
        self._link(near, "type", "veth", "peer", "name", far)
        for link in (near, far):
            ip("link", "set", link, "up", "promisc", "on")
        ip("link", "set", near, "master", bridge)
        ids = {"iface-id": guest.port, "iface-status": "active", "attached-mac": guest.mac, "vm-uuid": guest.machine}
        settings = [f'external_ids:{key}="{value}"' for key, value in ids.items()]
        self.switch.vsctl("--", "add-port", BRIDGE, far, "--", "set", "Interface", far, *settings)

    def bridge_of(self, network: str, vni: int) -> str:
        """Do what the Linux bridge agent does for a network: a bridge, and in it the tunnel to the other hosts."""
        bridge = f"brq{network[:11]}"
        self._link(bridge, "type", "bridge")
        self._link(f"vxlan-{vni}", "type", "vxlan", "id", str(vni), "dstport", "8472", "local", "127.0.0.1")
        ip("link", "set", f"vxlan-{vni}", "master", bridge, "up")
        return bridge

    def close(self) -> None:
        for link in self._links:
            subprocess.run(["ip", "link", "del", link], check=False, stderr=subprocess.DEVNULL)

    def _link(self, name: str, *what: str) -> None:
        ip("link", "add", name, *what)
        self._links.append(name)
        ip("link", "set", name, "up")


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    with private_switch() as running:
        running.vsctl("add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev")
        yield running


@pytest.fixture(scope="module")
def cloud() -> Iterator[RecordedCloud]:
    with recorded_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def stack(switch: Switch, cloud: RecordedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("hybrid")
    config = folder / "netsonde.toml"
    config.write_text(
        f'[openstack.clouds.lab]\nauth_url = "{cloud.url}"\nusername = "admin"\npassword = "right"\ninterval = 2\n'
        f'[probes.ovsdb]\naddresses = ["unix:{switch.socket}"]\n'
    )
    running = Stack(folder / "state", env={"NETSONDE_CONFIG": str(config)}).start(60)
    yield running
    running.stop()


@pytest.fixture
def compute(switch: Switch) -> Iterator[Compute]:
    host = Compute(switch)
    yield host
    host.close()


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A machine that no cloud knows."""
    one = Guest(str(uuid.uuid4()), str(uuid.uuid4()), "fa:16:3e:" + os.urandom(3).hex(":"))
    yield one
    one.stop()


@pytest.fixture
def known(cloud: RecordedCloud, guest: Guest) -> Guest:
    """The machine, and its port in Neutron."""
    like = cloud.one("ports", name="web")
    ids = {"name": f"port-{guest.port[:8]}", "mac_address": guest.mac, "device_id": guest.machine}
    cloud.add("ports", like, id=guest.port, **ids)
    return guest


def shown(stack: Stack, name: str) -> dict[str, Any]:
    """Return what is known of an interface, {} while there is none."""
    found = stack.query(f"G.V().Has('Name', '{name}').HasKey('IfIndex')")
    return found[0]["Metadata"] if found else {}


def frames(stack: Stack, capture: str) -> Callable[[], dict[str, Counter[int]]]:
    """Return what tells how often a capture has which of the guest's frames, by interface."""

    def read() -> dict[str, Counter[int]]:
        found: dict[str, Counter[int]] = {}
        content = stack.call("GET", f"/api/capture/{capture}/packets", accept="application/x-pcapng")
        for name, data in packets(content):
            if data[12:18] == MAGIC:
                found.setdefault(name, Counter())[int.from_bytes(data[NUMBER], "big")] += 1
        return found

    return read


ALL = Counter(range(FRAMES))
"""Each frame once."""


def test_hybrid_port_is_captured_at_its_tap_and_at_the_switch_from_the_first_frame(
    stack: Stack, compute: Compute, guest: Guest
) -> None:
    capture = stack.capture("G.V().HasKey('ExtID.vm-uuid')", RawPacketLimit=1000)
    assert stack.wait_capture(capture, "waiting")["Matching"] == 0
    compute.plug_hybrid(guest)
    guest.boot(guest.name("qbr"))
    tap, far = guest.name("tap"), guest.name("qvo")
    have = frames(stack, capture)
    stack.wait(lambda: have() == {tap: ALL, far: ALL}, 20, "every frame at both ends")

    assert shown(stack, tap)["ExtID"] == {"vm-uuid": guest.machine, "attached-mac": guest.mac}
    assert shown(stack, tap)["VM"]["UUID"] == shown(stack, far)["VM"]["UUID"] == guest.machine
    path = stack.query(f"G.V().Has('Name', '{tap}').ShortestPathTo(Metadata('Name', '{BRIDGE}'), {LAYER2})")[0]
    names = [node["Metadata"]["Name"] for node in path]
    assert names[:4] == [tap, guest.name("qbr"), guest.name("qvb"), far]
    assert names[-1] == BRIDGE
    stack.call("DELETE", f"/api/capture/{capture}", accept="*/*")


def test_hybrid_port_has_its_names_on_the_tap_and_is_captured_by_them(
    stack: Stack, compute: Compute, known: Guest
) -> None:
    capture = stack.capture(f"G.V().Has('Neutron.PortID', '{known.port}')", RawPacketLimit=1000)
    stack.wait_capture(capture, "waiting")
    compute.plug_hybrid(known)
    known.boot(known.name("qbr"))
    tap, far = known.name("tap"), known.name("qvo")
    have = frames(stack, capture)
    stack.wait(lambda: have() == {tap: ALL, far: ALL}, 30, "every frame at both ends")
    assert shown(stack, tap)["Neutron"]["PortName"] == f"port-{known.port[:8]}"
    # The filtering bridge and its veth are the machine's, and are no port.
    assert shown(stack, known.name("qbr"))["VM"]["UUID"] == known.machine
    assert "Neutron" not in shown(stack, known.name("qvb"))
    stack.call("DELETE", f"/api/capture/{capture}", accept="*/*")


def test_tap_of_linux_bridge_agent_has_its_names_its_network_and_its_first_frames(
    stack: Stack, compute: Compute, cloud: RecordedCloud, known: Guest
) -> None:
    network = cloud.one("networks", name="oslab-net")
    capture = stack.capture(f"G.V().Has('ExtID.vm-uuid', '{known.machine}')", RawPacketLimit=1000)
    stack.wait_capture(capture, "waiting")
    bridge = compute.bridge_of(network["id"], network["provider:segmentation_id"])
    known.boot(bridge)
    tap = known.name("tap")
    have = frames(stack, capture)
    stack.wait(lambda: have() == {tap: ALL}, 30, "every frame at the tap")
    port = shown(stack, tap)
    assert port["Neutron"]["NetworkName"] == shown(stack, bridge)["Neutron"]["NetworkName"] == "oslab-net"
    assert (port["VM"]["UUID"], port["PeerIntfMAC"]) == (known.machine, known.mac)
    way_out = f"G.V().Has('Name', '{tap}').ShortestPathTo(Metadata('VNI', {port['Neutron']['VNI']}), {LAYER2})"
    assert [node["Metadata"]["Name"] for node in stack.query(way_out)[0]][1] == bridge
    stack.call("DELETE", f"/api/capture/{capture}", accept="*/*")
