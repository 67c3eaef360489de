# SPDX-License-Identifier: Apache-2.0
"""Keys that the `netlink` probe writes, and the counters that it reads."""

from netsonde.model.keys import Field, Key, of_types, written_by
from netsonde.model.looks import Look, looks_like

TUNNELS = (
    *("vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ipip", "ip6tnl", "sit"),
    *("vti", "vti6", "xfrm", "wireguard"),
)
INTERFACES = (
    "device",
    "veth",
    "tuntap",
    "bridge",
    "bond",
    "team",
    "vlan",
    "vxlan",
    "geneve",
    "gre",
    "gretap",
    "ip6gre",
    "ip6gretap",
    "erspan",
    "ipip",
    "ip6tnl",
    "sit",
    "macvlan",
    "macvtap",
    "ipvlan",
    "vrf",
    "dummy",
    "netkit",
    "wireguard",
    "internal",
    "openvswitch",
)
"""Types of interfaces that one meets; the kernel has more, and may get new ones."""
_TUNNELS = ("vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ipip", "ip6tnl", "sit")

_LINK = (
    Key("Name", "string", "name of the interface", "eth0"),
    Key("Type", "string", "the kernel's kind; `tuntap` for tun and tap, `device` without a kind", "veth"),
    Key("IfIndex", "integer", "index within its network namespace", 3),
    Key("EncapType", "string", "first layer of its packets", "ether"),
    Key("MAC", "string", "link-layer address", "fa:16:3e:f8:7a:ca"),
    Key("MTU", "integer", "longest packet, link header not counted", 1500, unit="B"),
    Key("State", "string", "operational state of RFC 2863, in upper case", "UP"),
    Key("LinkFlags", "list of string", "flags of the interface", ["UP", "BROADCAST", "RUNNING", "LOWER_UP"]),
    Key("Driver", "string", "driver, as ethtool tells it", "virtio_net"),
    Key("BusInfo", "string", "where the hardware is", "0000:00:03.0"),
    Key("Speed", "integer", "rate of the link", 10000, unit="Mb/s"),
    Key("MasterIndex", "integer", "ifindex of the bridge, bond or VRF that it belongs to", 7),
    Key("ParentIndex", "integer", "ifindex of the device below", 2),
    Key("PeerIfIndex", "integer", "ifindex of the other end of a veth or netkit pair", 4),
    Key("LinkNetNsID", "integer", "id of the namespace of the peer or the device below, when it is another one", 0),
    Key("LinkNetNsName", "string", "name of that namespace", "qrouter-4f2a"),
    Key("IPV4", "list of string", "IPv4 addresses with prefix length", ["10.0.0.1/24"]),
    Key("IPV6", "list of string", "IPv6 addresses with prefix length", ["fe80::f816:3eff:fef8:7aca/64"]),
)
_TABLES = (
    Key("RoutingTables", "list of object", "routes out of this interface", [{"ID": 254, "Src": None, "Routes": []}]),
    Key("RoutingTables.ID", "integer", "routing table", 254),
    Key("RoutingTables.Src", "string or null", "preferred source address", "10.0.0.1"),
    Key("RoutingTables.Routes", "list of object", "its routes", [{"Prefix": "0.0.0.0/0", "Protocol": 3}]),
    Key(
        "RoutingTables.Routes.Protocol",
        "integer",
        "who made it, as rtnetlink numbers it: 2 kernel, 3 boot, 4 static",
        2,
    ),
    Key("RoutingTables.Routes.Prefix", "string", "destination", "0.0.0.0/0"),
    Key("RoutingTables.Routes.NextHops", "list of object", "where it leads", [{"IP": "10.0.0.254", "IfIndex": 3}]),
    Key("RoutingTables.Routes.NextHops.Priority", "integer", "metric; the lowest wins", 100),
    Key("RoutingTables.Routes.NextHops.IfIndex", "integer", "interface", 3),
    Key("RoutingTables.Routes.NextHops.IP", "string", "gateway", "10.0.0.254"),
    Key("Neighbors", "list of object", "ARP and ND neighbours", [{"IP": "10.0.0.254", "MAC": "02:00:00:00:00:01"}]),
    Key("Neighbors.IP", "string", "address of the neighbour", "10.0.0.254"),
    Key("Neighbors.MAC", "string", "its link-layer address", "02:00:00:00:00:01"),
    Key("Neighbors.IfIndex", "integer", "interface", 3),
    Key("Neighbors.State", "list of string", "states of the entry", ["NUD_REACHABLE"]),
    Key("Neighbors.Flags", "list of string", "flags of the entry", ["NTF_ROUTER"]),
    Key("FDB", "list of object", "forwarding entries of a bridge or VXLAN", [{"MAC": "02:00:00:00:00:01", "Vlan": 7}]),
    Key("FDB.MAC", "string", "address that is forwarded", "02:00:00:00:00:01"),
    Key("FDB.IfIndex", "integer", "interface", 3),
    Key("FDB.State", "list of string", "states of the entry", ["NUD_PERMANENT"]),
    Key("FDB.Flags", "list of string", "flags of the entry", ["NTF_SELF"]),
    Key("FDB.Vlan", "integer", "VLAN", 7),
    Key("FDB.VNI", "integer", "VXLAN network", 4096),
    Key("FDB.IP", "string", "tunnel end that it leads to", "192.0.2.9"),
    Key("RoutesOmitted", "integer", "routes beyond `probes.netlink.table_limit`", 12),
    Key("NeighborsOmitted", "integer", "neighbours beyond that limit", 12),
    Key("FDBOmitted", "integer", "forwarding entries beyond that limit", 12),
)
_KINDS = (
    Key("Vlan", "integer", "tag of a VLAN device", 100, ("vlan",)),
    Key("BondMode", "string", "mode of a bond", "802.3ad", ("bond",)),
    Key("VNI", "integer", "VXLAN or Geneve network", 4096, ("vxlan", "geneve")),
    Key("LocalIP", "string", "near end of a tunnel", "192.0.2.1", _TUNNELS),
    Key("RemoteIP", "string", "far end of a tunnel", "192.0.2.9", _TUNNELS),
    Key("DstPort", "integer", "UDP port of a VXLAN", 4789, ("vxlan",)),
    Key("VRFTable", "integer", "routing table of a VRF", 10, ("vrf",)),
    Key("MacvlanMode", "string", "`private vepa bridge passthru source`", "bridge", ("macvlan", "macvtap")),
    Key("TunMode", "string", "`tun` or `tap`", "tap", ("tuntap", "internal")),
)
_BOND_SLAVE = (
    Key("BondSlave", "object", "what a bond says of its member", {"Type": "bond", "State": "ACTIVE"}),
    Key("BondSlave.Type", "string", "`bond`", "bond"),
    Key("BondSlave.State", "string", "`ACTIVE` or `BACKUP`", "ACTIVE"),
    Key("BondSlave.MiiStatus", "string", "state of the link", "UP"),
    Key("BondSlave.LinkFailureCount", "integer", "how often the link failed", 0),
    Key("BondSlave.PermMAC", "string", "its address without the bond", "02:00:00:00:00:01"),
    Key("BondSlave.QueueId", "integer", "queue", 0),
    Key("BondSlave.AggregatorId", "integer", "LACP aggregator", 1),
    Key("BondSlave.AdActorOperPortState", "integer", "LACP state of this end, as bits", 61),
    Key("BondSlave.AdPartnerOperPortState", "integer", "LACP state of the other end, as bits", 61),
)

