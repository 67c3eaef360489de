# SPDX-License-Identifier: Apache-2.0
"""Keys that the `libvirt` probe writes: on machines, and on the devices that they are joined to."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import looks_like

MACHINES = ("libvirt",)
_UUID = "8a566101-8736-4522-bbad-29951893d152"
_MAC = "52:54:00:12:34:56"
_PROJECT = "262a5aec3f6040b796cd7c03f191c025"
_PORT = "bd32bbfb-89b6-4d78-a02d-345b2c6af886"

KEYS = written_by(
    "libvirt",
    *of_types(
        MACHINES,
        Key("Name", "string", "name of the domain", "instance-00000001"),
        Key("Type", "string", "`libvirt`", "libvirt"),
        Key("State", "string", "`UP DOWN BLOCKED PAUSED CRASHED PMSUSPENDED UNDEFINED`", "UP"),
        Key("VM.Title", "string", "title that its description has", "the web server"),
        Key("VM.CPUs", "integer", "virtual CPUs", 2),
        Key("VM.Memory", "integer", "memory that it may have at most", 2147483648, unit="bytes"),
        Key("VM.Project", "string", "id of the OpenStack project that it belongs to", _PROJECT),
        Key("VM.NICs", "list of object", "its cards, of every kind", [{"Index": 0, "Kind": "bridge", "MAC": _MAC}]),
        Key("VM.NICs.Index", "integer", "number of the card, from 0", 0),
        Key("VM.NICs.Kind", "string", "`network bridge direct ethernet user vhostuser hostdev vdpa …`", "bridge"),
        Key("VM.NICs.MAC", "string", "its MAC", _MAC),
        Key("VM.NICs.Model", "string", "what the guest sees", "virtio"),
        Key("VM.NICs.Device", "string", "interface of the host behind it, while the machine runs", "vnet0"),
        Key("VM.NICs.Source", "string", "network, bridge, lower device, path or PCI address it is joined to", "br0"),
        Key("VM.NICs.PortID", "string", "id of its port on the virtual switch", _PORT),
        Key("VM.NICs.BusInfo", "string", "its PCI address in the guest", "0000:00:03.0"),
        Key("VM.NICs.Link", "string", "`DOWN` when its cable is pulled, `UP` when that was said", "DOWN"),
        Key(
            "VM.NICs.Addresses",
            "list of string",
            "addresses that the guest's agent or libvirt's leases tell",
            ["10.0.0.5/24"],
        ),
        Key("Nova", "object", "what Nova wrote into the description", {"Name": "web-1", "Flavor": "m1.small"}),
        Key("Nova.Name", "string", "name of the instance as its user sees it", "web-1"),
        Key("Nova.Flavor", "string", "name of its flavour", "m1.small"),
        Key("Nova.Project", "string", "id of its project", _PROJECT),
        Key("Nova.ProjectName", "string", "name of its project", "shop"),
        Key("Nova.User", "string", "id of who ordered it", "9f1fb9cb2c0a4d0f8bba0f0a5f0d2c11"),
        Key("Nova.UserName", "string", "name of who ordered it", "ann"),
        Key("Nova.Image", "string", "id of the image that it was made from", "1f3cd1d3-07b1-4d5e-9d5f-6a2b4bd1b7c4"),
        Key("Nova.CreatedAt", "string", "when the description was made, as Nova writes it", "2024-05-01 10:00:00"),
        Key("Nova.Ports", "list of object", "its ports", [{"ID": _PORT, "Addresses": ["10.0.0.5"]}]),
        Key("Nova.Ports.ID", "string", "id of the port in Neutron", _PORT),
        Key("Nova.Ports.Addresses", "list of string", "addresses that the port had then", ["10.0.0.5"]),
    ),
    Key("VM", "object", "machine behind it", {"UUID": _UUID, "NICIndex": 0}),
    Key("VM.UUID", "string", "its UUID, in lower case", _UUID),
    Key("VM.Name", "string", "its name", "instance-00000001"),
    Key("VM.NICIndex", "integer", "number of the card behind this interface, from 0", 0),
    Key("VM.MAC", "string", "MAC of that card", _MAC),
    Key("VM.Addresses", "list of string", "addresses of that card in the guest", ["10.0.0.5/24"]),
    Key("PeerIntfMAC", "string", "MAC of the guest's card behind it", _MAC),
    Key("Libvirt", "object", "that card, as libvirt calls it", {"Domain": "web-1", "Alias": "net0", "MAC": _MAC}),
    Key("Libvirt.Domain", "string", "name of its domain", "instance-00000001"),
    Key("Libvirt.Alias", "string", "name of the card in the domain", "net0"),
    Key("Libvirt.MAC", "string", "MAC of the card", _MAC),
    Key("Libvirt.BusType", "string", "`pci`", "pci"),
    Key("Libvirt.BusInfo", "string", "PCI address of the card in the guest", "0000:00:03.0"),
    *of_types(
        ("device",),
        Key("Name", "string", "of what is passed through to a machine: `pci-` and its address", "pci-0000:3b:10.0"),
        Key("Type", "string", "`device`", "device"),
        Key("Driver", "string", "`pci-passthrough`", "pci-passthrough"),
        Key("BusInfo", "string", "its PCI address", "0000:3b:10.0"),
    ),
    Key("RelationType", "string", "`ownership`: of a machine; `vlayer2`: interface to machine", "vlayer2", on="edge"),
)

LOOKS = looks_like("vm", MACHINES)
