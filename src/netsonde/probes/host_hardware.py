# SPDX-License-Identifier: Apache-2.0
"""What the host is made of, and since when it runs; facts that cannot be read are absent. Pure but for reading files.

Source: /proc/meminfo, /proc/stat, /sys/devices/system (Documentation/ABI/stable/sysfs-devices-node and …/testing/
sysfs-devices-system-cpu of Linux), and what the firmware says of itself in /sys/class/dmi/id or /proc/device-tree.
Needs: root for serial numbers.
"""

import re
from pathlib import Path
from typing import Final

from netsonde.model.elements import Json, Metadata

DMI_KEYS: Final = {
    "sys_vendor": "Vendor",
    "product_name": "Product",
    "product_version": "Version",
    "product_serial": "Serial",
    "product_uuid": "UUID",
    "chassis_asset_tag": "AssetTag",
    "board_vendor": "BoardVendor",
    "board_name": "BoardName",
    "bios_vendor": "FirmwareVendor",
    "bios_version": "FirmwareVersion",
    "bios_date": "FirmwareDate",
}
_PLACEHOLDER: Final = re.compile(
    r"(to be filled by o\.?e\.?m\.?|default string|not (specified|available|applicable)|none|system (manufacturer|"
    r"product name|version|serial number)|chassis asset tag|no asset tag|n/?a|[0.\-x]+)",
    re.IGNORECASE,
)
"""What makers of boards leave in fields that they do not fill."""
TEXT_LENGTH: Final = 256
"""Characters that are shown of one text: DMI has 64 as a rule."""
MOST_NODES: Final = 1024
"""NUMA nodes that are listed; Linux has no more."""


def hardware_metadata(root: Path) -> Metadata:
    """Return processors, memory, NUMA nodes, board and firmware, and the boot."""
    nodes: list[Json] = [*numa(root)]
    found: Metadata = {
        "Processors": processors(root),
        "Memory": memory(read(root / "proc/meminfo")),
        "NUMA": nodes,
        "Hardware": board(root),
        "BootID": read(root / "proc/sys/kernel/random/boot_id").strip(),
        "BootedAt": booted_at(read(root / "proc/stat")),
    }
    return {key: value for key, value in found.items() if value}


def processors(root: Path) -> Metadata:
    """Return how many sockets, cores and threads there are that run now."""
    places: set[tuple[str, ...]] = set()
    threads = 0
    for folder in (root / "sys/devices/system/cpu").glob("cpu[0-9]*"):
        names = ("physical_package_id", "die_id", "core_id")
        place = tuple(read(folder / "topology" / name).strip() for name in names)
        if place[0]:
            threads += 1
            places.add(place)
    sockets = {place[0] for place in places}
    return {"Sockets": len(sockets), "Cores": len(places), "Threads": threads} if threads else {}


def memory(meminfo: str) -> Metadata:
    """Return sizes in octets; what changes all the time, such as free memory, is left out."""
    found = {name: int(value) for name, value in re.findall(r"^(\w+):\s+([0-9]{1,15})(?: kB)?$", meminfo, re.MULTILINE)}
    shown = {
        "Total": found.get("MemTotal", 0) * 1024,
        "Swap": found.get("SwapTotal", 0) * 1024,
        "HugePages": found.get("HugePages_Total", 0),
    }
    if shown["HugePages"]:
        shown["HugePageSize"] = found.get("Hugepagesize", 0) * 1024
    return {key: value for key, value in shown.items() if value}


def numa(root: Path) -> list[Metadata]:
    """Return the nodes by number, with their processors and memory."""
    found: list[Metadata] = []
    folders = (root / "sys/devices/system/node").glob("node[0-9]*")
    for folder in sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.name)))[:MOST_NODES]:
        size = re.search(r"MemTotal:\s+([0-9]{1,15}) kB", read(folder / "meminfo"))
        node: Metadata = {"Node": int(re.sub(r"\D", "", folder.name)), "CPUs": read(folder / "cpulist").strip()}
        found.append(node | ({"Memory": int(size[1]) * 1024} if size else {}))
    return found


def board(root: Path) -> Metadata:
    """Return what the firmware says of the machine, without what its maker did not fill in."""
    said = {key: read(root / "sys/class/dmi/id" / file) for file, key in DMI_KEYS.items()}
    if not any(said.values()):
        said = {
            "Product": read(root / "proc/device-tree/model"),
            "Serial": read(root / "proc/device-tree/serial-number"),
        }
    texts = {key: _printable(text) for key, text in said.items()}
    return {key: text for key, text in texts.items() if text and not _PLACEHOLDER.fullmatch(text)}


def _printable(text: str) -> str:
    """Return what can be shown of a text that firmware left: some end with rubbish, or hold what moves a cursor."""
    shown = "".join(each if each.isprintable() else " " for each in text[:TEXT_LENGTH])
    return shown.strip()


def booted_at(stat: str) -> int:
    """Return the time of the boot in Unix ms, to the second; 0 when it is not known."""
    found = re.search(r"^btime ([0-9]{1,12})$", stat, re.MULTILINE)
    return int(found[1]) * 1000 if found else 0


def read(file: Path) -> str:
    """Return the text of a file, "" when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
