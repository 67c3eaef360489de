# SPDX-License-Identifier: Apache-2.0
"""Keys that the `ovsdb` probe writes: on nodes of its own, and on those of the host and of network devices."""

from netsonde.model.keys import Field, Key, of_types, written_by
from netsonde.model.looks import looks_like

BRIDGE, PORT = ("ovsbridge",), ("ovsport",)
TUNNELS = ("vxlan", "gre", "geneve", "stt", "lisp", "erspan", "gtpu", "bareudp")
DPDK = ("dpdk", "dpdkvhostuser", "dpdkvhostuserclient")
OWN_INTERFACES = ("patch", *TUNNELS, *DPDK, "system")
"""Types of interfaces without a network device, whose node is of this probe's making; OVS may get new ones."""
INTERFACES = ("internal", "tuntap", "veth", "device", *OWN_INTERFACES)
"""Types of nodes that are ports of a switch, the usual ones."""
ELSEWHERE = ("ovsswitch",)
"""The switch of another host."""

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
        ("host", "openvswitch", *ELSEWHERE),
        Key("Ovs", "object", "Open vSwitch of this host, or of another", {"Version": "3.1.0", "DBVersion": "8.3.1"}),
        Key("Ovs.Version", "string", "version of the switch", "3.1.0"),
        Key("Ovs.DBVersion", "string", "version of the database's schema", "8.3.1"),
        Key("Ovs.OtherConfig", "object", "other_config of the switch", {"hw-offload": "true"}),
        Key("Ovs.OtherConfig.*", "string", "one setting", "true"),
    ),
    *of_types(
        ("host", *ELSEWHERE),
        Key("Ovs.ExtID", "object", "external_ids of the switch", {"system-id": "6b1d…"}),
        Key("Ovs.ExtID.*", "string", "one external id", "6b1d8a3e-5a3e-4a37-8d6c-1f0f8f1d5a11"),
        Key("Ovs.DatapathTypes", "list of string", "datapaths that the switch can run", ["netdev", "system"]),
        Key("Ovs.InterfaceTypes", "list of string", "types of interfaces that it can make", ["internal", "vxlan"]),
        Key("Ovs.DPDK", "boolean", "whether DPDK runs in it; absent = no", True),
        Key("Ovs.DPDKVersion", "string", "version of DPDK", "DPDK 23.11.0"),
        Key("Ovs.Managers", "list of object", "what may configure it", [{"Target": "ptcp:6640", "State": "ACTIVE"}]),
        Key("Ovs.Managers.Target", "string", "where it is, or where it is waited for", "ptcp:6640:127.0.0.1"),
        Key("Ovs.Managers.Connected", "boolean", "whether one is connected", True),
        Key("Ovs.Managers.ConnectionMode", "string", "`in-band` or `out-of-band`", "out-of-band"),
        Key("Ovs.Managers.InactivityProbe", "integer", "silence before it is asked", 5000, unit="ms"),
        Key("Ovs.Managers.MaxBackoff", "integer", "longest pause between two attempts", 8000, unit="ms"),
        Key("Ovs.Managers.State", "string", "`ACTIVE`, `BACKOFF` while it is tried again, `VOID`", "ACTIVE"),
        Key("Ovs.Managers.LastError", "string", "why the last connection ended", "Connection refused"),
        Key("Ovs.Managers.BoundPort", "integer", "port that is listened at", 6640),
        Key("Ovs.Managers.Connections", "integer", "how many are connected; absent = one at most", 2),
        Key("Ovs.Datapaths", "list of object", "datapaths that were configured", [{"Type": "system"}]),
        Key("Ovs.Datapaths.Type", "string", "type", "system"),
        Key("Ovs.Datapaths.Version", "string", "version, as it was configured", "0"),
        Key("Ovs.Datapaths.Capabilities", "object", "what it can do", {"ct_zone": "true", "recirc": "true"}),
        Key("Ovs.Datapaths.Capabilities.*", "string", "one ability, as Open vSwitch names it", "true"),
        Key("Ovs.Datapaths.Zones", "list of object", "zones of connection tracking, by number", [{"ID": 7}]),
        Key("Ovs.Datapaths.Zones.ID", "integer", "number of the zone", 7),
        Key("Ovs.Datapaths.Zones.Timeouts", "object", "timeouts of connections, in seconds", {"tcp_close": "10"}),
        Key("Ovs.Datapaths.Zones.Timeouts.*", "string", "one timeout, as Open vSwitch names it", "10"),
        Key("Ovs.PMDs", "list of object", "threads that poll in userspace, by core", [{"Core": 2, "NumaNode": 0}]),
        Key("Ovs.PMDs.Core", "integer", "core that the thread runs on", 2),
        Key("Ovs.PMDs.NumaNode", "integer", "NUMA node of the core", 0),
        Key("Ovs.Datapaths.Zones.Limit", "integer", "most connections; absent = the default zone's", 10000),
    ),
    *of_types(
        ELSEWHERE,
        Key("Name", "string", "`hostname` of its external_ids, else `system-id`, else the row's UUID", "compute-2"),
        Key("Type", "string", "`ovsswitch`", "ovsswitch"),
        Key("UUID", "string", "UUID of the row", "dbf994e5-7625-4ff6-805b-e8c02b2ee9a7"),
    ),
    *of_types(
        (*ELSEWHERE, *BRIDGE, *PORT, *INTERFACES),
        Key("Probe", "string", "`ovsdb`, of what belongs to another host's switch", "ovsdb"),
    ),
    Key("ExtID", "object", "external_ids of the switch", {"system-id": "6b1d…"}, ("openvswitch",)),
    Key("ExtID.*", "string", "one external id", "6b1d8a3e-5a3e-4a37-8d6c-1f0f8f1d5a11", ("openvswitch",)),
)
_BRIDGE = of_types(
    BRIDGE,
    Key("Name", "string", "name of the bridge", "br-int"),
    Key("Type", "string", "`ovsbridge`", "ovsbridge"),
    Key("Ovs.Protocols", "list of string", "OpenFlow versions", ["OpenFlow13", "OpenFlow15"]),
    Key("Ovs.DatapathType", "string", "`system` or `netdev`; absent = system", "netdev"),
    Key("Ovs.DatapathVersion", "string", "version of the kernel's datapath, `<built-in>` in userspace", "2.17.0"),
    Key("Ovs.DatapathID", "string", "OpenFlow datapath id", "0000fa163ef87aca"),
    Key("Ovs.FailMode", "string", "what happens without a controller", "secure"),
    Key("Ovs.STP", "boolean", "whether it runs STP; absent = no", True),
    Key("Ovs.RSTP", "boolean", "whether it runs RSTP; absent = no", True),
    Key("Ovs.McastSnooping", "boolean", "whether it snoops multicast; absent = no", True),
    Key("Ovs.Mirrors", "list of object", "mirrors, by name", [{"Name": "span0", "OutputPort": "mon0"}]),
    Key("Ovs.Mirrors.Name", "string", "name of the mirror", "span0"),
    Key("Ovs.Mirrors.SelectAll", "boolean", "whether it copies every packet; absent = no", True),
    Key("Ovs.Mirrors.SelectSrcPorts", "list of string", "ports of which it copies what they receive", ["tap1f2e"]),
    Key("Ovs.Mirrors.SelectDstPorts", "list of string", "ports of which it copies what they send", ["tap1f2e"]),
    Key("Ovs.Mirrors.SelectVlans", "list of integer", "VLANs that it copies; absent = all", [7]),
    Key("Ovs.Mirrors.OutputPort", "string", "port to which the copies go", "mon0"),
    Key("Ovs.Mirrors.OutputVlan", "integer", "VLAN in which the copies go", 99),
    Key("Ovs.Mirrors.Snaplen", "integer", "length to which copies are cut; absent = not", 128, unit="B"),
    Key("Ovs.Controllers", "list of object", "OpenFlow controllers", [{"Target": "tcp:192.0.2.1", "Connected": True}]),
    Key("Ovs.Controllers.Target", "string", "where it is", "tcp:192.0.2.1:6653"),
    Key("Ovs.Controllers.Connected", "boolean", "whether the switch is connected to it", True),
    Key("Ovs.Controllers.Role", "string", "`master slave other`; absent while not connected", "master"),
    Key("Ovs.Controllers.ConnectionMode", "string", "`in-band` or `out-of-band`", "out-of-band"),
    Key("Ovs.SFlow", "object", "sFlow that the bridge sends", {"Targets": ["192.0.2.1:6343"], "Sampling": 64}),
    Key("Ovs.SFlow.Targets", "list of string", "collectors", ["192.0.2.1:6343"]),
    Key("Ovs.SFlow.Agent", "string", "interface or address that names the agent", "eth0"),
    Key("Ovs.SFlow.Sampling", "integer", "one packet of how many is sampled", 64),
    Key("Ovs.SFlow.Polling", "integer", "between two reports of counters", 10, unit="s"),
    Key("Ovs.SFlow.Header", "integer", "of a packet that is sent", 128, unit="B"),
    Key("Ovs.NetFlow", "object", "NetFlow that the bridge sends", {"Targets": ["192.0.2.1:2055"]}),
    Key("Ovs.NetFlow.Targets", "list of string", "collectors", ["192.0.2.1:2055"]),
    Key("Ovs.NetFlow.ActiveTimeout", "integer", "between reports of a flow; absent = default, -1 = none", 60, unit="s"),
    Key("Ovs.NetFlow.EngineID", "integer", "engine id in its packets", 1),
    Key("Ovs.NetFlow.EngineType", "integer", "engine type in its packets", 0),
    Key("Ovs.IPFIX", "object", "IPFIX that the bridge sends", {"Targets": ["192.0.2.1:4739"]}),
    Key("Ovs.IPFIX.Targets", "list of string", "collectors", ["192.0.2.1:4739"]),
    Key("Ovs.IPFIX.Sampling", "integer", "one packet of how many is sampled", 64),
    Key("Ovs.IPFIX.DomainID", "integer", "observation domain", 123),
    Key("Ovs.IPFIX.PointID", "integer", "observation point", 456),
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
    Key("Ovs.CVLANs", "list of integer", "customer VLANs of a `dot1q-tunnel` port; absent = all", [10, 20]),
    Key("Ovs.BondUpDelay", "integer", "until a member's link counts as up; absent = 0", 500, unit="ms"),
    Key("Ovs.BondDownDelay", "integer", "until a member's link counts as down; absent = 0", 500, unit="ms"),
    Key("Ovs.BondFakeIface", "boolean", "whether the bond looks like one interface; absent = no", True),
    Key("Ovs.QoS", "object", "traffic control", {"Type": "linux-htb", "OtherConfig": {"max-rate": "1000000"}}),
    Key("Ovs.QoS.Type", "string", "discipline", "linux-htb"),
    Key("Ovs.QoS.OtherConfig", "object", "settings of the discipline", {"max-rate": "1000000"}),
    Key("Ovs.QoS.OtherConfig.*", "string", "one setting", "1000000"),
    Key("Ovs.QoS.Queues", "list of object", "queues, by number", [{"ID": 0, "OtherConfig": {"min-rate": "1000"}}]),
    Key("Ovs.QoS.Queues.ID", "integer", "number of the queue", 0),
    Key("Ovs.QoS.Queues.DSCP", "integer", "DSCP that its packets get", 46),
    Key("Ovs.QoS.Queues.OtherConfig", "object", "settings of the queue", {"min-rate": "1000"}),
    Key("Ovs.QoS.Queues.OtherConfig.*", "string", "one setting", "1000"),
    Key("Ovs.Status", "object", "what STP says of the port", {"stp_state": "forwarding", "stp_role": "root"}),
    Key("Ovs.Status.*", "string", "one member, as Open vSwitch names it", "forwarding"),
    Key("Ovs.RSTPStatus", "object", "what RSTP says of the port", {"rstp_port_role": "Designated"}),
    Key("Ovs.RSTPStatus.*", "string", "one member, as Open vSwitch names it", "Designated"),
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
    Key("Ovs.BFD", "object", "settings of BFD (RFC 5880)", {"enable": "true", "min_rx": "500"}),
    Key("Ovs.BFD.*", "string", "one setting", "true"),
    Key("Ovs.BFDStatus", "object", "what BFD sees", {"state": "up", "forwarding": "true"}),
    Key("Ovs.BFDStatus.*", "string", "one member, as Open vSwitch names it", "up"),
    Key("Ovs.CFM", "object", "connectivity fault management (IEEE 802.1ag)", {"MPID": 1, "Fault": False}),
    Key("Ovs.CFM.MPID", "integer", "end point of this interface", 1),
    Key("Ovs.CFM.RemoteMPIDs", "list of integer", "end points that it hears", [2]),
    Key("Ovs.CFM.Fault", "boolean", "whether there is a fault", False),
    Key("Ovs.CFM.FaultStatus", "list of string", "`recv rdi maid loopback overflow override interval`", ["recv"]),
    Key("Ovs.CFM.FlapCount", "integer", "how often the fault came or went", 3),
    Key("Ovs.CFM.Health", "integer", "heartbeats that came, of those expected", 100, unit="%"),
    Key("Ovs.CFM.RemoteOpState", "string", "`up` or `down`", "up"),
    Key("Ovs.LACPCurrent", "boolean", "whether LACP hears the partner; absent without LACP", True),
    Key("Ovs.IngressPolicing", "object", "limits on what it receives", {"Rate": 1000, "Burst": 100}),
    Key("Ovs.IngressPolicing.Rate", "integer", "rate", 1000, unit="kb/s"),
    Key("Ovs.IngressPolicing.Burst", "integer", "burst; absent = default", 100, unit="kb"),
    Key("Ovs.IngressPolicing.KpktsRate", "integer", "rate in packets", 10, unit="kpackets/s"),
    Key("Ovs.IngressPolicing.KpktsBurst", "integer", "burst in packets", 1, unit="kpackets"),
)
_OWN_INTERFACE = of_types(
    ("internal", *OWN_INTERFACES),
    Key("Name", "string", "name of the interface", "patch-int"),
    Key("Driver", "string", "driver, as OVSDB tells it", "openvswitch"),
    Key("MAC", "string", "link-layer address", "02:00:00:00:00:01"),
    Key("MTU", "integer", "longest packet, link header not counted", 1500, unit="B"),
    Key("State", "string", "state of the link, in upper case; `DOWN` while its device is missing", "UP"),
    Key("AdminState", "string", "whether it is switched on: `UP` or `DOWN`", "UP"),
    Key("Speed", "integer", "rate of the link", 10000, unit="Mb/s"),
    Key("Duplex", "string", "`full` or `half`", "full"),
)

