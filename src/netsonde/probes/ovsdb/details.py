# SPDX-License-Identifier: Apache-2.0
"""What is told in parts: rows that hang on a port or bridge, and columns of an interface that belong together. Pure.

A reference to a row that is not known tells nothing. A number that must be there and is 0, its default, does not come
with a new row, and is not told. Source: ovs-vswitchd.conf.db(5).
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from netsonde.model.elements import Json, Metadata
from netsonde.probes.ovsdb.monitor import Row
from netsonde.probes.ovsdb.rows import compact, copied, flag, mapping, members, number, numbers, set_flag, text

Tables: TypeAlias = Mapping[str, Mapping[str, Row]]
"""Rows by table and UUID."""

RESTLESS: Final = frozenset({"stp_sec_in_state"})
"""Members of a port's `status` that change by themselves."""

_STEADY: Final = {"CONNECTING": "BACKOFF", "IDLE": "ACTIVE"}
"""States of a manager that alternate by themselves, every few seconds: with each attempt, with each probe."""

_DIGITS = re.compile(r"[0-9]{1,10}")
_PCI = re.compile(r"(?:pci:)?((?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])")
"""An address on the PCI bus, as `dpdk-devargs` begins with; other devices have no such place."""


def qos(port: Row, tables: Tables) -> Metadata:
    """Return the traffic control of a port; its queues by number."""
    row = tables.get("QoS", {}).get(text(port, "qos"))
    if row is None:
        return {}
    return compact(
        Type=text(row, "type"),
        OtherConfig=copied(mapping(row, "other_config")),
        Queues=_queues(mapping(row, "queues"), tables.get("Queue", {})),
    )


def _queues(found: dict[str, str], rows: Mapping[str, Row]) -> list[Json]:
    numbered = {_whole(queue): rows[uuid] for queue, uuid in found.items() if uuid in rows}
    return [
        compact(ID=queue, DSCP=number(row, "dscp"), OtherConfig=copied(mapping(row, "other_config")))
        for queue, row in sorted(numbered.items(), key=lambda item: item[0] or 0)
        if queue is not None
    ]


def mirrors(bridge: Row, tables: Tables) -> list[Json]:
    """Return the mirrors of a bridge, by name; ports of theirs are told by name too."""
    rows = tables.get("Mirror", {})
    found = [rows[uuid] for uuid in members(bridge, "mirrors") if uuid in rows]
    return [_mirror(row, tables.get("Port", {})) for row in sorted(found, key=lambda row: text(row, "name"))]


def _mirror(row: Row, ports: Mapping[str, Row]) -> Metadata:
    def names(column: str) -> list[Json]:
        return [*sorted(text(ports[uuid], "name") for uuid in members(row, column) if uuid in ports)]

    return compact(
        Name=text(row, "name"),
        SelectAll=flag(row, "select_all") or None,
        SelectSrcPorts=names("select_src_port"),
        SelectDstPorts=names("select_dst_port"),
        SelectVlans=numbers(row, "select_vlan"),
        OutputPort="".join(map(str, names("output_port"))),
        OutputVlan=number(row, "output_vlan"),
        Snaplen=number(row, "snaplen"),
    )


def controllers(bridge: Row, tables: Tables) -> list[Json]:
    """Return the OpenFlow controllers of a bridge, by target."""
    rows = tables.get("Controller", {})
    found = [rows[uuid] for uuid in members(bridge, "controller") if uuid in rows]
    return [
        compact(
            Target=text(row, "target"),
            Connected=flag(row, "is_connected"),
            Role=text(row, "role"),
            ConnectionMode=text(row, "connection_mode"),
        )
        for row in sorted(found, key=lambda row: text(row, "target"))
    ]


def managers(system: Row, tables: Tables) -> list[Json]:
    """Return what may configure the switch through its database, by target."""
    rows = tables.get("Manager", {})
    found = [rows[uuid] for uuid in members(system, "manager_options") if uuid in rows]
    return [_manager(row) for row in sorted(found, key=lambda row: text(row, "target"))]


def _manager(row: Row) -> Metadata:
    status = mapping(row, "status")
    return compact(
        Target=text(row, "target"),
        Connected=flag(row, "is_connected"),
        ConnectionMode=text(row, "connection_mode"),
        InactivityProbe=number(row, "inactivity_probe"),
        MaxBackoff=number(row, "max_backoff"),
        State=_STEADY.get(status.get("state", ""), status.get("state", "")),
        LastError=status.get("last_error", ""),
        BoundPort=_whole(status.get("bound_port", "")),
        Connections=_whole(status.get("n_connections", "")),
    )


