# SPDX-License-Identifier: Apache-2.0
"""What the PCI device of an interface is, how it is connected, and which NUMA node it is near.

Source: /sys/bus/pci/devices (Documentation/ABI/testing/sysfs-bus-pci of Linux), the same in every network namespace;
names from pci.ids (https://pci-ids.ucw.cz), where the system has that file.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from netsonde.model.elements import Metadata
from netsonde.probes.netlink.functions import DEVICES

NAME_FILES: Final = (Path("/usr/share/misc/pci.ids"), Path("/usr/share/hwdata/pci.ids"))
_ADDRESS: Final = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_IDS: Final = {
    "VendorID": "vendor",
    "DeviceID": "device",
    "SubsystemVendorID": "subsystem_vendor",
    "SubsystemDeviceID": "subsystem_device",
}


def read_pci(bus: str, devices: Path = DEVICES, names: Iterable[Path] = NAME_FILES) -> tuple[Metadata, int]:
    """Return what is shown of the device at a bus address, and its NUMA node; {} and -1 for what is not known."""
    if not _ADDRESS.fullmatch(bus):
        return {}, -1
    folder = devices / bus
    found: Metadata = {key: text for key, file in _IDS.items() if (text := _id(_text(folder / file)))}
    vendor, device = pci_names(str(found.get("VendorID", "")), str(found.get("DeviceID", "")), tuple(names))
    speed, width = _text(folder / "current_link_speed"), _text(folder / "current_link_width")
    shown: Metadata = {
        "Vendor": vendor,
        "Device": device,
        "LinkSpeed": "" if speed.startswith("Unknown") else speed,
        # Devices without a link say 0 or 255.
        "LinkWidth": int(width) if width in ("1", "2", "4", "8", "12", "16", "32") else 0,
    }
    node = _text(folder / "numa_node")
    return found | {key: value for key, value in shown.items() if value}, int(node) if node.isdecimal() else -1


@lru_cache(maxsize=256)
def pci_names(vendor: str, device: str, files: tuple[Path, ...] = NAME_FILES) -> tuple[str, str]:
    """Return the names of a vendor and of its device, given their ids; "" for what is not listed."""
    for file in files:
        try:
            with file.open(encoding="utf-8", errors="replace") as lines:
                return _find(lines, vendor, device)
        except OSError:
            continue
    return "", ""


def _find(lines: Iterable[str], vendor: str, device: str) -> tuple[str, str]:
    """Look through the lines: vendors at the margin, their devices after a tab, subsystems after two."""
    name = ""
    for line in lines:
        if name and not line.startswith(("\t", "#")):
            break
        key, _, text = line.partition("  ")
        if not name and vendor and key == vendor:
            name = text.strip()
        elif name and device and key == f"\t{device}":
            return name, text.strip()
    return name, ""


def _id(text: str) -> str:
    """Return a number such as `0x8086` without its prefix."""
    return text[2:] if re.fullmatch(r"0x[0-9a-f]{4}", text) and text != "0x0000" else ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
