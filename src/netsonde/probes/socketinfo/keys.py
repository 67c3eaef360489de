# SPDX-License-Identifier: Apache-2.0
"""Keys that the `socketinfo` probe writes on the nodes of hosts and network namespaces."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "socketinfo",
    *of_types(
        ("host", "netns"),
        Key("Sockets", "list of object", "TCP and UDP sockets", [{"Name": "nginx", "LocalPort": 80}]),
        Key("Sockets.Process", "string", "program that holds it", "/usr/sbin/nginx"),
        Key("Sockets.Pid", "integer", "its process id; the first of several", 4242),
        Key("Sockets.Name", "string", "name of the process", "nginx"),
        Key("Sockets.Cgroup", "string", "control group of the process", "/system.slice/nginx.service"),
        Key("Sockets.LocalAddress", "string", "near address", "192.0.2.1"),
        Key("Sockets.LocalPort", "integer", "near port", 80),
        Key("Sockets.RemoteAddress", "string", "far address; `0.0.0.0` or `::` without a far end", "192.0.2.9"),
        Key("Sockets.RemotePort", "integer", "far port; 0 without a far end", 40112),
        Key("Sockets.Protocol", "string", "`TCP` or `UDP`", "TCP"),
        Key("Sockets.State", "string", "state of TCP; of UDP `ESTABLISHED` with a far end, else `CLOSE`", "LISTEN"),
        Key("Sockets.UID", "integer", "user that it belongs to", 33),
        Key("Sockets.IfIndex", "integer", "interface or VRF that it is bound to", 3),
        Key("SocketsOmitted", "integer", "sockets beyond `probes.socketinfo.limit`", 120),
    ),
)

LOOKS: tuple[Look, ...] = ()
