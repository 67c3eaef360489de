# SPDX-License-Identifier: Apache-2.0
"""Which devices in the graph are those of a machine's cards."""

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Metadata
from netsonde.probes.identity import Identity
from netsonde.probes.qemu.taps import Holder
from netsonde.probes.qemu.translate import Translator
from netsonde.schema import unlisted

IDENTITY, OWN, POD = Identity("m1"), 1, 2
UUID, MAC = "8a566101-8736-4522-bbad-29951893d152", "52:54:00:aa:bb:01"


@pytest.fixture
def graph() -> Graph:
    return Graph("h1", "agent.h1", lambda: 1)


def put(graph: Graph, netns: int | None, ifindex: int, name: str, **metadata: str) -> str:
    node, batch = IDENTITY.interface(netns, ifindex), Batch()
    known: Metadata = {"Name": name, "Type": "tuntap", "IfIndex": ifindex, "TunMode": "tap", **metadata}
    batch.put_node(node, "netlink", known)
    graph.apply(batch)
    return node


def holder(*arguments: str, netns: int = OWN, names: dict[int, str], indexes: dict[int, int] | None = None) -> Holder:
    return Holder(7, "qemu-system-x86", netns, arguments, names, indexes or {})


def kvm(backend: str) -> tuple[str, ...]:
    return (
        "kvm",
        "-name",
        "web",
        "-uuid",
        UUID,
        "-netdev",
        f"tap,id=n0,{backend}",
        "-device",
        f"e1000,netdev=n0,mac={MAC}",
    )


@pytest.mark.parametrize("backend", ["ifname=tap0", "fd=5", "fds=5:6"])
def test_tap_gets_machine_and_mac_and_leads_to_it(graph: Graph, backend: str) -> None:
    tap = put(graph, None, 3, "tap0")
    found = Translator(graph, IDENTITY, OWN).contribution(holder(*kvm(backend), names={5: "tap0", 6: "tap0"}))
    machine = IDENTITY.machine(UUID)
    assert found.nodes == {
        machine: {"Type": "vm", "Name": "web", "State": "UP", "VM": {"PID": 7, "UUID": UUID, "Name": "web"}}
    }
    assert found.notes == {
        tap: {
            "Processes": [{"Pid": 7, "Name": "qemu-system-x86"}],
            "VM": {"UUID": UUID, "Name": "web", "NICIndex": 0, "MAC": MAC},
            "PeerIntfMAC": MAC,
        }
    }
    edges = {(parent, child, str(edge["RelationType"])) for parent, child, edge in found.edges.values()}
    assert edges == {(IDENTITY.host(), machine, "ownership"), (tap, machine, "vlayer2")}
    assert unlisted(found.nodes[machine]) == []


def test_tap_in_the_namespace_of_its_holder_is_meant_before_one_of_the_same_name_elsewhere(graph: Graph) -> None:
    put(graph, None, 3, "tap0")
    inside = put(graph, POD, 9, "tap0")
    found = Translator(graph, IDENTITY, OWN).contribution(holder(*kvm("fd=5"), netns=POD, names={5: "tap0"}))
    assert set(found.notes) == {inside}
    assert (IDENTITY.netns(POD), IDENTITY.machine(UUID)) in {edge[:2] for edge in found.edges.values()}


def test_tap_that_was_moved_away_is_meant_when_it_is_the_only_one(graph: Graph) -> None:
    moved = put(graph, 99, 3, "tap0")
    assert set(Translator(graph, IDENTITY, OWN).contribution(holder("openvpn", names={4: "tap0"})).notes) == {moved}


def test_macvtap_is_found_by_its_index(graph: Graph) -> None:
    found = Translator(graph, IDENTITY, OWN).contribution(holder(*kvm("fd=5"), names={}, indexes={5: 12}))
    assert found.notes[IDENTITY.interface(None, 12)]["PeerIntfMAC"] == MAC


def test_program_that_is_no_machine_is_a_process_of_its_tun_only(graph: Graph) -> None:
    tun = put(graph, None, 3, "tun0")
    put(graph, None, 4, "tun0x", Name="tun0", TunMode="")
    found = Translator(graph, IDENTITY, OWN).contribution(holder("openvpn", names={4: "tun0"}))
    assert found.nodes == {}
    assert found.notes == {tun: {"Processes": [{"Pid": 7, "Name": "qemu-system-x86"}]}}


def test_machine_without_a_uuid_is_known_by_its_process(graph: Graph) -> None:
    found = Translator(graph, IDENTITY, OWN).contribution(holder("kvm", names={4: "tap0"}))
    (node,) = found.nodes.values()
    assert node["Name"] == "qemu-system-x86-7"
    assert node["VM"] == {"PID": 7}
