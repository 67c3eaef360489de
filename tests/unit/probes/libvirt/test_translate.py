# SPDX-License-Identifier: Apache-2.0
"""Which nodes, notes and edges a domain gives, among the interfaces that there are."""

from dataclasses import replace

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Json
from netsonde.probes.contributions import Contribution
from netsonde.probes.identity import Identity
from netsonde.probes.libvirt.domain_xml import describe
from netsonde.probes.libvirt.translate import Machine, Translator
from unit.probes.libvirt.lab import WEB, described

IDENTITY, OWN, OTHER = Identity("m1"), 1, 2
MACHINE = Machine(
    WEB, "instance-00000001", "UP", describe(described("nova")), {"fa:16:3e:f8:7a:ca": ("10.77.0.181/24",)}
)
NODE = IDENTITY.machine(str(WEB))


class Host:
    """A graph with interfaces, in the agent's namespace or another."""

    def __init__(self) -> None:
        self.graph = Graph("h1", "agent.h1", lambda: 1)
        self.translator = Translator(self.graph, IDENTITY, OWN)

    def interface(self, index: int, netns: int | None = None, **metadata: Json) -> str:
        node = IDENTITY.interface(netns, index)
        self.put(node, IfIndex=index, **metadata)
        return node

    def put(self, node: str, **metadata: Json) -> None:
        batch = Batch()
        batch.put_node(node, "netlink", {"Type": "tuntap", **metadata})
        self.graph.apply(batch)

    def says(self, machine: Machine = MACHINE) -> Contribution:
        return self.translator.contribution(machine)


@pytest.fixture
def host() -> Host:
    return Host()


def test_tap_carries_the_card_behind_it(host: Host) -> None:
    tap = host.interface(7, Name="tapbd32bbfb-89")
    said = host.says()
    assert said.notes[tap] == {
        "PeerIntfMAC": "fa:16:3e:f8:7a:ca",
        "Libvirt": {
            **{"MAC": "fa:16:3e:f8:7a:ca", "Domain": "instance-00000001", "Alias": "net0"},
            **{"BusType": "pci", "BusInfo": "0000:02:00.0"},
        },
        "VM": {
            **{"UUID": str(WEB), "Name": "instance-00000001", "NICIndex": 0},
            **{"MAC": "fa:16:3e:f8:7a:ca", "Addresses": ["10.77.0.181/24"]},
        },
    }
    assert (tap, NODE, {"RelationType": "vlayer2"}) in said.edges.values()


def test_switch_port_of_the_same_name_is_not_the_tap(host: Host) -> None:
    host.put("port", Type="ovsport", Name="tapbd32bbfb-89")
    assert set(host.says().notes) == set()


def test_tap_of_another_namespace_is_not_taken_for_one_of_the_daemons(host: Host) -> None:
    ours = host.interface(7, Name="tapbd32bbfb-89")
    host.interface(9, OTHER, Name="tapbd32bbfb-89")
    assert set(host.says().notes) == {ours}
    host.translator.netns = OTHER
    assert set(host.says().notes) == {IDENTITY.interface(OTHER, 9)}


def test_vhost_user_port_is_found_by_its_socket(host: Host) -> None:
    host.put(
        "vhu", Type="dpdkvhostuserclient", Name="vhu1", Ovs={"Options": {"vhost-server-path": "/run/openvswitch/vhu1"}}
    )
    note = host.says().notes["vhu"]
    assert note["PeerIntfMAC"] == "52:54:00:00:00:03"


def test_device_that_is_passed_through_has_a_node_as_long_as_the_host_has_none(host: Host) -> None:
    alone = host.says().nodes
    assert {str(node.get("BusInfo")) for node in alone.values()} == {"None", "0000:3b:10.2", "0000:81:00.0"}
    device = host.interface(4, Name="enp59s16f2", Type="device", BusInfo="0000:3b:10.2")
    said = host.says()
    assert (len(said.nodes), device in said.notes) == (2, True)


def test_machine_that_does_not_run_claims_no_interface(host: Host) -> None:
    host.interface(7, Name="tapbd32bbfb-89")
    said = host.says(replace(MACHINE, state="DOWN"))
    assert (set(said.notes), set(said.nodes)) == (set(), {NODE})
    assert said.nodes[NODE]["State"] == "DOWN"
    assert "Device" not in str(said.nodes[NODE]["VM"])


def test_machine_lists_its_cards_of_every_kind(host: Host) -> None:
    vm = host.says().nodes[NODE]["VM"]
    assert isinstance(vm, dict)
    assert isinstance(vm["NICs"], list)
    assert [nic["Kind"] for nic in vm["NICs"] if isinstance(nic, dict)] == [
        *("bridge", "network", "vhostuser", "hostdev", "vdpa", "direct")
    ]
    assert vm["NICs"][0] == {
        **{"Index": 0, "Kind": "bridge", "MAC": "fa:16:3e:f8:7a:ca", "Model": "virtio", "Device": "tapbd32bbfb-89"},
        **{"Source": "br-int", "PortID": "bd32bbfb-89b6-4d78-a02d-345b2c6af886", "BusInfo": "0000:02:00.0"},
        **{"Link": "DOWN", "Addresses": ["10.77.0.181/24"]},
    }
    assert vm["Project"] == "262a5aec3f6040b796cd7c03f191c025"