def datapaths(system: Row, tables: Tables) -> list[Json]:
    """Return the datapaths that were configured, by type."""
    rows = tables.get("Datapath", {})
    found = [(kind, rows[uuid]) for kind, uuid in sorted(mapping(system, "datapaths").items()) if uuid in rows]
    return [
        compact(
            Type=kind,
            Version=text(row, "datapath_version"),
            Capabilities=copied(mapping(row, "capabilities")),
            Zones=_zones(mapping(row, "ct_zones"), tables),
        )
        for kind, row in found
    ]


def _zones(found: dict[str, str], tables: Tables) -> list[Json]:
    rows, policies = tables.get("CT_Zone", {}), tables.get("CT_Timeout_Policy", {})
    numbered = {_whole(zone): rows[uuid] for zone, uuid in found.items() if uuid in rows}
    return [
        compact(
            ID=zone,
            Timeouts=copied(mapping(policies.get(text(row, "timeout_policy"), {}), "timeouts")),
            Limit=number(row, "limit"),
        )
        for zone, row in sorted(numbered.items(), key=lambda item: item[0] or 0)
        if zone is not None
    ]


def sflow(bridge: Row, tables: Tables) -> Metadata:
    row = tables.get("sFlow", {}).get(text(bridge, "sflow"))
    if row is None:
        return {}
    return compact(
        Targets=_targets(row),
        Agent=text(row, "agent"),
        Sampling=number(row, "sampling"),
        Polling=number(row, "polling"),
        Header=number(row, "header"),
    )


def netflow(bridge: Row, tables: Tables) -> Metadata:
    row = tables.get("NetFlow", {}).get(text(bridge, "netflow"))
    if row is None:
        return {}
    return compact(
        Targets=_targets(row),
        ActiveTimeout=number(row, "active_timeout") or None,
        EngineID=number(row, "engine_id"),
        EngineType=number(row, "engine_type"),
    )


def ipfix(bridge: Row, tables: Tables) -> Metadata:
    row = tables.get("IPFIX", {}).get(text(bridge, "ipfix"))
    if row is None:
        return {}
    return compact(
        Targets=_targets(row),
        Sampling=number(row, "sampling"),
        DomainID=number(row, "obs_domain_id"),
        PointID=number(row, "obs_point_id"),
    )


def _targets(row: Row) -> list[Json]:
    return [*sorted(members(row, "targets"))]


def port_status(row: Row) -> Metadata:
    """Return what STP says of a port."""
    return {key: value for key, value in mapping(row, "status").items() if key not in RESTLESS}


def cfm(row: Row) -> Metadata:
    """Return connectivity fault management (IEEE 802.1ag) of an interface, {} where it is not configured."""
    mpid = number(row, "cfm_mpid")
    if mpid is None:
        return {}
    return compact(
        MPID=mpid,
        RemoteMPIDs=numbers(row, "cfm_remote_mpids"),
        Fault=set_flag(row, "cfm_fault"),
        FaultStatus=[*sorted(members(row, "cfm_fault_status"))],
        FlapCount=number(row, "cfm_flap_count"),
        Health=number(row, "cfm_health"),
        RemoteOpState=text(row, "cfm_remote_opstate"),
    )


def ingress_policing(row: Row) -> Metadata:
    """Return the limits on what an interface receives; 0 is none, and is not told."""
    columns = {
        "Rate": "ingress_policing_rate",
        "Burst": "ingress_policing_burst",
        "KpktsRate": "ingress_policing_kpkts_rate",
        "KpktsBurst": "ingress_policing_kpkts_burst",
    }
    return {key: value for key, column in columns.items() if (value := number(row, column))}


def hardware(row: Row) -> Metadata:
    """Return what a DPDK or vhost-user port tells of its device and queues, in words of their own or of the kernel's.

    The rest of `status` stays in `Ovs.Status`, verbatim.
    """
    status, options = mapping(row, "status"), mapping(row, "options")
    address = _PCI.fullmatch(options.get("dpdk-devargs", "").partition(",")[0])
    channels = compact(RX=_count(status, "n_rxq"), TX=_count(status, "n_txq"))
    return compact(
        NumaNode=_count(status, "numa_id", "numa"),
        BusInfo=address[1] if address else "",
        Channels=channels,
    )


def _count(status: dict[str, str], *names: str) -> int | None:
    """Return the first of these members that is a number; -1 is DPDK's word for "unknown"."""
    found = (_whole(status.get(name, "")) for name in names)
    return next((value for value in found if value is not None), None)


def _whole(value: str) -> int | None:
    """Return a number of 32 bits that is written in digits."""
    return int(value) if _DIGITS.fullmatch(value) else None
