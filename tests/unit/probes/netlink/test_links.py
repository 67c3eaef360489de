# SPDX-License-Identifier: Apache-2.0
"""Interfaces decoded and shown: recorded ones, and composed ones of kinds that the test kernel lacks."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import Driver, Peer, interface_metadata
from unit.probes.netlink.traffic import Recording, at, link_message, lower, message, play, u32


def shown(datagram: bytes, ifindex: int = 5) -> Metadata:
    state = NamespaceState(100)
    play(state, [datagram])
    return interface_metadata(state, state.links[ifindex])


def test_recorded_lab_is_shown_with_the_keys_of_the_reference() -> None:
    state = NamespaceState(100)
    Recording().play_dumps(state)
    nodes = {link.name: interface_metadata(state, link) for link in state.links.values()}

    assert set(nodes) == {"lo", "tap0", "v0", "v1", "br0", "mv0", "vx0"}
    veth = nodes["v1"]
    assert (veth["Type"], veth["Driver"], veth["MTU"], veth["State"]) == ("veth", "veth", 1400, "UP")
    assert veth["IPV4"] == ["10.0.0.1/24", "10.0.1.1/24"]
    assert "2001:db8::1/64" in at(veth, "IPV6")
    assert veth["PeerIfIndex"] == nodes["v0"]["IfIndex"]
    assert "LinkNetNsID" not in veth
    assert nodes["lo"]["EncapType"] == "loopback"
    assert nodes["lo"]["Type"] == "device"
    assert nodes["lo"]["Driver"] == ""
    assert nodes["tap0"]["Type"] == "tuntap"
    assert nodes["v0"]["MasterIndex"] == nodes["br0"]["IfIndex"]
    assert nodes["mv0"]["ParentIndex"] == nodes["v1"]["IfIndex"]
    assert {key: nodes["vx0"][key] for key in ("VNI", "LocalIP", "RemoteIP", "DstPort")} == {
        "VNI": 77,
        "LocalIP": "192.0.2.1",
        "RemoteIP": "192.0.2.9",
        "DstPort": 4789,
    }


def test_recorded_routes_and_neighbours_are_shown() -> None:
    state = NamespaceState(100)
    Recording().play_dumps(state)
    nodes = {link.name: interface_metadata(state, link) for link in state.links.values()}
    tables = {table["ID"]: table for table in at(nodes, "v1", "RoutingTables") if not table["Src"]}

    default = next(route for route in tables[254]["Routes"] if route["Prefix"] == "0.0.0.0/0")
    assert default["NextHops"] == [{"Priority": 0, "IfIndex": nodes["v1"]["IfIndex"], "IP": "10.0.0.254"}]
    assert [route["Prefix"] for route in tables[77]["Routes"]] == ["198.51.100.0/24"]
    neighbours = at(nodes, "v1", "Neighbors")
    assert {"IP": "10.0.0.254", "MAC": "02:00:00:00:00:fe", "State": ["NUD_PERMANENT"]}.items() <= neighbours[0].items()
    assert any(entry["MAC"] == "02:00:00:00:00:aa" for entry in at(nodes, "v0", "FDB"))


def test_flags_are_named_by_their_right_bits() -> None:
    assert shown(link_message(5, "lo", flags=0x1 | 0x8 | 0x10000))["LinkFlags"] == ["UP", "LOOPBACK", "LOWER_UP"]
    assert shown(link_message(5, "p", flags=0x10 | 0x1000))["LinkFlags"] == ["POINTTOPOINT", "MULTICAST"]


def test_vlan_shows_its_tag_and_the_device_below() -> None:
    node = shown(link_message(5, "eth0.100", "vlan", wire.attribute(1, struct.pack("=H", 100)), extra=lower(2)))
    assert (node["Type"], node["Vlan"], node["ParentIndex"]) == ("vlan", 100, 2)


def test_bond_and_its_slave_show_mode_and_state() -> None:
    assert shown(link_message(5, "bond0", "bond", wire.attribute(1, b"\x04")))["BondMode"] == "802.3ad"
    slave = b"".join(
        wire.attribute(kind, value)
        for kind, value in (
            (1, b"\x01"),
            (2, b"\x00"),
            (3, u32(7)),
            (4, bytes.fromhex("020000000009")),
            (5, struct.pack("=H", 2)),
            (6, struct.pack("=H", 1)),
            (7, b"\x3d"),
            (8, struct.pack("=H", 61)),
        )
    )
    node = shown(link_message(5, "eth1", extra=wire.attribute(10, u32(9)), slave=("bond", slave)))
    assert node["MasterIndex"] == 9
    assert node["BondSlave"] == {
        "Type": "bond",
        "State": "BACKUP",
        "MiiStatus": "UP",
        "LinkFailureCount": 7,
        "PermMAC": "02:00:00:00:00:09",
        "QueueId": 2,
        "AggregatorId": 1,
        "AdActorOperPortState": 61,
        "AdPartnerOperPortState": 61,
    }


def test_bond_shows_its_aggregator_and_who_answers_at_its_other_end() -> None:
    aggregator = b"".join(
        wire.attribute(kind, value)
        for kind, value in (
            *((kind, struct.pack("=H", value)) for kind, value in ((1, 1), (2, 2), (3, 15), (4, 32769))),
            (5, bytes.fromhex("001c73000099")),
        )
    )
    options = ((1, b"\x04"), (3, u32(100)), (14, b"\x01"), (21, b"\x01"), (23, aggregator))
    node = shown(link_message(5, "bond0", "bond", b"".join(wire.attribute(*each) for each in options)))
    assert (node["BondMode"], node["Bond"]) == (
        "802.3ad",
        {
            **{"MIIInterval": 100, "XmitHashPolicy": "layer3+4", "LACPRate": "fast"},
            **{"AggregatorId": 1, "Ports": 2, "ActorKey": 15, "PartnerKey": 32769, "PartnerMAC": "00:1c:73:00:00:99"},
        },
    )
    backup = wire.attribute(1, b"\x01") + wire.attribute(2, u32(3)) + wire.attribute(21, b"\x00")
    assert shown(link_message(5, "bond1", "bond", backup))["Bond"] == {"ActiveSlave": 3}


def test_port_of_a_bridge_shows_what_the_spanning_tree_made_of_it() -> None:
    port = wire.attribute(1, b"\x04") + wire.attribute(2, struct.pack("=H", 32)) + wire.attribute(3, u32(100))
    node = shown(link_message(5, "v", slave=("bridge", port + wire.attribute(33, b"\x01"))))
    assert node["BridgePort"] == {"State": "BLOCKING", "Priority": 32, "Cost": 100, "Isolated": True}


def test_port_of_a_bridge_follows_what_the_bridge_alone_tells() -> None:
    def told(state: int, body: bytes = b"") -> bytes:
        port = wire.attribute(1, bytes([state])) + wire.attribute(2, struct.pack("=H", 32)) + wire.attribute(3, u32(2))
        head = struct.pack("=BxHiII", wire.AF_BRIDGE, 1, 5, 0x1003, 0)
        return message(wire.RTM_NEWLINK, head + (body or wire.attribute(0x8000 | 12, port)))

    state = NamespaceState(100)
    port = wire.attribute(1, b"\x00") + wire.attribute(2, struct.pack("=H", 32)) + wire.attribute(3, u32(2))
    play(state, [told(1), link_message(5, "v", slave=("bridge", port))])
    state.changed = set()
    play(state, [told(3)])
    assert state.changed == {5}
    assert at(interface_metadata(state, state.links[5]), "BridgePort", "State") == "FORWARDING"
    state.changed = set()
    play(state, [told(3), told(0, wire.attribute(3, b"v\0"))])
    assert not state.changed
    play(state, [link_message(5, "v"), told(1)])
    assert "BridgePort" not in interface_metadata(state, state.links[5])


def test_bridge_shows_its_spanning_tree_and_its_vlans() -> None:
    identity = bytes.fromhex("8000525400123456")
    data = wire.attribute(4, u32(30000)) + wire.attribute(5, u32(1)) + wire.attribute(6, struct.pack("=H", 0x8000))
    data += wire.attribute(7, b"\x01") + wire.attribute(10, identity) + wire.attribute(11, identity)
    data += wire.attribute(12, struct.pack("=H", 3)) + wire.attribute(39, struct.pack("=H", 1))
    assert shown(link_message(5, "br0", "bridge", data))["Bridge"] == {
        **{"STP": "kernel", "Priority": 32768, "AgeingTime": 300, "RootPort": 3},
        **{"RootID": "8000.525400123456", "ID": "8000.525400123456", "VLANFiltering": True, "DefaultPVID": 1},
    }


def test_other_names_and_an_xdp_program_are_shown() -> None:
    names = wire.attribute(53, b"enp1s0f0\0") + wire.attribute(53, b"uplink\0")
    xdp = wire.attribute(2, b"\x02") + wire.attribute(4, u32(42))
    node = shown(link_message(5, "eth0", extra=wire.attribute(0x8000 | 52, names) + wire.attribute(43, xdp)))
    assert (node["AltNames"], node["XDP"]) == (["enp1s0f0", "uplink"], {"Mode": "generic", "ProgID": 42})
    assert "XDP" not in shown(link_message(5, "eth0", extra=wire.attribute(43, wire.attribute(2, b"\0"))))


def test_ipvlan_and_xfrm_show_mode_number_and_the_device_below() -> None:
    assert shown(link_message(5, "i", "ipvlan", wire.attribute(1, struct.pack("=H", 2))))["IPVlanMode"] == "l3s"
    node = shown(link_message(5, "x", "xfrm", wire.attribute(1, u32(3)) + wire.attribute(2, u32(7))))
    assert (node["XfrmIfID"], node["ParentIndex"]) == (7, 3)


def test_vrf_and_gre_show_table_and_tunnel_ends() -> None:
    assert shown(link_message(5, "red", "vrf", wire.attribute(1, u32(10))))["VRFTable"] == 10
    ends = (
        wire.attribute(6, bytes([192, 0, 2, 1])) + wire.attribute(7, bytes([192, 0, 2, 9])) + wire.attribute(1, u32(3))
    )
    node = shown(link_message(5, "gre1", "gre", ends))
    assert (node["LocalIP"], node["RemoteIP"], node["ParentIndex"]) == ("192.0.2.1", "192.0.2.9", 3)


def test_tunnel_with_any_local_end_shows_none() -> None:
    node = shown(link_message(5, "sit0", "sit", wire.attribute(2, bytes(4)) + wire.attribute(3, bytes(4))))
    assert "LocalIP" not in node
    assert "RemoteIP" not in node


def test_absent_netns_id_is_not_taken_for_id_0() -> None:
    assert "LinkNetNsID" not in shown(link_message(5, "v", "veth", extra=lower(6)))
    assert shown(link_message(5, "v", "veth", extra=lower(6, 0)))["LinkNetNsID"] == 0


def test_unknown_kind_keeps_the_kernels_word() -> None:
    assert shown(link_message(5, "wg0", "wireguard"))["Type"] == "wireguard"


def test_driver_and_peer_namespace_are_shown_when_known() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v", "veth", extra=lower(6, 3)), link_message(7, "eth0")])
    peer = interface_metadata(state, state.links[5], peer=Peer((1, 6), "blue"))
    assert peer["LinkNetNsName"] == "blue"
    device = interface_metadata(state, state.links[7], driver=Driver("virtio_net", "0000:00:03.0", 10000))
    assert (device["Driver"], device["BusInfo"], device["Speed"]) == ("virtio_net", "0000:00:03.0", 10000)
    assert "Driver" not in interface_metadata(state, state.links[7])


@pytest.mark.parametrize("size", [17, 20, 31])
def test_cut_message_is_refused(size: int) -> None:
    with pytest.raises(WireError):
        play(NamespaceState(10), [link_message(5, "v", "veth")[:size]])


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(noise: bytes) -> None:
    state = NamespaceState(10)
    for kind in (16, 17, 20, 24, 28):
        datagram = struct.pack("=IHHII", 16 + len(noise), kind, 0, 0, 0) + noise
        try:
            play(state, [datagram])
        except WireError:
            continue
