# SPDX-License-Identifier: Apache-2.0
"""What recorded rows contribute to a graph, and which device an interface is."""

from collections.abc import Collection

from netsonde.model.elements import Json, Metadata, Node
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.match import find_device
from netsonde.probes.ovsdb.monitor import Replica, Row
from netsonde.probes.ovsdb.switch import Switch
from netsonde.probes.ovsdb.translate import bridge_metadata, interface_metadata, port_metadata
from unit.probes.ovsdb.lab import recording, replica, row_of

IDENTITY = Identity("m1")


class Devices:
    """Stands for the graph: the network devices that netlink put."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, name: str, ifindex: int, *, netns: int | None = None, **metadata: Json) -> str:
        found: Metadata = {"Name": name, "IfIndex": ifindex, "Driver": "tun", "Type": "tuntap", **metadata}
        self.nodes.append(Node(IDENTITY.interface(netns, ifindex), found, "h", "agent.h", 1, 1))
        return self.nodes[-1].id

    def nodes_with(self, path: str, value: Json) -> Collection[Node]:
        return [node for node in self.nodes if node.metadata.get(path) == value]


def switch(rows: Replica, devices: Devices) -> Switch:
    found = Switch(rows.rows, devices, IDENTITY)
    for table, entries in rows.rows.items():
        for uuid in entries:
            found.affected((table, uuid))
    return found


def interface(name: str = "tap1", kind: str = "", **ids: str) -> Row:
    return {"name": (name,), "type": (kind,), "external_ids": ids}


def test_bridge_and_port_keys() -> None:
    rows = replica()
    uuid = row_of(rows, "Bridge", "br-int")
    bridge = bridge_metadata(uuid, rows.rows["Bridge"][uuid], rows.rows)
    assert (bridge["Name"], bridge["Type"], bridge["UUID"]) == ("br-int", "ovsbridge", uuid)
    assert bridge["Ovs"]["DatapathType"] == "netdev"  # type: ignore[index,call-overload]

    rows.update(recording()["notes"][0]["params"][2])
    uuid = row_of(rows, "Port", "tap1")
    assert port_metadata(uuid, rows.rows["Port"][uuid], rows.rows) == {
        "Name": "tap1",
        "Type": "ovsport",
        "UUID": uuid,
        "Vlans": 7,
    }


def test_tunnel_shows_its_ends_and_has_a_node_of_its_own_under_the_bridge() -> None:
    rows = replica()
    uuid = row_of(rows, "Interface", "vxlan-1")
    node = interface_metadata(uuid, rows.rows["Interface"][uuid])
    assert (node["Type"], node["LocalIP"], node["RemoteIP"]) == ("vxlan", "127.0.0.1", "192.0.2.9")

    contribution = switch(rows, Devices()).contribution(("Interface", uuid), waiting=False)
    assert not contribution.notes
    relations = {metadata["RelationType"]: parent for parent, _, metadata in contribution.edges.values()}
    assert relations["ownership"] == IDENTITY.row("Open_vSwitch", row_of(rows, "Bridge", "br-tun"))
    assert relations["layer2"] == IDENTITY.row("Open_vSwitch", row_of(rows, "Port", "vxlan-1"))


def test_patch_pair_is_joined_once() -> None:
    rows = replica()
    found = switch(rows, Devices())
    edges = [
        edge
        for name in ("patch-int", "patch-tun")
        for edge in found.contribution(("Interface", row_of(rows, "Interface", name)), waiting=False).edges.values()
        if edge[2].get("Type") == "patch"
    ]
    assert len(edges) == 1


def test_plugged_tap_is_a_note_on_its_device() -> None:
    rows, devices = replica(), Devices()
    rows.update(recording()["notes"][0]["params"][2])
    node = devices.add("tap1", 9)
    uuid = row_of(rows, "Interface", "tap1")

    contribution = switch(rows, devices).contribution(("Interface", uuid), waiting=False)
    assert not contribution.nodes
    assert contribution.notes[node]["ExtID"] == {
        "attached-mac": "fa:16:3e:f8:7a:ca",
        "iface-id": "bd32",
        "vm-id": "8a56",
    }
    assert "Type" not in contribution.notes[node]
    assert [child for _, child, _ in contribution.edges.values()] == [node]


def test_device_that_is_not_there_yet_is_waited_for() -> None:
    rows, devices = replica(), Devices()
    rows.update(recording()["notes"][0]["params"][2])
    uuid = row_of(rows, "Interface", "tap1")
    found = switch(rows, devices)
    assert found.waits(uuid)
    assert not found.contribution(("Interface", uuid), waiting=True).nodes
    rows.rows["Interface"][uuid]["error"] = ("could not open network device",)
    assert not found.waits(uuid)


def test_changed_row_concerns_those_that_hang_on_it() -> None:
    rows = replica()
    found = switch(rows, Devices())
    rows.update(recording()["notes"][0]["params"][2])
    bridge, port, tap = (row_of(rows, *row) for row in (("Bridge", "br-int"), ("Port", "tap1"), ("Interface", "tap1")))
    assert ("Port", port) in found.affected(("Bridge", bridge))
    assert ("Interface", tap) in found.affected(("Port", port))
    patch = row_of(rows, "Interface", "patch-int")
    assert ("Interface", row_of(rows, "Interface", "patch-tun")) in found.affected(("Interface", patch))
    assert found.named("tap1") == set()
    found.affected(("Interface", tap))
    assert found.named("tap1") == {("Interface", tap)}


def test_name_in_the_own_namespace_is_the_device() -> None:
    devices = Devices()
    devices.add("tap1", 3, netns=77)
    own = devices.add("tap1", 9)
    assert find_device(devices, IDENTITY, interface()) == own


def test_interface_of_a_container_with_the_same_name_is_never_taken() -> None:
    devices = Devices()
    devices.add("eth0", 2, netns=77, Driver="veth")
    assert find_device(devices, IDENTITY, interface("eth0")) is None
    assert find_device(devices, IDENTITY, interface("eth0", "internal")) is None


def test_internal_port_in_a_namespace_is_found_by_its_mac() -> None:
    devices = Devices()
    devices.add("qr-1", 5, netns=77, MAC="fa:16:3e:00:00:01")
    wanted = devices.add("qr-1", 5, netns=78, MAC="fa:16:3e:00:00:02")
    row = interface("qr-1", "internal", **{"attached-mac": "FA:16:3E:00:00:02"})
    assert find_device(devices, IDENTITY, row) == wanted
    assert find_device(devices, IDENTITY, interface("qr-1", "internal")) is None


def test_patch_port_is_no_device_of_the_same_name() -> None:
    devices = Devices()
    devices.add("patch-int", 5)
    assert find_device(devices, IDENTITY, interface("patch-int", "patch")) is None


def test_another_hosts_switch_has_a_node_and_its_interfaces_are_no_devices_of_this_host() -> None:
    rows, devices = replica(), Devices()
    rows.update(recording()["notes"][0]["params"][2])
    devices.add("tap1", 9)
    uuid, bridge = row_of(rows, "Interface", "tap1"), row_of(rows, "Bridge", "br-int")
    found = switch(rows, devices)
    found.elsewhere = "tcp:192.0.2.2:6640"

    (system,) = rows.rows["Open_vSwitch"]
    owner = found.contribution(("Open_vSwitch", system), waiting=False)
    assert not owner.notes
    assert owner.nodes[found.node_id(system)]["Type"] == "ovsswitch"
    (edge,) = found.contribution(("Bridge", bridge), waiting=False).edges.values()
    assert edge[:2] == (found.node_id(system), found.node_id(bridge))

    assert not found.waits(uuid)
    tap = found.contribution(("Interface", uuid), waiting=False)
    assert not tap.notes
    assert tap.nodes[found.node_id(uuid)]["ExtID"]["vm-id"] == "8a56"  # type: ignore[index,call-overload]
    assert found.node_id(uuid) != IDENTITY.row("Open_vSwitch", uuid)
    assert all(node["Probe"] == "ovsdb" for one in (owner, tap) for node in one.nodes.values())


def test_hosts_made_from_one_image_have_nodes_of_their_own() -> None:
    one, other = switch(replica(), Devices()), switch(replica(), Devices())
    one.elsewhere, other.elsewhere = "tcp:192.0.2.2:6640", "tcp:192.0.2.3:6640"
    assert one.node_id("row1") != other.node_id("row1")
