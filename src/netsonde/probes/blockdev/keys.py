# SPDX-License-Identifier: Apache-2.0
"""Keys that the `blockdev` probe writes, and the counters that it reads."""

from netsonde.model.keys import Field, Key, of_types, written_by
from netsonde.model.looks import Look, looks_like

GROUP, DEVICE, VOLUME, LEAF = "cluster", "blockdev", "blockdevlvm", "blockdevleaf"
DEVICES = (DEVICE, VOLUME, LEAF)
_WWN = "0x5000c500a1b2c3d4"

KEYS = written_by(
    "blockdev",
    *of_types(
        (GROUP, *DEVICES),
        Key("Name", "string", "where it is mounted, else its name; of the group `block devices`", "/var"),
        Key("Manager", "string", "`blockdev`", "blockdev"),
    ),
    *of_types(
        (GROUP,),
        Key("Type", "string", "`cluster`: the group of all block devices of a host", "cluster"),
    ),
    *of_types(
        DEVICES,
        Key(
            "Type", "string", "`blockdevleaf`: nothing stands on it; else `blockdevlvm` for volumes of LVM", "blockdev"
        ),
        Key("Index", "string", "WWN, else serial number, else path", _WWN),
        Key("Path", "string", "its file", "/dev/sda"),
        Key("MajorMinor", "string", "its number", "8:0"),
        Key("Attributes", "object", "what the kernel and udev say of it", {"Size": 500107862016, "Rota": False}),
        Key("Attributes.Type", "string", "`disk part lvm crypt mpath dm loop rom`, or the level of a RAID", "disk"),
        Key("Attributes.Name", "string", "name of the device-mapper, else the kernel's", "vg0-var"),
        Key("Attributes.Kname", "string", "the kernel's name", "dm-0"),
        Key("Attributes.MajMin", "string", "its number", "253:0"),
        Key("Attributes.Size", "integer", "size", 500107862016, unit="B"),
        Key("Attributes.Ro", "boolean", "it cannot be written", False),
        Key("Attributes.Rm", "boolean", "its medium can be taken out", False),
        Key("Attributes.Rota", "boolean", "it turns", False),
        Key("Attributes.LogSec", "integer", "logical sector", 512, unit="B"),
        Key("Attributes.PhySec", "integer", "physical sector", 4096, unit="B"),
        Key("Attributes.Sched", "string", "scheduler", "mq-deadline"),
        Key("Attributes.Model", "string", "model", "SAMSUNG MZ7LH480"),
        Key("Attributes.Vendor", "string", "vendor", "ATA"),
        Key("Attributes.Rev", "string", "revision", "904Q"),
        Key("Attributes.Serial", "string", "serial number", "S45PNC0R712345"),
        Key("Attributes.WWN", "string", "name that is unique in the world", _WWN),
        Key("Attributes.State", "string", "state of the device", "running"),
        Key("Attributes.Mountpoint", "string", "where it is mounted", "/var"),
        Key("Attributes.Mountpoints", "list of string", "where it is mounted, if at several places", ["/var", "/srv"]),
        Key("Attributes.Fstype", "string", "file system, or what else is on it", "ext4"),
        Key("Attributes.Label", "string", "label of the file system", "root"),
        Key("Attributes.UUID", "string", "UUID of the file system", "2b3f1c9e-57d1-4a38-9b7b-02c0f0a3b5aa"),
        Key("Attributes.Partlabel", "string", "label of the partition", "EFI"),
        Key("Attributes.Partuuid", "string", "UUID of the partition", "9d2c7c0e-01"),
        Key("Attributes.Parttype", "string", "type of the partition", "0x83"),
        Key("Attributes.BackingFile", "string", "file that a loop device shows", "/var/lib/images/disk.img"),
    ),
    Key(
        "RelationType",
        "string",
        "`ownership`; `connected`: the group to a disk, a device to what it stands on; `multipath`",
        "connected",
        on="edge",
    ),
    Key("Type", "string", "`blockdevlink`: from the group to a disk", "blockdevlink", on="edge"),
)

METRICS = tuple(
    Field(name, "integer", f"{text}, in the interval", 42, unit)
    for name, unit, text in (
        ("Reads", "", "reads done"),
        ("ReadsMerged", "", "reads joined with others"),
        ("ReadBytes", "B", "octets read"),
        ("ReadTime", "ms", "time spent by all reads together"),
        ("Writes", "", "writes done"),
        ("WritesMerged", "", "writes joined with others"),
        ("WriteBytes", "B", "octets written"),
        ("WriteTime", "ms", "time spent by all writes together"),
        ("IOTime", "ms", "time in which anything was read or written"),
    )
)

LOOKS = (Look(GROUP, "other", group=True), *looks_like("other", DEVICES))
