# SPDX-License-Identifier: Apache-2.0
"""Keys that the `netns` probe writes."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "netns",
    *of_types(
        ("netns",),
        Key("Name", "string", "its container; else its first file, or process and pid", "qrouter-4f2a"),
        Key("Type", "string", "`netns`", "netns"),
        Key("Path", "string", "its first file, else `/proc/PID/ns/net`", "/run/netns/qrouter-4f2a"),
        Key("Inode", "integer", "inode that identifies it", 4026532281),
        Key("Device", "integer", "device of that inode", 4),
        Key("Names", "list of string", "names of all files that hold it", ["qrouter-4f2a"]),
        Key("Paths", "list of string", "all files that hold it", ["/run/netns/qrouter-4f2a"]),
        Key("Processes", "list of object", "processes that entered it, 16 at most", [{"Pid": 4242, "Name": "dnsmasq"}]),
        Key("Processes.Pid", "integer", "process id", 4242),
        Key("Processes.Name", "string", "name of the process", "dnsmasq"),
    ),
    Key("RelationType", "string", "`ownership`: host to namespace", "ownership", on="edge"),
)

LOOKS = (Look("netns", "netns", group=True),)
