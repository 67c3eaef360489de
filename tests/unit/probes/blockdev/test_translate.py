# SPDX-License-Identifier: Apache-2.0
"""Block devices as nodes and edges: a disk with partitions, volumes on it, and one disk by two paths."""

from netsonde.probes.blockdev.sysfs import Device
from netsonde.probes.blockdev.translate import MOUNTS_SHOWN, contributions, device_metadata, group
from netsonde.schema import unlisted

WWN = "0x5002538e4092f1a7"
DEVICES = {
    device.kname: device
    for device in (
        Device("sda", "8:0", "disk", 4096, "sda", texts={"WWN": WWN}),
        Device("sda1", "8:1", "part", 2048, "sda1", ("sda",), {"WWN": WWN, "Fstype": "LVM2_member"}),
        Device("dm-0", "253:0", "lvm", 1024, "vg0-thin", ("sda1",)),
        Device("dm-1", "253:1", "lvm", 1024, "vg0-var", ("dm-0",), mounts=("/var",)),
    )
}


def edges(devices: dict[str, Device]) -> set[tuple[str, str, str, str]]:
    found = contributions(devices, "group", str.upper)
    return {
        (parent, child, str(metadata["RelationType"]), str(metadata.get("Type", "")))
        for one in found.values()
        for parent, child, metadata in one.edges.values()
    }


def test_group_is_owned_by_the_host_and_owns_all_devices() -> None:
    owned = group("group", "host")
    assert [edge[:2] for edge in owned.edges.values()] == [("host", "group")]
    assert unlisted(owned.nodes["group"]) == []
    assert {edge[:3] for edge in edges(DEVICES) if edge[2] == "ownership"} == {
        ("group", kname.upper(), "ownership") for kname in DEVICES
    }


def test_devices_are_connected_to_what_they_stand_on_and_disks_to_the_group() -> None:
    assert {edge for edge in edges(DEVICES) if edge[2] == "connected"} == {
        ("group", "SDA", "connected", "blockdevlink"),
        ("SDA1", "SDA", "connected", ""),
        ("DM-0", "SDA1", "connected", ""),
        ("DM-1", "DM-0", "connected", ""),
    }


def test_type_says_whether_anything_stands_on_a_device() -> None:
    found = contributions(DEVICES, "group", str.upper)
    nodes = {node: metadata for one in found.values() for node, metadata in one.nodes.items()}
    types = {node: metadata["Type"] for node, metadata in nodes.items()}
    assert types == {"SDA": "blockdev", "SDA1": "blockdev", "DM-0": "blockdevlvm", "DM-1": "blockdevleaf"}
    assert [unlisted(metadata) for metadata in nodes.values()] == [[]] * 4


def test_device_is_called_by_its_mount_and_indexed_by_what_is_unique() -> None:
    shown = device_metadata(DEVICES["dm-1"], "", leaf=True)
    assert (shown["Name"], shown["Path"], shown["Index"]) == ("/var", "/dev/mapper/vg0-var", "/dev/mapper/vg0-var")
    assert device_metadata(DEVICES["sda"], WWN, leaf=False)["Index"] == WWN
    with_serial = Device("vda", "254:0", "disk", 1, "vda", texts={"Serial": "disk-1"})
    assert device_metadata(with_serial, "", leaf=True)["Index"] == "disk-1"


def test_paths_of_one_disk_are_linked_and_the_device_above_has_their_name() -> None:
    devices = {
        "sdb": Device("sdb", "8:16", "disk", 1, "sdb", texts={"WWN": WWN}),
        "sdc": Device("sdc", "8:32", "disk", 1, "sdc", texts={"WWN": WWN}),
        "dm-2": Device("dm-2", "253:2", "mpath", 1, "mpatha", ("sdb", "sdc")),
    }
    assert ("SDB", "SDC", "multipath", "") in edges(devices)
    assert contributions(devices, "group", str.upper)["dm-2"].nodes["DM-2"]["Index"] == WWN


def test_places_of_a_mount_are_listed_up_to_a_limit() -> None:
    places = tuple(f"/srv/{number}" for number in range(100))
    shown = device_metadata(Device("sda", "8:0", "disk", 1, "sda", mounts=places), "", leaf=True)
    assert isinstance(shown["Attributes"], dict)
    assert shown["Attributes"]["Mountpoints"] == [*places[:MOUNTS_SHOWN]]
    assert unlisted(shown) == []


def test_device_below_that_is_not_known_makes_no_edge() -> None:
    assert edges({"sda1": Device("sda1", "8:1", "part", 1, "sda1", ("sda",))}) == {("group", "SDA1", "ownership", "")}
