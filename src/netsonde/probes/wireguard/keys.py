# SPDX-License-Identifier: Apache-2.0
"""Keys that the `wireguard` probe writes on the nodes of WireGuard interfaces."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

_PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

KEYS = written_by(
    "wireguard",
    *of_types(
        ("wireguard",),
        Key("WireGuard", "object", "end of the tunnel, and its peers", {"ListenPort": 51820, "Peers": []}),
        Key("WireGuard.PublicKey", "string", "public key of this end, absent without one", _PUBLIC),
        Key("WireGuard.ListenPort", "integer", "UDP port that it listens at", 51820),
        Key("WireGuard.FwMark", "integer", "mark of the packets that it sends; absent = none", 51820),
        Key("WireGuard.Peers", "list of object", "peers by public key", [{"Endpoint": "192.0.2.9:51820"}]),
        Key("WireGuard.Peers.PublicKey", "string", "public key of the peer", _PUBLIC),
        Key("WireGuard.Peers.Endpoint", "string", "where packets to it go, absent while unknown", "192.0.2.9:51820"),
        Key("WireGuard.Peers.AllowedIPs", "list of string", "destinations behind it", ["10.1.0.0/16"]),
        Key("WireGuard.Peers.AllowedIPsOmitted", "integer", "destinations beyond `probes.wireguard.limit`", 12),
        Key("WireGuard.Peers.Keepalive", "integer", "pause after which it is sent an empty packet", 25, unit="s"),
        Key(
            "WireGuard.Peers.LastHandshake",
            "integer",
            "when keys were agreed on last; absent = never",
            1_700_000_000_000,
            unit="Unix ms",
        ),
        Key("WireGuard.PeersOmitted", "integer", "peers beyond `probes.wireguard.limit`", 12),
    ),
)

LOOKS: tuple[Look, ...] = ()
