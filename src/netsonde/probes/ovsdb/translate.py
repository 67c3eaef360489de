# SPDX-License-Identifier: Apache-2.0
"""Rows of Open vSwitch as metadata. Pure.

Writes: the keys of docs/reference/topology.md, section "Open vSwitch"; a column that is empty has no key, so what
is removed from the database is gone from the node.
"""

from collections.abc import Sequence

from netsonde.model.elements import Json, Metadata
from netsonde.probes.ovsdb.details import (
    Tables,
    cfm,
    controllers,
    datapaths,
    hardware,
    ingress_policing,
    ipfix,
    managers,
    mirrors,
    netflow,
    port_status,
    qos,
    sflow,
)
from netsonde.probes.ovsdb.monitor import Row
from netsonde.probes.ovsdb.rows import (
    compact,
    copied,
    flag,
    has_netdev,
    mapping,
    members,
    number,
    numbers,
    set_flag,
    text,
)


def system_metadata(row: Row, tables: Tables, threads: Sequence[Json] = ()) -> Metadata:
    """Return the `Ovs` object of the host node: the switch itself; `threads` are those that poll."""
    datapath_types: list[Json] = [*sorted(members(row, "datapath_types"))]
    interface_types: list[Json] = [*sorted(members(row, "iface_types"))]
    ovs = compact(
        Version=text(row, "ovs_version"),
        DBVersion=text(row, "db_version"),
        OtherConfig=copied(mapping(row, "other_config")),
        ExtID=copied(mapping(row, "external_ids")),
        DatapathTypes=datapath_types,
        InterfaceTypes=interface_types,
        DPDK=flag(row, "dpdk_initialized") or None,
        DPDKVersion=text(row, "dpdk_version"),
        Managers=managers(row, tables),
        Datapaths=datapaths(row, tables),
        PMDs=[*threads],
    )
    return compact(Ovs=ovs)


def _mac(row: Row) -> str:
    """Return the address in use, "" for the zeros of a vhost-user port, whose guest has it."""
    mac = text(row, "mac_in_use")
    return "" if mac == "00:00:00:00:00:00" else mac


def elsewhere_metadata(uuid: str, row: Row, tables: Tables) -> Metadata:
    """Return the node of a switch that is another host's."""
    ids = mapping(row, "external_ids")
    name = ids.get("hostname") or ids.get("system-id") or uuid
    return {**system_metadata(row, tables), **compact(Name=name, Type="ovsswitch", UUID=uuid)}


def datapath_metadata(row: Row) -> Metadata:
    """Return the keys of the kernel's `ovs-system` device, as the reference has them."""
    ovs = compact(
        Version=text(row, "ovs_version"),
        DBVersion=text(row, "db_version"),
        OtherConfig=copied(mapping(row, "other_config")),
    )
    return compact(Ovs=ovs, ExtID=copied(mapping(row, "external_ids")))


def bridge_metadata(uuid: str, row: Row, tables: Tables) -> Metadata:
    protocols: list[Json] = [*sorted(members(row, "protocols"))]
    ovs = compact(
        OtherConfig=copied(mapping(row, "other_config")),
        Protocols=protocols,
        DatapathType=text(row, "datapath_type"),
        DatapathVersion=_version(row),
        DatapathID=text(row, "datapath_id"),
        FailMode=text(row, "fail_mode"),
        STP=flag(row, "stp_enable") or None,
        RSTP=flag(row, "rstp_enable") or None,
        McastSnooping=flag(row, "mcast_snooping_enable") or None,
        Mirrors=mirrors(row, tables),
        Controllers=controllers(row, tables),
        SFlow=sflow(row, tables),
        NetFlow=netflow(row, tables),
        IPFIX=ipfix(row, tables),
    )
    return compact(
        Name=text(row, "name") or uuid,
        Type="ovsbridge",
        UUID=uuid,
        ExtID=copied(mapping(row, "external_ids")),
        Ovs=ovs,
    )


def _version(bridge: Row) -> str:
    """Return the version of a bridge's datapath, "" where the kernel does not tell."""
    version = text(bridge, "datapath_version")
    return "" if version == "<unknown>" else version


def port_metadata(uuid: str, row: Row, tables: Tables) -> Metadata:
    return compact(
        Name=text(row, "name") or uuid,
        Type="ovsport",
        UUID=uuid,
        Vlans=number(row, "tag"),
        Trunks=numbers(row, "trunks"),
        VlanMode=text(row, "vlan_mode"),
        BondMode=text(row, "bond_mode"),
        BondActiveSlave=text(row, "bond_active_slave"),
        LACP=text(row, "lacp"),
        Protected=flag(row, "protected") or None,
        ExtID=copied(mapping(row, "external_ids")),
        Ovs=compact(
            OtherConfig=copied(mapping(row, "other_config")),
            CVLANs=numbers(row, "cvlans"),
            BondUpDelay=number(row, "bond_updelay") or None,
            BondDownDelay=number(row, "bond_downdelay") or None,
            BondFakeIface=flag(row, "bond_fake_iface") or None,
            QoS=qos(row, tables),
            Status=port_status(row),
            RSTPStatus=copied(mapping(row, "rstp_status")),
        ),
    )


def interface_note(uuid: str, row: Row) -> Metadata:
    """Return what OVSDB adds to the node of a network device.

    Its states, MAC and MTU are the kernel's to tell: of a port moved to a namespace OVSDB says it is down, without
    MAC, since ovs-vswitchd cannot see there.
    """
    options, status = mapping(row, "options"), mapping(row, "status")
    return compact(
        UUID=uuid,
        Type="internal" if text(row, "type") == "internal" else "",
        OfPort=number(row, "ofport"),
        ExtID=copied(mapping(row, "external_ids")),
        LocalIP=options.get("local_ip", ""),
        RemoteIP=options.get("remote_ip", ""),
        TunEgressIface=status.get("tunnel_egress_iface", ""),
        TunEgressIfaceCarrier=status.get("tunnel_egress_iface_carrier", ""),
        Ovs=compact(
            OtherConfig=copied(mapping(row, "other_config")),
            Options=copied(options),
            Error=text(row, "error"),
            Status={} if has_netdev(row) else copied(status),
            BFD=copied(mapping(row, "bfd")),
            BFDStatus=copied(mapping(row, "bfd_status")),
            CFM=cfm(row),
            LACPCurrent=set_flag(row, "lacp_current"),
            IngressPolicing=ingress_policing(row),
        ),
    )


def interface_metadata(uuid: str, row: Row, *, is_here: bool = True) -> Metadata:
    """Return the whole node of an interface that no network device of this host stands for.

    `is_here`: where the switch is another host's, what the database says of a device is all that is known of it.
    """
    netdev = is_here and has_netdev(row)
    return {
        **interface_note(uuid, row),
        **compact(
            Name=text(row, "name") or uuid,
            Type=text(row, "type") or "system",
            Driver=mapping(row, "status").get("driver_name", "") or "openvswitch",
            MAC="" if netdev else _mac(row),
            MTU=None if netdev else number(row, "mtu") or None,
            State="DOWN" if netdev else text(row, "link_state").upper(),
            AdminState="" if netdev else text(row, "admin_state").upper(),
            Duplex="" if netdev else text(row, "duplex"),
            Speed=None if netdev else (number(row, "link_speed") or 0) // 1_000_000 or None,
        ),
        **({} if has_netdev(row) else hardware(row)),
    }
