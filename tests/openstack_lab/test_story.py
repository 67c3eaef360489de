# SPDX-License-Identifier: Apache-2.0
"""The story that Netsonde is for, in a real OpenStack: a capture waits, a VM boots, its first packets are there.

Two to three minutes, most of it Keystone and Neutron coming up: `make test-openstack`, not `make test`.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo import machine

from openstack_lab.configs import PASSWORD
from openstack_lab.lab import BRIDGES, Lab
from system.stack import Stack

NEEDED = ("neutron-server", "keystone-manage", "mariadbd", "uwsgi_python3", "qemu-system-x86_64", "ovs-vswitchd")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MISSING = [program for program in NEEDED if shutil.which(program, path=PATH) is None]
CACHE = Path(__file__).resolve().parents[2] / "build/vm"
"""Kernel and initial file system of the demo's machine."""

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def say(text: str) -> None:
    print(f"{time.strftime('%T')} {text}")  # noqa: T201  the times are the point of the run


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A cloud with a network, a router and a way out; nothing of it is left afterwards."""
    taken = [name for name in (*BRIDGES, "ovs-netdev") if Path("/sys/class/net", name).exists()]
    if taken:
        pytest.fail(f"another Open vSwitch has {', '.join(taken)} here: end it first")
    with tempfile.TemporaryDirectory(prefix="nsos") as folder:
        lab = Lab(Path(folder))
        began = time.monotonic()
        try:
            lab.up()
            say(f"OpenStack is up after {time.monotonic() - began:.0f} s")
            yield lab
        finally:
            lab.down()
        # It runs on people's machines: that nothing stays behind is part of what is tested.
        assert not lab.namespaces()
        assert not [name for name in BRIDGES if Path("/sys/class/net", name).exists()]


@pytest.fixture(scope="module")
def stack(lab: Lab) -> Iterator[Stack]:
    config = lab.state / "netsonde.toml"
    config.write_text(
        f'[openstack.clouds.story]\nauth_url = "{lab.rest.keystone}"\nusername = "admin"\npassword = "{PASSWORD}"\n'
        f'[probes.ovsdb]\naddresses = ["unix:{lab.switch.socket}"]\n'
    )
    running = Stack(lab.state / "netsonde", env={"NETSONDE_CONFIG": str(config)}).start(60)
    yield running
    running.stop()


def shown(stack: Stack, query: str) -> list[dict[str, Any]]:
    return [node["Metadata"] for node in stack.query(query) or []]


def test_every_port_and_namespace_of_the_cloud_has_its_names(lab: Lab, stack: Stack) -> None:
    wired = [one for one in lab.rest.listed("ports") if one["status"] == "ACTIVE"]
    assert {one["device_owner"] for one in wired} == {
        "network:dhcp",
        "network:router_interface",
        "network:router_gateway",
    }
    for port in wired:
        query = f"G.V().Has('Neutron.PortID', '{port['id']}')"
        stack.wait(lambda query=query: len(shown(stack, query)) == 1, 60, f"port {port['id']} named")
        metadata = shown(stack, query)[0]
        network = lab.rest.call("GET", f"{lab.rest.neutron}/networks/{port['network_id']}")["network"]
        assert metadata["Neutron"]["NetworkName"] == network["name"]
        assert metadata["Neutron"]["TenantName"] == "shop"
        # In OVSDB such a port looks dead: its state is that of the device in its namespace.
        assert metadata["State"] != "DOWN"
        assert set(metadata["Neutron"]["IPV4"]) <= set(metadata["IPV4"])
    dhcp = f"G.V().Has('Type', 'netns', 'Name', 'qdhcp-{lab.rest.listed('networks', 'name=web-net')[0]['id']}')"
    router = f"G.V().Has('Type', 'netns', 'Name', 'qrouter-{lab.rest.listed('routers')[0]['id']}')"
    assert shown(stack, dhcp)[0]["Neutron"]["NetworkName"] == "web-net"
    assert shown(stack, router)[0]["Neutron"]["RouterName"] == "web-router"
    say("every port and namespace has its names")


@pytest.fixture(scope="module")
def booted(lab: Lab, stack: Stack) -> Iterator[dict[str, Any]]:
    """A capture that waits, then a VM behind a port that did not exist before; what was measured on the way."""
    machine.build(CACHE)
    capture = stack.capture("G.V().HasKey('ExtID.vm-id')", Name="story", RawPacketLimit=1000)
    assert stack.wait_capture(capture, "waiting")["Matching"] == 0
    named = stack.capture("G.V().Has('Neutron.PortName', 'web-1')", Name="by name", RawPacketLimit=1000)
    port = lab.rest.make_instance_port("web-1")
    console = lab.state / "web-1.console"
    plugged = time.monotonic()
    tap = lab.plug(port)
    guest = machine.start(CACHE, tap=tap, mac=port["mac_address"], uuid=port["device_id"], console=console)
    try:
        stack.wait_capture(capture, "active", 10)
        active = time.monotonic() - plugged
        query = f"G.V().Has('Name', '{tap}', 'Neutron.PortName', 'web-1')"
        stack.wait(lambda: shown(stack, query), 10, "named")
        say(f"capture active {active:.2f} s, port named {time.monotonic() - plugged:.2f} s after it was plugged")
        yield {"capture": capture, "named": named, "port": port, "tap": tap, "console": console, "query": query}
    finally:
        guest.kill()
        guest.wait()
        lab.unplug(tap)


def test_vm_is_captured_from_its_first_packet_and_named(lab: Lab, stack: Stack, booted: dict[str, Any]) -> None:
    port, query = booted["port"], booted["query"]
    began = time.monotonic()
    stack.wait(
        lambda: "GUEST gateway" in booted["console"].read_text(errors="replace"), 120, "guest reaches the gateway"
    )
    say(f"the guest has its lease and reaches its gateway {time.monotonic() - began:.0f} s later")
    stack.wait(lambda: shown(stack, f"{query}.Has('Neutron.Status', 'ACTIVE')"), 30, "port up in Neutron's eyes")
    metadata = shown(stack, query)[0]
    address = port["fixed_ips"][0]["ip_address"]
    assert metadata["Neutron"]["IPV4"] == [f"{address}/24"]
    assert (metadata["Neutron"]["NetworkName"], metadata["Neutron"]["TenantName"]) == ("web-net", "shop")
    assert metadata["VM"]["UUID"] == port["device_id"]
    assert metadata["ExtID"]["iface-id"] == port["id"]

    flows = f"{query}.Flows()"
    stack.wait(lambda: stack.query(f"{flows}.Has('Transport.A', 68).Count()") or 0, 20, "DHCP among the flows")
    stack.wait(lambda: stack.query(f"{flows}.Has('ICMP.Type', 'ECHO').Count()") or 0, 20, "pings among the flows")
    for capture in (booted["capture"], booted["named"]):
        (node,) = stack.wait_capture(capture, "active")["Nodes"]
        assert node["PacketsDropped"] == 0
    assert node["Name"] == booted["tap"]
    say("its flows begin with DHCP; none of its packets was dropped, also by the capture by Neutron's name")

    layer2 = "Metadata('RelationType', 'layer2')"
    for owner in ("network:dhcp", "network:router_interface"):
        path = stack.query(f"{query}.ShortestPathTo(Metadata('Neutron.DeviceOwner', '{owner}'), {layer2})")[0]
        names = [node["Metadata"]["Name"] for node in path]
        assert (names[0], names[2]) == (booted["tap"], "br-int")
        inner = path[-1]["ID"]
        namespace = shown(stack, f"G.V('{inner}').In('Type', 'netns')")[0]["Name"]
        assert namespace.startswith("qdhcp-" if owner == "network:dhcp" else "qrouter-")
    say("layer 2 leads from its tap over br-int into qdhcp and qrouter")


def test_what_goes_and_changes_in_the_cloud_goes_and_changes_here(
    lab: Lab, stack: Stack, booted: dict[str, Any]
) -> None:
    port = booted["port"]
    lab.rest.call("PUT", f"{lab.rest.neutron}/ports/{port['id']}", {"port": {"name": "renamed"}})
    stack.wait(lambda: shown(stack, "G.V().Has('Neutron.PortName', 'renamed')"), 45, "renamed")
    lab.rest.call("DELETE", f"{lab.rest.neutron}/ports/{port['id']}")
    gone = f"G.V().Has('Name', '{booted['tap']}').HasNot('Neutron')"
    stack.wait(lambda: shown(stack, gone), 45, "without names")
    history = f"G.At('-0s').V().Has('Name', '{booted['tap']}').HasNot('Neutron')"
    stack.wait(lambda: shown(stack, history), 30, "without names in history")
    say("a port that is renamed and deleted in Neutron is renamed and loses its names here, in history too")


def test_names_are_there_after_a_crash_before_the_cloud_answers(lab: Lab, stack: Stack) -> None:
    before = {node["Name"] for node in shown(stack, "G.V().HasKey('Neutron')")}
    stack.kill("analyzer")
    began = time.monotonic()
    stack.wait(lambda: {node["Name"] for node in shown(stack, "G.V().HasKey('Neutron')")} >= before, 30, "named again")
    say(f"all names are there {time.monotonic() - began:.1f} s after the analyzer was killed")
