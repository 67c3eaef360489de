# SPDX-License-Identifier: Apache-2.0
"""Keys of what an OpenStack cloud says: on interfaces that are its ports, on namespaces that it made."""

from netsonde.model.keys import Key, of_types, written_by

_PORT = "bd32bbfb-89b6-4d78-a02d-345b2c6af886"
_NETWORK = "444cd490-882b-4d60-aac7-10f7eaf5c513"
_SUBNET = "29f91934-1f5b-4d4a-aa5c-d6a4ddd6495c"
_ROUTER = "6cc4bce4-79b5-47d9-a49a-2515d7e047b9"
_GROUP = "4fd9d59a-94bc-456e-980a-ca936f34e401"
_FLOATING = "2ab6e6e6-28d1-4cf5-b46d-f71d2a455dbc"
_MACHINE = "8a566101-8736-4522-bbad-29951893d152"
_PROJECT = "262a5aec3f6040b796cd7c03f191c025"
_MAC = "fa:16:3e:f8:7a:ca"
_INTERFACES = ("tuntap", "internal", "veth", "device", "macvtap")
"""The usual types of interfaces behind ports."""

KEYS = written_by(
    "openstack",
    Key("Manager", "string", "`neutron`: OpenStack made it, or it is a port there", "neutron"),
    Key("Neutron", "object", "what OpenStack says of it", {"PortID": _PORT, "NetworkName": "web-net"}),
    Key("Neutron.Cloud", "string", "name of the cloud in the settings", "berlin"),
    Key("Neutron.TenantID", "string", "id of the project; of a router's outside the router's", _PROJECT),
    Key("Neutron.TenantName", "string", "name of the project, if the account may see it", "shop"),
    Key("Neutron.NetworkID", "string", "id of the network", _NETWORK),
    Key("Neutron.NetworkName", "string", "name of the network", "web-net"),
    Key("Neutron.NetworkType", "string", "`vxlan geneve gre vlan flat local`; administrators see it", "vxlan"),
    Key("Neutron.PhysicalNetwork", "string", "physical network of a `vlan` or `flat` one", "extern"),
    Key("Neutron.VNI", "integer", "virtual network identifier, of `vxlan geneve gre`", 7795),
    Key("Neutron.VLAN", "integer", "VLAN of a `vlan` network outside the hosts' bridges", 142),
    Key("Neutron.External", "boolean", "whether routers lead out through the network", False),
    Key("Neutron.MTU", "integer", "longest packet of the network, link header not counted", 1450, unit="B"),
    Key("Neutron.SubnetID", "list of string", "ids of its subnets; of a port those of its addresses", [_SUBNET]),
    Key("Neutron.Subnets", "list of object", "these subnets", [{"ID": _SUBNET, "CIDR": "10.77.0.0/24"}]),
    Key("Neutron.Subnets.ID", "string", "id of the subnet", _SUBNET),
    Key("Neutron.Subnets.Name", "string", "name of the subnet", "web-subnet"),
    Key("Neutron.Subnets.CIDR", "string", "its addresses", "10.77.0.0/24"),
    Key("Neutron.Subnets.Gateway", "string", "its gateway", "10.77.0.1"),
    Key("Neutron.Subnets.DHCP", "boolean", "whether OpenStack gives addresses by DHCP", True),
    Key("Neutron.RouterID", "string", "id of the router whose port or namespace it is", _ROUTER),
    Key("Neutron.RouterName", "string", "name of that router", "web-router"),
    Key("Neutron.Status", "string", "`ACTIVE DOWN BUILD ERROR`, of a port or router", "ACTIVE"),
    *of_types(
        ("netns",),
        Key("Neutron.Gateway", "object", "the router's way out", {"NetworkName": "public", "SNAT": True}),
        Key("Neutron.Gateway.NetworkID", "string", "id of the external network", _NETWORK),
        Key("Neutron.Gateway.NetworkName", "string", "name of the external network", "public"),
        Key("Neutron.Gateway.SNAT", "boolean", "whether it translates the addresses of all who leave", True),
        Key("Neutron.Gateway.IPV4", "list of string", "its IPv4 addresses outside", ["203.0.113.115/24"]),
        Key("Neutron.Gateway.IPV6", "list of string", "its IPv6 addresses outside", ["2001:db8::15/64"]),
    ),
    *of_types(
        _INTERFACES,
        Key("Neutron.PortID", "string", "id of the port", _PORT),
        Key("Neutron.PortName", "string", "name of the port", "web-1-eth0"),
        Key("Neutron.MAC", "string", "MAC of the port: of the guest, not of the tap", _MAC),
        Key(
            "Neutron.IPV4", "list of string", "its IPv4 addresses, with prefix if the subnet is seen", ["10.77.0.5/24"]
        ),
        Key(
            "Neutron.IPV6",
            "list of string",
            "its IPv6 addresses, with prefix if the subnet is seen",
            ["2001:db8::5/64"],
        ),
        Key("Neutron.SecurityGroups", "list of object", "its security groups", [{"ID": _GROUP, "Name": "web"}]),
        Key("Neutron.SecurityGroups.ID", "string", "id of the group", _GROUP),
        Key("Neutron.SecurityGroups.Name", "string", "name of the group", "web"),
        Key("Neutron.PortSecurity", "boolean", "whether addresses that are not its own are dropped", True),
        Key("Neutron.FloatingIPs", "list of object", "floating IPs that lead to it", [{"Address": "203.0.113.48"}]),
        Key("Neutron.FloatingIPs.ID", "string", "id of the floating IP", _FLOATING),
        Key("Neutron.FloatingIPs.Address", "string", "the floating IP", "203.0.113.48"),
        Key("Neutron.FloatingIPs.FixedAddress", "string", "address of the port that it leads to", "10.77.0.5"),
        Key("Neutron.FloatingIPs.RouterID", "string", "router that translates it", _ROUTER),
        Key("Neutron.FloatingIPs.Status", "string", "`ACTIVE DOWN ERROR`", "ACTIVE"),
        Key("Neutron.DeviceOwner", "string", "what sort of thing the port belongs to", "compute:nova"),
        Key("Neutron.DeviceID", "string", "id of that thing: machine, router, or DHCP agent and network", _MACHINE),
        Key("Neutron.Host", "string", "host that the port is bound to; administrators see it", "compute-1"),
        Key("Neutron.VIFType", "string", "how the host plugs it; administrators see it", "ovs"),
        Key("Neutron.VNICType", "string", "`normal direct macvtap …`", "normal"),
        Key("Neutron.AdminUp", "boolean", "whether its owner has it switched on", True),
        Key("VM", "object", "machine behind it, where no probe knows it", {"UUID": _MACHINE}),
        Key("VM.UUID", "string", "UUID of that machine, in lower case", _MACHINE),
        Key("ExtID", "object", "as os-vif writes it, on taps that are not in Open vSwitch", {"vm-uuid": _MACHINE}),
        Key("ExtID.vm-uuid", "string", "UUID of the machine behind it", _MACHINE),
        Key("ExtID.attached-mac", "string", "MAC of the port", _MAC),
        Key("PeerIntfMAC", "string", "MAC of the guest's card behind it", _MAC),
    ),
)
