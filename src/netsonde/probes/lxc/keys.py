# SPDX-License-Identifier: Apache-2.0
"""Keys that the `lxc` probe writes."""

from netsonde.model.keys import Key
from netsonde.probes.container_keys import LOOKS, container_keys

__all__ = ["KEYS", "LOOKS"]

KEYS = container_keys(
    "lxc",
    Key("Manager", "string", "`lxc`; `lxd` or `incus` where the container is in a directory of theirs", "lxc"),
    Key("Name", "string", "name of the container", "web"),
    Key("Container.ID", "string", "directory of the container", "/var/lib/lxc/web"),
    Key("Container.Runtime", "string", "`lxc`", "lxc"),
    Key("Container.Status", "string", "`starting running freezing frozen stopping`", "running"),
    Key("Container.Hostname", "string", "host name inside", "web"),
    Key("LXC", "object", "what it was started with", {"Path": "/var/lib/lxc", "Rootfs": "/var/lib/lxc/web/rootfs"}),
    Key("LXC.Path", "string", "directory that holds its own", "/var/lib/lxc"),
    Key("LXC.Rootfs", "string", "its file system", "/var/lib/lxc/web/rootfs"),
    Key("LXC.Interfaces", "list of object", "interfaces of its configuration", [{"Index": 0, "Type": "veth"}]),
    Key("LXC.Interfaces.Index", "integer", "N of `lxc.net.N`", 0),
    Key("LXC.Interfaces.Type", "string", "`veth vlan macvlan ipvlan phys empty none`", "veth"),
    Key("LXC.Interfaces.Name", "string", "name inside", "eth0"),
    Key("LXC.Interfaces.Link", "string", "bridge or lower device outside", "lxcbr0"),
    Key("LXC.Interfaces.MAC", "string", "link-layer address that was asked for", "00:16:3e:12:34:56"),
    Key("LXC.Interfaces.Peer", "string", "of a veth the end outside", "vethsM9emT"),
)
