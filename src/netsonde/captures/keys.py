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
    Key(
        "SFlow",
        "object",
        "what sFlow exporters count, while a capture of type `sflow` or `ovssflow` listens; a counter at 0 is left out",
        {"IfMetrics": {"3": {"IfInOctets": 840}}},
    ),
    Key(
        "SFlow.IfMetrics",
        "object",
        "totals of each interface, by ifIndex; by `AGENT/IFINDEX` when several exporters send",
        {"3": {"IfInOctets": 840, "IfInUcastPkts": 10}},
    ),
    Key(
        "SFlow.Metric",
        "object",
        "totals of all that is counted: `If…`, `Eth…`, `Vlan…`, `OvsDp…` (datapaths), `OvsApp…` (processes)",
        {"IfInOctets": 840, "OvsDpNHit": 10, "Start": 1526468153643, "Last": 1526468163643},
    ),
    Key(
        "SFlow.LastUpdateMetric",
        "object",
        "what that grew by between `Start` and `Last`, Unix ms; of what goes up and down, what it is. "
        "`Metrics('SFlow')` gives it",
        {"IfInOctets": 84, "Start": 1526468153643, "Last": 1526468163643},
    ),
)
