# SPDX-License-Identifier: Apache-2.0
"""A data centre as plain nodes and edges: hosts in racks, each with VMs on an Open vSwitch bridge."""

from collections.abc import Callable
from typing import Any

from netsonde.graph.batch import OWNERSHIP
from netsonde.graph.ids import stable_id
from netsonde.model.elements import Metadata

VMS = 32
"""Per host; each has a tap, an OVS port and, for every second one, a namespace with a veth pair."""
LAYER2: Metadata = {"RelationType": "layer2"}
OWNS: Metadata = {"RelationType": OWNERSHIP}

Nodes = list[tuple[str, str, Metadata]]
Edges = list[tuple[str, str, str, Metadata]]


def data_centre(hosts: int) -> tuple[Nodes, Edges]:
    """Return (id, host, metadata) of nodes and (parent, child, host, metadata) of edges."""
    nodes: Nodes = []
    edges: Edges = []
    for number in range(hosts):
        add_host(number, nodes, edges)
    racks = [stable_id("fabric", "switch", f"rack{rack}") for rack in range(max(1, hosts // 40))]
    spine = stable_id("fabric", "switch", "spine")
    nodes.append((spine, "", {"Type": "switch", "Name": "spine"}))
    for rack, switch in enumerate(racks):
        nodes.append((switch, "", {"Type": "switch", "Name": f"rack{rack}"}))
        edges.append((spine, switch, "", LAYER2))
    for number in range(hosts):
        edges.append((racks[number // 40 % len(racks)], stable_id(f"m{number}", "if", "eth0"), f"h{number}", LAYER2))
    return nodes, edges


def add_host(number: int, nodes: Nodes, edges: Edges) -> None:
    machine, host = f"m{number}", f"h{number}"

    def node(kind: str, name: str, **more: Any) -> str:
        found = stable_id(machine, kind, name)
        nodes.append((found, host, {"Name": name, "Type": kind, "State": "UP", "MTU": 1500, **more}))
        return found

    def link(parent: str, child: str, metadata: Metadata) -> None:
        edges.append((parent, child, host, metadata))

    root = node("host", host, **({"Rack": number // 40} if number % 10 == 0 else {}))
    uplink, bridge = stable_id(machine, "if", "eth0"), node("ovsbridge", "br-int")
    nodes.append((uplink, host, {"Name": "eth0", "Type": "device", "IfIndex": 2, "MAC": f"02:00:{number:08x}"}))
    link(root, uplink, OWNS)
    link(root, bridge, OWNS)
    link(bridge, uplink, LAYER2)
    for vm in range(VMS):
        add_vm(number, vm, root, bridge, node, link)


def add_vm(
    number: int, vm: int, root: str, bridge: str, node: Callable[..., str], link: Callable[[str, str, Metadata], None]
) -> None:
    ids: Metadata = {
        "vm-id": f"vm-{number}-{vm}",
        "iface-id": f"port-{number}-{vm}",
        "attached-mac": f"fa:16:{number:04x}:{vm:02x}",
    }
    port = node("ovsport", f"tap{vm}", UUID=f"row-{number}-{vm}")
    tap = node("tuntap", f"tap{vm}", IfIndex=10 + vm, MAC=f"fe:16:{number:04x}:{vm:02x}", ExtID=ids)
    link(bridge, port, OWNS)
    link(bridge, port, LAYER2)
    link(port, tap, LAYER2)
    link(root, tap, OWNS)
    if vm % 2 == 0:
        netns = node("netns", f"ns{vm}", Inode=4026531000 + vm, Path=f"/run/netns/ns{vm}")
        outer = node("veth", f"veth{vm}", IfIndex=100 + vm, IPV4=[f"10.{number % 250}.{vm}.1/24"])
        link(root, netns, OWNS)
        link(netns, outer, OWNS)
        if vm % 4 == 0:
            link(outer, port, LAYER2)
