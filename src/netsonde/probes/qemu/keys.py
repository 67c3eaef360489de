# SPDX-License-Identifier: Apache-2.0
"""Keys that the `qemu` probe writes: on machines, and on the interfaces of this host that they are joined to."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import looks_like

MACHINES = ("vm", "libvirt")
TAPS = ("tuntap", "macvtap", "internal")

KEYS = written_by(
    "qemu",
    *of_types(
        MACHINES,
        Key("Name", "string", "name of the machine; without one, process and pid", "vm-web-1"),
        Key("Type", "string", "`vm`; `libvirt` when libvirt started it", "vm"),
        Key("State", "string", "`UP`", "UP"),
        Key("VM", "object", "the machine", {"UUID": "8a566101-8736-4522-bbad-29951893d152", "Name": "vm-web-1"}),
        Key("VM.UUID", "string", "UUID, in lower case", "8a566101-8736-4522-bbad-29951893d152"),
        Key("VM.Name", "string", "name", "vm-web-1"),
        Key("VM.PID", "integer", "process that runs it", 4242),
    ),
    *of_types(
        TAPS,
        Key("Processes", "list of object", "process that holds it open", [{"Pid": 4242, "Name": "qemu-system-x86"}]),
        Key("Processes.Pid", "integer", "process id", 4242),
        Key("Processes.Name", "string", "name of the process", "qemu-system-x86"),
        Key("PeerIntfMAC", "string", "MAC of the guest's card behind it", "52:54:00:12:34:56"),
        Key("VM", "object", "machine behind it", {"UUID": "8a566101-8736-4522-bbad-29951893d152", "NICIndex": 0}),
        Key("VM.UUID", "string", "its UUID, in lower case", "8a566101-8736-4522-bbad-29951893d152"),
        Key("VM.Name", "string", "its name", "vm-web-1"),
        Key("VM.NICIndex", "integer", "number of the card behind this interface, from 0", 0),
        Key("VM.MAC", "string", "MAC of that card", "52:54:00:12:34:56"),
    ),
    Key("RelationType", "string", "`ownership`: of a machine; `vlayer2`: tap to machine", "vlayer2", on="edge"),
)

LOOKS = looks_like("vm", MACHINES)
