# SPDX-License-Identifier: Apache-2.0
"""Keys that the `lxd` probe writes on the nodes of containers and of virtual machines."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "lxd",
    *of_types(
        ("container", "vm"),
        Key("LXD", "object", "the instance as LXD or Incus has it", {"Status": "Running", "Project": "default"}),
        Key("LXD.Name", "string", "name in its project", "web"),
        Key("LXD.Project", "string", "project", "default"),
        Key("LXD.Type", "string", "`container` or `virtual-machine`", "container"),
        Key("LXD.Status", "string", "state", "Running"),
        Key("LXD.Architecture", "string", "architecture", "x86_64"),
        Key("LXD.Description", "string", "description", "shop front"),
        Key("LXD.CreatedAt", "string", "when it was made, as LXD writes it", "2026-11-30T05:50:14.003361171Z"),
        Key("LXD.Ephemeral", "string", "`true`: it is deleted when it stops; else `false`", "false"),
        Key("LXD.Stateful", "string", "`true`: its memory is kept on disk; else `false`", "false"),
        Key("LXD.Location", "string", "member of the cluster that it is on", "node-3"),
        Key("LXD.Profiles", "list of string", "profiles", ["default"]),
        Key("LXD.ProfilesOmitted", "integer", "profiles beyond 64 kB", 3),
        Key("LXD.Config", "object", "settings, those of profiles too, without what may be secret", {"limits.cpu": "2"}),
        Key("LXD.Config.*", "string", "one setting; a name with dots is quoted in a query", "2"),
        Key("LXD.ConfigOmitted", "integer", "settings beyond 64 kB", 3),
        Key("LXD.Devices", "object", "devices by name, those of profiles too", {"eth0": {"type": "nic"}}),
        Key("LXD.Devices.*", "any", "settings of one device", {"type": "nic", "network": "lxdbr0"}),
        Key("LXD.DevicesOmitted", "integer", "devices beyond 64 kB", 3),
    ),
)

LOOKS: tuple[Look, ...] = ()
