# SPDX-License-Identifier: Apache-2.0
"""Keys that the `lldp` probe writes."""

from netsonde.model.keys import Key, of_types, written_by
from netsonde.model.looks import Look

KEYS = written_by(
    "lldp",
    *of_types(
        ("switch", "switchport"),
        Key("Name", "string", "system name, else chassis id; of a port its description, else its id", "leaf-3"),
        Key("Type", "string", "`switch` or `switchport`", "switch"),
        Key("Probe", "string", "`lldp`", "lldp"),
        Key("LLDP", "object", "what it says of itself", {"ChassisID": "00:1c:73:aa:bb:cc", "SysName": "leaf-3"}),
        Key("LLDP.Description", "string", "description of system or port", "Ethernet7"),
    ),
    *of_types(
        ("switch",),
        Key("LLDP.ChassisID", "string", "chassis id", "00:1c:73:aa:bb:cc"),
        Key("LLDP.ChassisIDType", "string", "what the chassis id is", "MAC Address"),
        Key("LLDP.SysName", "string", "system name", "leaf-3"),
        Key("LLDP.MgmtAddress", "string", "first management address", "192.0.2.3"),
        Key("LLDP.MgmtAddresses", "list of string", "all management addresses", ["192.0.2.3", "2001:db8::3"]),
        Key("LLDP.Capabilities", "list of string", "what it can be", ["Bridge", "Router"]),
        Key("LLDP.EnabledCapabilities", "list of string", "what it is", ["Bridge"]),
        Key("LLDP.Inventory", "object", "inventory (LLDP-MED)", {"Manufacturer": "Example", "Model": "X7"}),
        Key("LLDP.Inventory.*", "string", "`HardwareRevision SerialNumber Model AssetID` and so on", "X7"),
    ),
    *of_types(
        ("switchport",),
        Key("MTU", "integer", "longest frame that it takes", 9214, unit="B"),
        Key("LLDP.PortID", "string", "port id", "Ethernet7"),
        Key("LLDP.PortIDType", "string", "what the port id is", "Interface Name"),
        Key("LLDP.PVID", "integer", "VLAN of untagged frames", 100),
        Key("LLDP.PPVIDs", "list of object", "port and protocol VLANs", [{"ID": 7, "Supported": True}]),
        Key("LLDP.PPVIDs.ID", "integer", "VLAN, 0 = none", 7),
        Key("LLDP.PPVIDs.Supported", "boolean", "whether it can", True),
        Key("LLDP.PPVIDs.Enabled", "boolean", "whether it does", False),
        Key("LLDP.VLANNames", "list of object", "names of VLANs", [{"ID": 100, "Name": "servers"}]),
        Key("LLDP.VLANNames.ID", "integer", "VLAN", 100),
        Key("LLDP.VLANNames.Name", "string", "its name", "servers"),
        Key("LLDP.VIDUsageDigest", "integer", "checksum of the VLANs in use", 3405691582),
        Key("LLDP.ManagementVID", "integer", "management VLAN", 10),
        Key("LLDP.LinkAggregation", "object", "aggregation of the link", {"Supported": True, "Enabled": True}),
        Key("LLDP.LinkAggregation.Supported", "boolean", "whether it can be aggregated", True),
        Key("LLDP.LinkAggregation.Enabled", "boolean", "whether it is", True),
        Key("LLDP.LinkAggregation.PortID", "integer", "ifindex of the aggregate", 1001),
        Key("LLDP.MACPHY", "object", "negotiation of the link", {"AutoNegotiationEnabled": True}),
        Key("LLDP.MACPHY.AutoNegotiationSupported", "boolean", "whether it can negotiate", True),
        Key("LLDP.MACPHY.AutoNegotiationEnabled", "boolean", "whether it does", True),
        Key("LLDP.MACPHY.OperationalMAUType", "integer", "medium (RFC 4836)", 30),
        Key("LLDP.Power", "object", "power over Ethernet", {"PSE": True, "Supported": True, "Enabled": True}),
        Key("LLDP.Power.PSE", "boolean", "whether it is a source of power", True),
        Key("LLDP.Power.Supported", "boolean", "whether it can", True),
        Key("LLDP.Power.Enabled", "boolean", "whether it does", True),
        Key("LLDP.Power.Class", "integer", "class of power, 0 to 4", 4),
        Key("LLDP.NetworkPolicies", "list of object", "policies (LLDP-MED)", [{"Application": 1, "VLAN": 100}]),
        Key("LLDP.NetworkPolicies.Application", "integer", "application, 1 = voice", 1),
        Key("LLDP.NetworkPolicies.Unknown", "boolean", "whether the policy is not known yet", False),
        Key("LLDP.NetworkPolicies.Tagged", "boolean", "whether its frames are tagged", True),
        Key("LLDP.NetworkPolicies.VLAN", "integer", "its VLAN", 100),
        Key("LLDP.NetworkPolicies.Priority", "integer", "its 802.1p priority", 5),
        Key("LLDP.NetworkPolicies.DSCP", "integer", "its DSCP", 46),
    ),
    Key(
        "RelationType",
        "string",
        "`ownership`, `layer2`: switch to port; `layer2`: port to interface",
        "layer2",
        on="edge",
    ),
)

LOOKS = (Look("switch", "bridge"), Look("switchport", "port"))
