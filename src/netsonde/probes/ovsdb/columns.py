# SPDX-License-Identifier: Apache-2.0
"""Which columns of Open vSwitch's database are followed. Source: ovs-vswitchd.conf.db(5)."""

from collections.abc import Mapping
from typing import Final, TypeAlias

Columns: TypeAlias = Mapping[str, tuple[str, ...]]
"""Columns by table."""

SHOWN: Final[Columns] = {
    "Open_vSwitch": (
        "db_version",
        "external_ids",
        "other_config",
        "ovs_version",
        "datapath_types",
        "iface_types",
        "dpdk_initialized",
        "dpdk_version",
        "system_type",
        "system_version",
        "manager_options",
        "datapaths",
    ),
    "Bridge": (
        "name",
        "ports",
        "external_ids",
        "other_config",
        "protocols",
        "datapath_type",
        "datapath_version",
        "datapath_id",
        "fail_mode",
        "stp_enable",
        "rstp_enable",
        "mcast_snooping_enable",
        "mirrors",
        "controller",
        "sflow",
        "netflow",
        "ipfix",
    ),
    "Port": (
        "name",
        "interfaces",
        "external_ids",
        "other_config",
        "tag",
        "trunks",
        "cvlans",
        "vlan_mode",
        "bond_mode",
        "bond_active_slave",
        "bond_updelay",
        "bond_downdelay",
        "bond_fake_iface",
        "lacp",
        "protected",
        "qos",
        "status",
        "rstp_status",
    ),
    "Interface": (
        "name",
        "type",
        "external_ids",
        "other_config",
        "options",
        "status",
        "ofport",
        "ifindex",
        "mac_in_use",
        "mtu",
        "admin_state",
        "link_state",
        "link_speed",
        "duplex",
        "error",
        "bfd",
        "bfd_status",
        "cfm_mpid",
        "cfm_remote_mpids",
        "cfm_fault",
        "cfm_fault_status",
        "cfm_flap_count",
        "cfm_health",
        "cfm_remote_opstate",
        "lacp_current",
        "ingress_policing_rate",
        "ingress_policing_burst",
        "ingress_policing_kpkts_rate",
        "ingress_policing_kpkts_burst",
    ),
}
"""Tables whose rows are nodes or notes on nodes."""

HANGING: Final[Columns] = {
    "QoS": ("type", "other_config", "queues"),
    "Queue": ("dscp", "other_config"),
    "Mirror": (
        "name",
        "select_all",
        "select_src_port",
        "select_dst_port",
        "select_vlan",
        "output_port",
        "output_vlan",
        "snaplen",
    ),
    "Controller": ("target", "is_connected", "role", "connection_mode"),
    "sFlow": ("targets", "agent", "sampling", "polling", "header"),
    "NetFlow": ("targets", "active_timeout", "engine_id", "engine_type"),
    "IPFIX": ("targets", "sampling", "obs_domain_id", "obs_point_id"),
    "Manager": ("target", "connection_mode", "inactivity_probe", "max_backoff", "is_connected", "status"),
    "Datapath": ("datapath_version", "capabilities", "ct_zones"),
    "CT_Zone": ("timeout_policy", "limit"),
    "CT_Timeout_Policy": ("timeouts",),
}
"""Tables whose rows are told on the nodes of ports, bridges and the host that refer to them."""

REFERENCES: Final[Columns] = {
    "Open_vSwitch": ("manager_options", "datapaths"),
    "Datapath": ("ct_zones",),
    "CT_Zone": ("timeout_policy",),
    "Bridge": ("mirrors", "controller", "sflow", "netflow", "ipfix"),
    "Port": ("qos",),
    "QoS": ("queues",),
}
"""Columns that refer to hanging rows."""

STATISTICS: Final[Columns] = {"Interface": ("statistics",)}
"""Followed apart from the others."""

WANTED: Final[Columns] = {**SHOWN, **HANGING}
"""Columns followed; not those that change by themselves: counters, and Controller's `status`, which tells the time.
Manager's does too, every 2.5 s, but nothing else has the reason why a manager is not connected."""
