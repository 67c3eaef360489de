# SPDX-License-Identifier: Apache-2.0
"""Block devices as nodes and edges. Pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from netsonde.graph.batch import OWNERSHIP
from netsonde.model.elements import Json, Metadata
from netsonde.probes.blockdev.keys import DEVICE, GROUP, LEAF, VOLUME
from netsonde.probes.blockdev.sysfs import Device
from netsonde.probes.contributions import Contribution

MANAGER: Final = "blockdev"
GROUP_NAME: Final = "block devices"
MOUNTS_SHOWN: Final = 16
"""Places where a device is mounted that are listed: engines of containers make thousands."""
PHYSICAL: Final = ("disk", "rom")


def group(group_node: str, host_node: str) -> Contribution:
    """Return the node that owns all devices of a host."""
    found = Contribution({group_node: {"Name": GROUP_NAME, "Type": GROUP, "Manager": MANAGER}})
    found.link(host_node, group_node, OWNERSHIP)
    return found


def contributions(
    devices: Mapping[str, Device], group_node: str, node_of: Callable[[str], str]
) -> dict[str, Contribution]:
    """Return node and edges of each device, by the kernel's name; `node_of` gives its node's id."""
    used = {below for device in devices.values() for below in device.below}
    found: dict[str, Contribution] = {}
    for kname, device in devices.items():
        node = node_of(kname)
        one = found[kname] = Contribution({node: device_metadata(device, wwn(device, devices), leaf=kname not in used)})
        one.link(group_node, node, OWNERSHIP)
        if device.kind in PHYSICAL:
            one.link(group_node, node, "connected", "blockdevlink")
        for below in device.below:
            if below in devices:
                one.link(node, node_of(below), "connected")
    for first, *others in _paths(devices):
        for other in others:
            found[other].link(node_of(first), node_of(other), "multipath")
    return found


def device_metadata(device: Device, wwn: str, *, leaf: bool) -> Metadata:
    """Return what is shown of one device."""
    shown: Metadata = {
        "Name": device.mounts[0] if device.mounts else device.name,
        "Type": LEAF if leaf else VOLUME if device.kind == "lvm" else DEVICE,
        "Manager": MANAGER,
        "Index": wwn or device.texts.get("Serial") or device.path,
        "Path": device.path,
        "MajorMinor": device.number,
    }
    attributes: Metadata = {
        "Type": device.kind,
        "Name": device.name,
        "Kname": device.kname,
        "MajMin": device.number,
        "Size": device.size,
        **device.texts,
        **device.numbers,
        **device.flags,
    }
    if wwn:
        attributes["WWN"] = wwn
    if device.mounts:
        attributes["Mountpoint"] = device.mounts[0]
    if len(device.mounts) > 1:
        places: list[Json] = [*device.mounts[:MOUNTS_SHOWN]]
        attributes["Mountpoints"] = places
    return {**shown, "Attributes": attributes}


def wwn(device: Device, devices: Mapping[str, Device]) -> str:
    """Return the device's WWN; that of its paths for a multipath device, which has none of its own."""
    if device.wwn or device.kind != "mpath":
        return device.wwn
    return next((devices[below].wwn for below in device.below if below in devices), "")


def _paths(devices: Mapping[str, Device]) -> list[list[str]]:
    """Return the disks that are one, by several paths; partitions have the WWN of their disk."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for kname, device in devices.items():
        if device.kind == "disk" and device.wwn:
            by_name[device.wwn].append(kname)
    return [sorted(knames) for knames in by_name.values()]
