# SPDX-License-Identifier: Apache-2.0
"""Block devices read from files: kinds, names, what they stand on, mounts, and files that make no sense."""

from pathlib import Path

import pytest

from netsonde.probes.blockdev.sysfs import Device, read_devices, read_mounts, read_udev
from unit.probes.blockdev.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def only(machine: Machine) -> Device:
    (found,) = read_devices(machine.root).values()
    return found


def test_disk_has_what_the_kernel_and_udev_say(machine: Machine) -> None:
    files = {
        **{"ro": "0", "removable": "0", "queue/rotational": "0", "queue/logical_block_size": "512"},
        **{"queue/scheduler": "none [mq-deadline] kyber", "device/state": "running"},
        **{"device/model": "SAMSUNG MZ7LH480  ", "device/vendor": "ATA     "},
    }
    machine.device("sda", "8:0", files, size=937703088)
    machine.udev("8:0", ID_SERIAL_SHORT="S45PNC0R712345", ID_WWN="0x5002538e4092f1a7")
    disk = only(machine)
    assert (disk.kind, disk.number, disk.size, disk.path) == ("disk", "8:0", 480103981056, "/dev/sda")
    assert disk.texts == {
        "Sched": "mq-deadline",
        "Model": "SAMSUNG MZ7LH480",
        "Vendor": "ATA",
        "State": "running",
        "Serial": "S45PNC0R712345",
        "WWN": "0x5002538e4092f1a7",
    }
    assert disk.numbers == {"LogSec": 512}
    assert disk.flags == {"Ro": False, "Rm": False, "Rota": False}


def test_partition_stands_on_its_disk_and_has_its_sectors(machine: Machine) -> None:
    machine.device("sda", "8:0", {"queue/physical_block_size": "4096"})
    machine.device("sda1", "8:1", {"ro": "1"}, on="sda")
    machine.udev("8:1", ID_FS_TYPE="ext4", ID_FS_LABEL="root", ID_PART_ENTRY_UUID="9d2c7c0e-01")
    part = read_devices(machine.root)["sda1"]
    assert (part.kind, part.below, part.numbers["PhySec"], part.flags) == ("part", ("sda",), 4096, {"Ro": True})
    assert part.texts == {"Fstype": "ext4", "Label": "root", "Partuuid": "9d2c7c0e-01"}


@pytest.mark.parametrize(
    ("uuid", "kind"),
    [
        ("LVM-w8hTXQ", "lvm"),
        ("CRYPT-LUKS2-0f1e", "crypt"),
        ("mpath-3600508b4", "mpath"),
        ("part1-mpath-3600508b4", "part"),
        ("DMRAID-isw", "dm"),
    ],
)
def test_mapped_device_is_of_the_kind_that_made_it(machine: Machine, uuid: str, kind: str) -> None:
    machine.device("sda", "8:0")
    machine.device("dm-0", "253:0", {"dm/name": "vg0-var", "dm/uuid": uuid})
    machine.stands_on("dm-0", "sda")
    mapped = read_devices(machine.root)["dm-0"]
    assert (mapped.kind, mapped.name, mapped.path, mapped.below) == (kind, "vg0-var", "/dev/mapper/vg0-var", ("sda",))


@pytest.mark.parametrize(
    ("kname", "files", "kind"),
    [
        ("md0", {"md/level": "raid1"}, "raid1"),
        ("loop3", {"loop/backing_file": "/srv/disk.img"}, "loop"),
        ("sr0", {"device/type": "5"}, "rom"),
        ("nvme0n1", {"wwid": "eui.0025388b710116a1"}, "disk"),
        ("vda", {"device/vendor": "0x1af4", "serial": "disk-1"}, "disk"),
    ],
)
def test_other_devices_have_their_kinds(machine: Machine, kname: str, files: dict[str, str], kind: str) -> None:
    machine.device(kname, "9:0", files)
    device = only(machine)
    assert device.kind == kind
    assert set(device.texts.values()) <= {"/srv/disk.img", "eui.0025388b710116a1", "disk-1"}


def test_name_with_a_slash_is_that_of_its_file(machine: Machine) -> None:
    machine.device("cciss!c0d0", "104:0")
    assert only(machine).path == "/dev/cciss/c0d0"


def test_devices_without_a_medium_and_ram_disks_are_left_out(machine: Machine) -> None:
    machine.device("loop0", "7:0", size=0)
    machine.device("ram0", "1:0")
    machine.device("sda", "nonsense", size=1)
    assert list(read_devices(machine.root)) == ["sda"]


def test_machine_without_block_devices_has_none(tmp_path: Path) -> None:
    assert read_devices(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "-1", "²", "12 34", "\udcff", "9" * 400])
def test_device_whose_size_is_no_number_is_left_out(machine: Machine, text: str) -> None:
    machine.device("sda", "8:0")
    (machine.root / "sys/devices/sda/size").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert read_devices(machine.root) == {}


def test_mounts_of_the_whole_come_before_those_of_a_part(machine: Machine) -> None:
    machine.mount("8:1", "/var/lib/docker/hosts", part="/etc/hosts")
    machine.mount("8:1", "/srv/with\\040space")
    machine.mount("8:2", "/home")
    assert read_mounts(machine.root) == {"8:1": ["/srv/with space", "/var/lib/docker/hosts"], "8:2": ["/home"]}


def test_btrfs_is_found_by_its_device_and_others_may_not_name_one(machine: Machine) -> None:
    machine.device("sda", "8:0")
    machine.write(
        machine.root / "proc/1/mountinfo",
        "20 1 0:33 /@ / rw,relatime shared:1 - btrfs /dev/sda rw\n"
        "21 1 0:40 / /tmp/x rw,relatime - fuse /dev/sda rw\n"
        "22 1 0:41 / /tmp/y rw,relatime -\n",
    )
    assert only(machine).mounts == ("/",)


def test_lines_of_mountinfo_that_are_cut_are_passed_over(machine: Machine) -> None:
    machine.write(machine.root / "proc/1/mountinfo", "20 1 8:1\n\n21 1 8:1 / /srv\n22 1 8:1 / /home rw - ext4 x rw\n")
    assert read_mounts(machine.root) == {"8:1": ["/home"]}


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0c", "\r"])
def test_label_cannot_fake_another_property(machine: Machine, end: str) -> None:
    machine.device("sda", "8:0")
    machine.udev("8:0", ID_WWN="0x5000c500a1b2c3d4", ID_FS_LABEL=f"x{end}E:ID_WWN=0xbad")
    texts = only(machine).texts
    assert (texts["WWN"], texts["Label"]) == ("0x5000c500a1b2c3d4", f"x{end}E:ID_WWN=0xbad")


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0c", "\r"])
def test_mountpoint_cannot_fake_another_mount(machine: Machine, end: str) -> None:
    machine.mount("8:1", f"/home/x{end}20\\0401\\0408:0")
    assert read_mounts(machine.root) == {"8:1": [f"/home/x{end}20 1 8:0"]}


def test_record_of_udev_that_makes_no_sense_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "b8:0").write_bytes(b"E:\nE:ID_FS_TYPE\nE:=x\nE:ID_FS_LABEL=\xff\x00\nG:systemd\n")
    assert read_udev(tmp_path / "b8:0").get("ID_FS_TYPE") is None
