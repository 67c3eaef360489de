# SPDX-License-Identifier: Apache-2.0
"""Block devices as files tell of them; what cannot be read is absent.

Source: /sys/class/block (Documentation/ABI/stable/sysfs-block of Linux), udev's records in /run/udev/data, which have
what is on a device, and mountinfo (proc_pid_mountinfo(5)).
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

SECTOR: Final = 512
"""Bytes of the sectors that sysfs counts in, whatever those of the device are."""
MOST: Final = 10_000
"""Devices that are looked at."""
RAM_DISKS: Final = "1:"
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_DM_KINDS: Final = {"LVM": "lvm", "CRYPT": "crypt", "mpath": "mpath"}


@dataclass(frozen=True, slots=True)
class Device:
    """One block device; "" for what is not known."""

    kname: str
    number: str
    """Major and minor, `8:0`."""
    kind: str
    """As lsblk's TYPE."""
    size: int
    """Bytes."""
    name: str = ""
    """Of the device-mapper, else the kernel's."""
    below: tuple[str, ...] = ()
    """Kernel's names of the devices that it stands on."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Further facts, by the key that they are shown under."""
    numbers: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"/dev/mapper/{self.name}" if self.kname.startswith("dm-") else f"/dev/{self.name}"

    @property
    def wwn(self) -> str:
        return self.texts.get("WWN", "")


def read_devices(root: Path = Path("/")) -> dict[str, Device]:
    """Return the devices that have a size, but RAM disks, by the kernel's name."""
    folder = root / "sys/class/block"
    try:
        names = sorted(os.listdir(folder))[:MOST]
    except OSError:
        return {}
    mounts = read_mounts(root)
    found = (_read(folder / name, root) for name in names)
    return {
        device.kname: replace(device, mounts=(*mounts.get(device.number, ()), *mounts.get(device.path, ())))
        for device in found
        if device is not None
    }


def _read(folder: Path, root: Path) -> Device | None:
    number, size = _text(folder / "dev"), _number(folder / "size") or 0
    if not number or not size or number.startswith(RAM_DISKS):
        return None
    disk = folder.resolve().parent if (folder / "partition").exists() else folder
    udev = read_udev(root / "run/udev/data" / f"b{number}")
    return Device(
        kname=folder.name,
        number=number,
        kind=_kind(folder),
        size=size * SECTOR,
        # The kernel writes `!` for `/` in names such as cciss/c0d0.
        name=_text(folder / "dm/name") or folder.name.replace("!", "/"),
        below=(disk.name,) if disk is not folder else tuple(_names(folder / "slaves")),
        texts=dict(_texts(folder, disk, udev)),
        numbers=dict(_numbers(disk)),
        flags=dict(_flags(folder, disk)),
    )


def _kind(folder: Path) -> str:
    if (folder / "partition").exists():
        return "part"
    mapped = _text(folder / "dm/uuid")
    if mapped:
        prefix = mapped.partition("-")[0]
        return "part" if prefix.startswith("part") else _DM_KINDS.get(prefix, "dm")
    if (folder / "loop").exists() or folder.name.startswith("loop"):
        return "loop"
    # 5 is TYPE_ROM of scsi/scsi_proto.h.
    return _text(folder / "md/level") or ("rom" if _text(folder / "device/type") == "5" else "disk")


def _texts(folder: Path, disk: Path, udev: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    scheduler = re.search(r"\[(\S+)\]", _text(disk / "queue/scheduler"))
    serial = _text(folder / "serial") or _text(folder / "device/serial") or udev.get("ID_SERIAL_SHORT", "")
    wwn = udev.get("ID_WWN_WITH_EXTENSION") or udev.get("ID_WWN") or _text(folder / "wwid")
    found = {
        "Sched": scheduler[1] if scheduler else "",
        "Model": _text(folder / "device/model") or udev.get("ID_MODEL", ""),
        "Vendor": _scsi_vendor(_text(folder / "device/vendor")),
        "Rev": _text(folder / "device/rev") or _text(folder / "device/firmware_rev"),
        "State": _text(folder / "device/state"),
        "Serial": serial,
        "WWN": wwn or _text(folder / "device/wwid"),
        "Fstype": udev.get("ID_FS_TYPE", ""),
        "Label": udev.get("ID_FS_LABEL", ""),
        "UUID": udev.get("ID_FS_UUID", ""),
        "Partlabel": udev.get("ID_PART_ENTRY_NAME", ""),
        "Partuuid": udev.get("ID_PART_ENTRY_UUID", ""),
        "Parttype": udev.get("ID_PART_ENTRY_TYPE", ""),
        "BackingFile": _text(folder / "loop/backing_file"),
    }
    yield from ((key, value) for key, value in found.items() if value)


def _scsi_vendor(text: str) -> str:
    """Return a vendor's name; other buses have a number in its place."""
    return "" if text.startswith("0x") else text


def _numbers(disk: Path) -> Iterator[tuple[str, int]]:
    for key, file in (("LogSec", "logical_block_size"), ("PhySec", "physical_block_size")):
        if (value := _number(disk / "queue" / file)) is not None:
            yield key, value


def _flags(folder: Path, disk: Path) -> Iterator[tuple[str, bool]]:
    for key, file in (("Ro", folder / "ro"), ("Rm", disk / "removable"), ("Rota", disk / "queue/rotational")):
        if (value := _number(file)) is not None:
            yield key, bool(value)


def read_udev(file: Path) -> dict[str, str]:
    """Return the properties of one record of udev, whose lines are `E:NAME=value`."""
    # Not splitlines: a label may hold characters that end a line for Python only, and with one fake another property.
    lines = _raw(file).split("\n")
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {name: value for name, _, value in pairs if value}


def read_mounts(root: Path = Path("/")) -> dict[str, list[str]]:
    """Return where devices are mounted, by number: mounts of a whole file system first, then those of a part of it.

    Those of btrfs by the device's file: its mounts have a number of their own, as it may be on several devices.
    The first process's mounts, since an agent in a container has others; its own where it must not see those.
    """
    text = _raw(root / "proc/1/mountinfo") or _raw(root / "proc/self/mountinfo")
    whole: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for line in text.split("\n"):
        fields = line.split(" ")
        if len(fields) > 5:
            place = _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
            (whole if fields[3] == "/" else parts).setdefault(_device(line, fields[2]), []).append(place)
    return {number: whole.get(number, []) + parts.get(number, []) for number in {*whole, *parts}}


def _device(line: str, number: str) -> str:
    """Return number or file of the device of a mount; a hyphen ends the optional fields."""
    kind, _, rest = line.partition(" - ")[2].partition(" ")
    # Others must not name it: any user gives a mount of FUSE whatever source he likes.
    return rest.partition(" ")[0] if kind == "btrfs" else number


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _text(file: Path) -> str:
    return _raw(file).strip(" \n\0")


def _raw(file: Path) -> str:
    """Return the text of a file as it is, carriage returns too, "" when it cannot be read."""
    try:
        return file.read_bytes().decode("utf-8", "backslashreplace")
    except OSError:
        return ""
