# SPDX-License-Identifier: Apache-2.0
"""Keys that the `ovsdb` probe writes: on nodes of its own, and on those of the host and of network devices."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import looks_like

BRIDGE, PORT = ("ovsbridge",), ("ovsport",)
OWN_INTERFACES = ("patch", "vxlan", "gre", "geneve", "stt", "lisp", "erspan", "gtpu", "bareudp", "dpdk", "system")
"""Types of interfaces without a network device, whose node is of this probe's making; OVS may get new ones."""
INTERFACES = ("internal", "tuntap", "veth", "device", *OWN_INTERFACES)
"""Types of nodes that are ports of a switch, the usual ones."""
TUNNELS = ("vxlan", "gre", "geneve", "stt", "lisp", "erspan", "gtpu", "bareudp")

_ROW = of_types(
    (*BRIDGE, *PORT, *INTERFACES),
    Key("UUID", "string", "UUID of the row", "dbf994e5-7625-4ff6-805b-e8c02b2ee9a7"),
    Key("ExtID", "object", "external_ids of the row, verbatim", {"iface-id": "bd32…", "vm-id": "8a56…"}),
    Key("ExtID.*", "string", "one external id", "bd32e8f4-0f1c-4f4b-8a0e-3a9d6f1f2b11"),
    Key("Ovs", "object", "settings of Open vSwitch", {"OtherConfig": {"hwaddr": "02:00:00:00:00:01"}}),
    Key("Ovs.OtherConfig", "object", "other_config of the row", {"hwaddr": "02:00:00:00:00:01"}),
    Key("Ovs.OtherConfig.*", "string", "one setting", "02:00:00:00:00:01"),
)
_SWITCH = (
    *of_types(
        ("host", "openvswitch"),
        Key("Ovs", "object", "Open vSwitch of this host", {"Version": "3.1.0", "DBVersion": "8.3.1"}),
        Key("Ovs.Version", "string", "version of the switch", "3.1.0"),
        Key("Ovs.DBVersion", "string", "version of the database's schema", "8.3.1"),
        Key("Ovs.OtherConfig", "object", "other_config of the switch", {"hw-offload": "true"}),
        Key("Ovs.OtherConfig.*", "string", "one setting", "true"),
    ),
    Key("Ovs.ExtID", "object", "external_ids of the switch", {"system-id": "6b1d…"}, ("host",)),
    Key("Ovs.ExtID.*", "string", "one external id", "6b1d8a3e-5a3e-4a37-8d6c-1f0f8f1d5a11", ("host",)),
    Key("ExtID", "object", "external_ids of the switch", {"system-id": "6b1d…"}, ("openvswitch",)),
    Key("ExtID.*", "string", "one external id", "6b1d8a3e-5a3e-4a37-8d6c-1f0f8f1d5a11", ("openvswitch",)),
)
_BRIDGE = of_types(
    BRIDGE,
    Key("Name", "string", "name of the bridge", "br-int"),
    Key("Type", "string", "`ovsbridge`", "ovsbridge"),
    Key("Ovs.Protocols", "list of string", "OpenFlow versions", ["OpenFlow13", "OpenFlow15"]),
    Key("Ovs.DatapathType", "string", "`system` or `netdev`; absent = system", "netdev"),
    Key("Ovs.DatapathID", "string", "OpenFlow datapath id", "0000fa163ef87aca"),
    Key("Ovs.FailMode", "string", "what happens without a controller", "secure"),
    Key("Ovs.STP", "boolean", "whether it runs STP; absent = no", True),
    Key("Ovs.RSTP", "boolean", "whether it runs RSTP; absent = no", True),
    Key("Ovs.McastSnooping", "boolean", "whether it snoops multicast; absent = no", True),
)
_PORT = of_types(
    PORT,
    Key("Name", "string", "name of the port", "tap1f2e"),
    Key("Type", "string", "`ovsport`", "ovsport"),
    Key("Vlans", "integer", "VLAN tag", 7),
    Key("Trunks", "list of integer", "VLANs that pass", [10, 20]),
    Key("VlanMode", "string", "`access trunk native-tagged native-untagged dot1q-tunnel`", "trunk"),
    Key("BondMode", "string", "`active-backup balance-slb balance-tcp`", "balance-tcp"),
    Key("BondActiveSlave", "string", "MAC of the active member", "02:00:00:00:00:01"),
    Key("LACP", "string", "`active passive off`", "active"),
    Key("Protected", "boolean", "whether protected ports do not talk to it; absent = no", True),
)
_INTERFACE = of_types(
    INTERFACES,
    Key("Type", "string", "`internal` on a device that the switch made; else what OVSDB calls it", "patch"),
    Key("OfPort", "integer", "OpenFlow port; -1 = it could not be made", 4),
    Key("LocalIP", "string", "near end of a tunnel", "192.0.2.1"),
    Key("RemoteIP", "string", "far end of a tunnel", "192.0.2.9"),
    Key("TunEgressIface", "string", "interface through which a tunnel leaves", "eth0"),
    Key("TunEgressIfaceCarrier", "string", "`up` or `down`", "up"),
    Key("Ovs.Options", "object", "options of the interface", {"peer": "patch-tun"}),
    Key("Ovs.Options.*", "string", "one option", "patch-tun"),
    Key("Ovs.Error", "string", "why it could not be made", "could not open network device tap9"),
)
_OWN_INTERFACE = of_types(
    OWN_INTERFACES,
    Key("Name", "string", "name of the interface", "patch-int"),
    Key("Driver", "string", "driver, as OVSDB tells it", "openvswitch"),
    Key("MAC", "string", "link-layer address", "02:00:00:00:00:01"),
    Key("MTU", "integer", "longest packet, link header not counted", 1500, unit="B"),
    Key("State", "string", "state of the link, in upper case; `DOWN` while its device is missing", "UP"),
    Key("Speed", "integer", "rate of the link", 10000, unit="Mb/s"),
)

KEYS = written_by(
    "ovsdb",
    *_ROW,
    *_SWITCH,
    *_BRIDGE,
    *_PORT,
    *_INTERFACE,
    *_OWN_INTERFACE,
    Key("RelationType", "string", "`ownership`: of a bridge; `layer2`: bridge, port, interface", "layer2", on="edge"),
    Key("Type", "string", "`patch` between two patch ports", "patch", on="edge"),
)

LOOKS = (*looks_like("bridge", BRIDGE), *looks_like("port", (*PORT, "patch")), *looks_like("tunnel", TUNNELS))
