# SPDX-License-Identifier: Apache-2.0
"""Keys that injections write on the nodes that send."""

from netsonde.model.keys import Key, written_by

KEYS = written_by(
    "injection",
    Key(
        "PacketInjections",
        "list of object",
        "injections that send from this node now",
        [{"ID": "6c1f…", "State": "active", "Type": "icmp4"}],
    ),
    Key("PacketInjections.ID", "string", "UUID of the injection", "6c1f0c5e-5d5a-4c2b-9f0e-3b1f7d0a2c11"),
    Key("PacketInjections.State", "string", "`active`", "active"),
    Key("PacketInjections.Type", "string", "what is sent", "icmp4"),
    Key("PacketInjections.SrcIP", "string", "source address", "10.0.0.1"),
    Key("PacketInjections.DstIP", "string", "target address", "10.0.0.2"),
    Key("PacketInjections.Count", "integer", "packets that will be sent", 10),
    Key("PacketInjections.Interval", "integer", "between two packets", 100, unit="ms"),
)
