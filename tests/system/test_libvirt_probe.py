# SPDX-License-Identifier: Apache-2.0
"""The libvirt probe against a real libvirtd whose machines QEMU emulates, in a network namespace of its own."""

import uuid
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from libvirt_fixture import PrivateLibvirt
from libvirt_fixture import libvirt as libvirt_of_test  # noqa: F401
from live_graph import LiveGraph, live_graph, name, run, settings, sh
from netns_fixture import netns as netns
from netsonde.model.elements import Json, Metadata

pytestmark = pytest.mark.system

MACHINE = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><title>the web</title>
<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>web-1</nova:name>
<nova:flavor name='m1.tiny'/><nova:owner><nova:user uuid='u1'>ann</nova:user>
<nova:project uuid='p1'>shop</nova:project></nova:owner></nova:instance></metadata>
<memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='qemu-xhci'/>{cards}</devices>
</domain>
"""
CARD = "<interface type='{kind}'><mac address='{mac}'/>{more}<model type='{model}'/></interface>"


def card(number: int, kind: str, more: str = "", model: str = "e1000") -> str:
    return CARD.format(kind=kind, mac=f"52:54:00:aa:00:0{number}", more=more, model=model)


@pytest.fixture
def libvirt(netns: None, request: pytest.FixtureRequest) -> PrivateLibvirt:
    found = request.getfixturevalue("libvirt_of_test")
    assert isinstance(found, PrivateLibvirt)
    return found


def listed(libvirt: PrivateLibvirt, machine: str) -> list[tuple[str, ...]]:
    """Return what virsh lists of a machine's cards: interface, kind, source, model, MAC."""
    lines = libvirt.virsh("domiflist", machine).splitlines()[2:]
    return [tuple("" if word == "-" else word for word in line.split()) for line in lines if line.strip()]


def shown(vm: Json) -> list[tuple[str, ...]]:
    """Return the same of a node."""
    assert isinstance(vm, dict)
    assert isinstance(vm["NICs"], list)
    keys = ("Device", "Kind", "Source", "Model", "MAC")
    return [tuple(str(nic.get(key, "")) for key in keys) for nic in vm["NICs"] if isinstance(nic, dict)]


def described(libvirt: PrivateLibvirt, machine: str) -> Metadata:
    """Return the keys that virsh's description gives."""
    domain = ET.fromstring(libvirt.virsh("dumpxml", machine))
    memory = int(domain.findtext("memory", "")) * 1024
    words: Metadata = {"UUID": domain.findtext("uuid"), "Name": domain.findtext("name"), "Memory": memory}
    return {**words, "Title": domain.findtext("title"), "CPUs": int(domain.findtext("vcpu", ""))}


async def test_machines_are_what_virsh_lists_through_their_whole_life(libvirt: PrivateLibvirt, tmp_path: Path) -> None:
    called, identity = name("vm"), str(uuid.uuid4())
    lower, bridge, tap, macvtap = name("lo"), name("br"), name("tp"), name("mv")
    run("ip", "link", "add", lower, "type", "veth", "peer", "name", name("pe"))
    run("ip", "link", "add", bridge, "type", "bridge")
    cards = (
        card(1, "ethernet", f"<target dev='{tap}'/>")
        + card(2, "bridge", f"<source bridge='{bridge}'/>")
        + card(3, "direct", f"<source dev='{lower}' mode='bridge'/><target dev='{macvtap}'/>")
        + card(4, "user")
    )
    file = tmp_path / "vm.xml"
    file.write_text(MACHINE.format(name=called, uuid=identity, cards=cards))
    probes = settings(tmp_path / "netns", probes=("netns", "netlink", "qemu", "libvirt"), libvirt=libvirt.read_only)
    async with live_graph(probes) as live:
        await sh(*libvirt.command("define", str(file)))
        machine = await live.node(Type="libvirt", Name=called, State="DOWN")
        assert machine.metadata["Nova"] == {
            **{"Name": "web-1", "Flavor": "m1.tiny", "Project": "p1", "ProjectName": "shop"},
            **{"User": "u1", "UserName": "ann"},
        }
        await sh(*libvirt.command("start", called, "--paused"))
        machine = await live.node(Type="libvirt", Name=called, State="PAUSED")
        await _is_joined(live, libvirt, called, machine.id)
        await sh(*libvirt.command("resume", called))
        await live.node(Name=called, State="UP")

        await _hotplug(live, libvirt, called, tmp_path)
        await _daemon_restarts(live, libvirt, called)

        await sh(*libvirt.command("destroy", called))
        await live.node(Name=called, State="DOWN")
        await live.gone(Name=tap)
        owner = live.owner(await live.node(Name=called))
        assert owner == live.find(Type="host")
        await sh(*libvirt.command("undefine", called))
        await live.gone(Name=called)

        await sh(*libvirt.command("create", str(file)))
        await live.node(Name=called, State="UP", VM__Project="p1")
        await sh(*libvirt.command("destroy", called))
        await live.gone(Name=called)


async def _is_joined(live: LiveGraph, libvirt: PrivateLibvirt, called: str, machine: str) -> None:
    """Compare node, cards and interfaces with what virsh says of them."""
    wanted = listed(libvirt, called)
    node = await live.until(
        lambda: next((n for n in [live.graph.node(machine)] if n and shown(n.metadata["VM"]) == wanted), None),
        what=f"the cards {wanted}",
    )
    vm = node.metadata["VM"]
    assert isinstance(vm, dict)
    assert {key: vm[key] for key in ("UUID", "Name", "Memory", "Title", "CPUs")} == described(libvirt, called)
    for number, (device, *_, mac) in enumerate(wanted[:3]):
        interface = await live.node(Name=device, VM__UUID=str(vm["UUID"]), VM__NICIndex=number)
        assert (interface.metadata["PeerIntfMAC"], interface.metadata["Libvirt"]) == (
            mac,
            {
                "Domain": called,
                "MAC": mac,
                "Alias": f"net{number}",
                "BusType": "pci",
                "BusInfo": f"0000:00:0{number + 2}.0",
            },
        )
        await live.edge(interface.id, machine, RelationType="vlayer2")


async def _hotplug(live: LiveGraph, libvirt: PrivateLibvirt, called: str, tmp_path: Path) -> None:
    """A card comes and goes while the machine runs; a USB card goes without the guest's help."""
    tap, file = name("hp"), tmp_path / "card.xml"
    file.write_text(card(5, "ethernet", f"<target dev='{tap}'/>", model="usb-net"))
    await sh(*libvirt.command("attach-device", called, str(file)))
    await live.node(Name=tap, VM__Name=called, VM__NICIndex=4)
    await sh(*libvirt.command("detach-device", called, str(file)))
    await live.gone(Name=tap)
    await live.until(lambda: (n := live.find(Name=called)) and len(shown(n.metadata["VM"])) == 4)


async def _daemon_restarts(live: LiveGraph, libvirt: PrivateLibvirt, called: str) -> None:
    """Machines outlive the daemon, in the graph too; what changed meanwhile is seen when it is back."""
    health = live.runner.healths["libvirt"]
    libvirt.stop()
    await live.until(lambda: health.state == "failed", what="the loss of the daemon")
    assert live.find(Name=called, State="UP") is not None
    libvirt.start()
    libvirt.virsh("suspend", called)
    await live.node(Name=called, State="PAUSED")
    assert health.state == "running"