_FACTS = (
    *of_types(
        ("internal", *OWN_INTERFACES),
        Key("Ovs.Status", "object", "what the port tells of itself", {"driver_name": "net_ice", "numa_id": "0"}),
        Key("Ovs.Status.*", "string", "one member, as Open vSwitch names it", "net_ice"),
    ),
    *of_types(
        DPDK,
        Key("NumaNode", "integer", "NUMA node of the device", 0),
        Key("BusInfo", "string", "where the hardware is", "0000:01:00.0"),
        Key("Channels", "object", "queues of the device", {"RX": 2, "TX": 5}),
        Key("Channels.RX", "integer", "queues that only receive", 2),
        Key("Channels.TX", "integer", "queues that only send", 5),
    ),
)

KEYS = written_by(
    "ovsdb",
    *_ROW,
    *_SWITCH,
    *_BRIDGE,
    *_PORT,
    *_INTERFACE,
    *_OWN_INTERFACE,
    *_FACTS,
    Key("RelationType", "string", "`ownership`: of a bridge; `layer2`: bridge, port, interface", "layer2", on="edge"),
    Key("Type", "string", "`patch` between two patch ports", "patch", on="edge"),
)

_THREADS = (
    ("PmdPackets", "packets", "packets received"),
    ("PmdRecirculations", "packets", "packets that went through the datapath once more"),
    ("PmdPhwolHits", "packets", "packets that the hardware had classified"),
    ("PmdSimpleMatchHits", "packets", "packets found by port and MAC alone"),
    ("PmdEmcHits", "packets", "packets found in the exact match cache"),
    ("PmdSmcHits", "packets", "packets found in the signature match cache"),
    ("PmdMegaflowHits", "packets", "packets found in the table of megaflows"),
    ("PmdUpcalls", "packets", "packets that OpenFlow rules were looked up for"),
    ("PmdUpcallFailures", "packets", "packets lost at that"),
    ("PmdIdleCycles", "cycles", "cycles spent polling in vain"),
    ("PmdBusyCycles", "cycles", "cycles spent on packets"),
)
METRICS = tuple(
    Field(name, "integer", f"{says}, by the userspace datapath of a host's Open vSwitch, in the interval", 42, unit)
    for name, unit, says in _THREADS
)

LOOKS = (
    *looks_like("bridge", (*ELSEWHERE, *BRIDGE)),
    *looks_like("port", (*PORT, "patch")),
    *looks_like("tunnel", TUNNELS),
)
