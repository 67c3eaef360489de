# SPDX-License-Identifier: Apache-2.0
"""Keys that captures write on the nodes where they run."""

from netsonde.model.keys import Key, written_by

KEYS = written_by(
    "captures",
    Key(
        "Captures", "list of object", "captures that run, or failed, on this node", [{"ID": "6c1f…", "State": "active"}]
    ),
    Key("Captures.ID", "string", "UUID of the capture", "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11"),
    Key("Captures.State", "string", "`active` or `error`", "active"),
    Key("Captures.Name", "string", "name that its maker gave", "first packets"),
    Key("Captures.Description", "string", "what it is for", "DHCP of new VMs"),
    Key("Captures.BPFFilter", "string", "packet filter, in tcpdump's syntax", "arp or udp port 67"),
    Key("Captures.Type", "string", "engine that captures", "afpacket"),
    Key("Captures.Error", "string", "why it does not run here", "the interface is gone"),
)