KEYS = written_by(
    "netlink",
    *of_types(INTERFACES, *_LINK, *_TABLES, *_BOND_SLAVE),
    *_KINDS,
    Key("RelationType", "string", "`ownership`: owner to interface; `layer2`: linked", "layer2", on="edge"),
    Key("Type", "string", "sort of a layer-2 link: kind of the pair or of the upper device", "veth", on="edge"),
)

_COUNTERS = (
    ("RxPackets", "packets", "packets received"),
    ("TxPackets", "packets", "packets sent"),
    ("RxBytes", "B", "octets received"),
    ("TxBytes", "B", "octets sent"),
    ("RxErrors", "packets", "bad packets received"),
    ("TxErrors", "packets", "packets that could not be sent"),
    ("RxDropped", "packets", "received packets that were dropped"),
    ("TxDropped", "packets", "packets that were dropped instead of being sent"),
    ("Multicast", "packets", "multicast packets received"),
    ("Collisions", "", "collisions"),
    ("RxLengthErrors", "packets", "received with a wrong length"),
    ("RxOverErrors", "packets", "beyond the receiver's ring"),
    ("RxCrcErrors", "packets", "received with a wrong checksum"),
    ("RxFrameErrors", "packets", "received misaligned"),
    ("RxFifoErrors", "packets", "beyond the receiver's queue"),
    ("RxMissedErrors", "packets", "missed by the receiver"),
    ("TxAbortedErrors", "packets", "sending was aborted"),
    ("TxCarrierErrors", "packets", "carrier lost while sending"),
    ("TxFifoErrors", "packets", "beyond the sender's queue"),
    ("TxHeartbeatErrors", "packets", "heartbeat lost while sending"),
    ("TxWindowErrors", "packets", "late collisions"),
    ("RxCompressed", "packets", "compressed packets received"),
    ("TxCompressed", "packets", "compressed packets sent"),
)
METRICS = (
    *(Field(name, "integer", f"{text}, in the interval", 42, unit) for name, unit, text in _COUNTERS),
    Field("Start", "integer", "beginning of the interval", 1_700_000_000_000, "Unix ms"),
    Field("Last", "integer", "its end", 1_700_000_010_000, "Unix ms"),
)

LOOKS = (
    Look("bridge", "bridge"),
    Look("veth", "veth"),
    *looks_like("tap", ("tun", "tap", "tuntap", "macvtap")),
    *looks_like("vlan", ("vlan", "macvlan", "ipvlan")),
    *looks_like("tunnel", TUNNELS),
)
