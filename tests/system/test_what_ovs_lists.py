# SPDX-License-Identifier: Apache-2.0
"""Rows of Open vSwitch in the graph held against `ovs-vsctl list`, key by key, after each change."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from live_graph import LiveGraph, live_graph, name, settings
from netns_fixture import netns as netns
from netsonde.model.elements import Json, Metadata
from ovs_fixture import PrivateOvs
from ovs_fixture import ovs_in_netns as ovs_in_netns

pytestmark = pytest.mark.system

Rows: TypeAlias = dict[str, dict[str, Any]]
"""Rows by UUID."""

QOS_OF, QUEUE_OF = "qos-of:", "queue-of:"
OTHERS: Final = ("QoS", "Queue", "Mirror", "Controller", "sFlow", "NetFlow", "IPFIX")
PATIENCE: Final = 10.0
"""Seconds for the graph to follow, which takes it some milliseconds where the machine has time."""


@pytest.fixture
async def live(ovs: PrivateOvs, tmp_path: Path) -> AsyncIterator[LiveGraph]:
    async with live_graph(
        settings(tmp_path / "netns", ovsdb=ovs.address, probes=("netns", "netlink", "ovsdb"))
    ) as graph:
        yield graph


def commands() -> tuple[str, ...]:
    """Return changes of every sort that the probe follows, each one transaction."""
    one, two, access, trunk, left, right, vxlan, geneve, mirror, bond, first, second = (
        name(kind) for kind in ("b", "b", "a", "t", "l", "r", "v", "g", "m", "o", "f", "s")
    )
    return (
        f"add-br {one} -- set Bridge {one} datapath_type=netdev",
        f"add-br {two} -- set Bridge {two} datapath_type=netdev fail_mode=secure",
        f"add-port {one} {access} tag=7 -- set Interface {access} type=internal external_ids:iface-id=11",
        f"add-port {one} {trunk} trunks=10,20 vlan_mode=trunk -- set Interface {trunk} type=internal",
        f"add-port {one} {left} -- set Interface {left} type=patch options:peer={right}",
        f"add-port {two} {right} -- set Interface {right} type=patch options:peer={left}",
        f"add-port {two} {vxlan} -- set Interface {vxlan} type=vxlan options:remote_ip=192.0.2.9",
        f"set Interface {vxlan} options:local_ip=127.0.0.1",
        f"add-port {two} {geneve} -- set Interface {geneve} type=geneve options:remote_ip=flow options:csum=true",
        f"set Bridge {one} protocols=OpenFlow13,OpenFlow15 other_config:hwaddr=02:00:00:00:00:09 external_ids:a.b/c=1",
        f"set Port {access} tag=8 external_ids:vm-id=8a566101 other_config:priority-tags=true protected=true",
        f"set Interface {access} external_ids:vm-uuid=8a566101-8736 external_ids:iface-status=active",
        f"set Bridge {two} rstp_enable=true mcast_snooping_enable=true",
        f"set Interface {trunk} ingress_policing_rate=1000 ingress_policing_burst=100 cfm_mpid=7",
        f"set Interface {vxlan} bfd:enable=true bfd:min_tx=1000",
        f"set Port {access} qos=@q -- --id=@q create QoS type=linux-htb other_config:max-rate=1000000 queues=3=@three "
        "-- --id=@three create Queue dscp=46 other_config:min-rate=1000",
        f"set Port {trunk} qos={QOS_OF}{access}",
        f"set QoS {QOS_OF}{access} other_config:max-rate=2000000",
        f"set Queue {QUEUE_OF}{access} other_config:min-rate=2000 -- clear Queue {QUEUE_OF}{access} dscp",
        f"--id=@a get Port {access} -- --id=@o get Port {trunk} -- set Bridge {one} mirrors=@m -- "
        f"--id=@m create Mirror name={mirror} select_src_port=@a select_vlan=7,9 output_port=@o",
        f"set Mirror {mirror} select_all=true snaplen=128",
        f"set-controller {one} tcp:127.0.0.1:6 tcp:127.0.0.1:7",
        f'set Bridge {two} sflow=@s netflow=@n ipfix=@i -- --id=@s create sFlow targets="192.0.2.1:6343" sampling=64 '
        f'-- --id=@n create NetFlow targets="192.0.2.1:2055" -- --id=@i create IPFIX targets="192.0.2.1:4739"',
        f"set sFlow {two} polling=10 -- clear Bridge {two} netflow",
        f"del-controller {one}",
        f"clear Interface {vxlan} bfd -- clear Interface {trunk} cfm_mpid",
        f"set Interface {trunk} ingress_policing_rate=0 ingress_policing_burst=0",
        f"clear Port {access} qos",
        f"add-bond {one} {bond} {first} {second} lacp=active bond_mode=balance-slb bond_updelay=500 "
        f"-- set Interface {first} type=internal -- set Interface {second} type=internal",
        f"set Port {bond} lacp=off bond_mode=active-backup bond_downdelay=100 bond_updelay=0",
        f"set Bridge {one} stp_enable=true",
        f"del-port {one} {bond}",
        f"remove Interface {access} external_ids iface-id -- clear Port {access} tag",
        f"set Interface {vxlan} options:remote_ip=192.0.2.10",
        f"del-port {one} {left}",
        f"clear Bridge {one} protocols -- clear Bridge {one} external_ids",
        f"del-port {two} {geneve}",
        f"del-br {two}",
    )


async def test_rows_are_those_that_ovs_vsctl_lists_key_by_key_after_each_change(
    live: LiveGraph, ovs: PrivateOvs
) -> None:
    for command in commands():
        ovs.vsctl(*(named(ovs, word) for word in command.split()))
        await equal(live, ovs, command)


def named(ovs: PrivateOvs, word: str) -> str:
    """Return the UUID of a port's QoS or first queue, which have no name of their own; other words as they are."""
    before, of_qos, port_of_qos = word.partition(QOS_OF)
    if of_qos:
        return before + ovs.vsctl("get", "Port", port_of_qos, "qos")
    if word.startswith(QUEUE_OF):
        return ovs.vsctl("get", "QoS", ovs.vsctl("get", "Port", word.removeprefix(QUEUE_OF), "qos"), "queues:3")
    return word


async def equal(live: LiveGraph, ovs: PrivateOvs, after: str) -> None:
    """Wait until the graph says what `ovs-vsctl` says; neither may be asked before the other has changed."""
    told: list[tuple[dict[str, Metadata], dict[str, Metadata]]] = []

    def same() -> bool:
        told.append((by_vsctl(ovs), by_graph(live)))
        return told[-1][0] == told[-1][1]

    try:
        await live.until(same, PATIENCE)
    except AssertionError:
        expected, shown = told[-1]
        both = {uuid: (expected.get(uuid), shown.get(uuid)) for uuid in expected.keys() | shown.keys()}
        assert [each for each in both.values() if each[0] != each[1]] == [], (
            f"after {after}: what it says, the graph says"
        )


def by_graph(live: LiveGraph) -> dict[str, Metadata]:
    rows = [node.metadata for node in live.graph.nodes() if "UUID" in node.metadata]
    return {str(row["UUID"]): {key: row[key] for key in COMPARED & row.keys()} for row in rows}


def by_vsctl(ovs: PrivateOvs) -> dict[str, Metadata]:
    """Return what the switch's own tool lists, in our words; written apart from the probe."""
    found: dict[str, Metadata] = {}
    others = {row["_uuid"]: row for table in ("Port", *OTHERS) for row in listed(ovs, table)}
    for table, read in TABLES.items():
        for row in listed(ovs, table):
            told = {"Name": row["name"], "ExtID": row["external_ids"], **read(row, others)}
            found[row["_uuid"]] = {key: value for key, value in told.items() if value not in (None, {}, [], "", False)}
    return found


def listed(ovs: PrivateOvs, table: str) -> list[dict[str, Any]]:
    listing = json.loads(ovs.vsctl("--format=json", "list", table))
    return [
        {column: plain(value) for column, value in zip(listing["headings"], values, strict=True)}
        for values in listing["data"]
    ]


def plain(value: Any) -> Any:
    """Return a value of OVSDB's JSON: maps as objects, sets of one as it, the empty one as None, others sorted."""
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "map":
        return {key: plain(item) for key, item in content}
    if kind == "set":
        return sorted(map(plain, content)) if len(content) > 1 else next(map(plain, content), None)
    return content


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def without_none(**values: Json) -> Metadata:
    return {key: value for key, value in values.items() if value not in (None, {}, [], "", False)}


def bridge(row: dict[str, Any], others: Rows) -> dict[str, Json]:
    settings_of = without_none(
        OtherConfig=row["other_config"],
        Protocols=several(row["protocols"]),
        DatapathType=row["datapath_type"],
        DatapathVersion=row["datapath_version"],
        DatapathID=row["datapath_id"],
        FailMode=row["fail_mode"],
        STP=row["stp_enable"],
        RSTP=row["rstp_enable"],
        McastSnooping=row["mcast_snooping_enable"],
        Mirrors=[mirror(others[uuid], others) for uuid in several(row["mirrors"])],
        Controllers=sorted(
            ({"Target": others[uuid]["target"], "Connected": False} for uuid in several(row["controller"])), key=str
        ),
        SFlow=export(others.get(row["sflow"]), Sampling="sampling", Polling="polling"),
        NetFlow=export(others.get(row["netflow"])),
        IPFIX=export(others.get(row["ipfix"]), Sampling="sampling"),
    )
    return {"Type": "ovsbridge", "Ovs": settings_of}


def port(row: dict[str, Any], others: Rows) -> dict[str, Json]:
    return {
        "Type": "ovsport",
        "Vlans": row["tag"],
        "Trunks": several(row["trunks"]),
        "VlanMode": row["vlan_mode"],
        "Protected": row["protected"],
        "BondMode": row["bond_mode"],
        "BondActiveSlave": row["bond_active_slave"],
        "LACP": row["lacp"],
        "Ovs": without_none(
            OtherConfig=row["other_config"],
            BondUpDelay=row["bond_updelay"] or None,
            BondDownDelay=row["bond_downdelay"] or None,
            QoS=qos(others.get(row["qos"]), others),
            Status={key: value for key, value in row["status"].items() if key != "stp_sec_in_state"},
            RSTPStatus=row["rstp_status"],
        ),
    }


def interface(row: dict[str, Any], _: Rows) -> dict[str, Json]:
    options, lacp = row["options"], row["lacp_current"]
    has_node = row["type"] in ("patch", "vxlan", "geneve")
    return {
        "Type": row["type"],
        "OfPort": row["ofport"],
        "LocalIP": options.get("local_ip"),
        "RemoteIP": options.get("remote_ip"),
        "AdminState": (row["admin_state"] or "").upper() if has_node else None,
        "Duplex": row["duplex"] if has_node else None,
        "Ovs": ({} if lacp is None else {"LACPCurrent": lacp})
        | without_none(
            OtherConfig=row["other_config"],
            Options=options,
            Error=row["error"],
            Status=row["status"] if has_node else None,
            BFD=row["bfd"],
            BFDStatus=row["bfd_status"],
            CFM=cfm(row),
            IngressPolicing=without_none(
                Rate=row["ingress_policing_rate"] or None, Burst=row["ingress_policing_burst"] or None
            ),
        ),
    }


def mirror(row: dict[str, Any], others: Rows) -> Metadata:
    return without_none(
        Name=row["name"],
        SelectAll=row["select_all"],
        SelectSrcPorts=[others[uuid]["name"] for uuid in several(row["select_src_port"])],
        SelectVlans=several(row["select_vlan"]),
        OutputPort=others[row["output_port"]]["name"],
        Snaplen=row["snaplen"],
    )


def qos(row: dict[str, Any] | None, others: Rows) -> Metadata:
    if row is None:
        return {}
    queues = [(number, others[uuid]) for number, uuid in row["queues"].items()]
    return without_none(
        Type=row["type"],
        OtherConfig=row["other_config"],
        Queues=[
            without_none(ID=number, DSCP=queue["dscp"], OtherConfig=queue["other_config"]) for number, queue in queues
        ],
    )


def export(row: dict[str, Any] | None, **columns: str) -> Metadata:
    if row is None:
        return {}
    told = {key: row[column] for key, column in columns.items() if row[column] is not None}
    return {"Targets": several(row["targets"]), **told}


def cfm(row: dict[str, Any]) -> Metadata:
    if row["cfm_mpid"] is None:
        return {}
    told = {
        "MPID": row["cfm_mpid"],
        "RemoteMPIDs": several(row["cfm_remote_mpids"]),
        "Fault": row["cfm_fault"],
        "FaultStatus": several(row["cfm_fault_status"]),
        "FlapCount": row["cfm_flap_count"],
        "Health": row["cfm_health"],
        "RemoteOpState": row["cfm_remote_opstate"],
    }
    return {key: value for key, value in told.items() if value not in (None, [], "")}


TABLES: Final[dict[str, Callable[[dict[str, Any], Rows], dict[str, Json]]]] = {
    "Bridge": bridge,
    "Port": port,
    "Interface": interface,
}
COMPARED: Final = {
    *("Name", "Type", "ExtID", "Ovs", "OfPort", "LocalIP", "RemoteIP", "AdminState", "Duplex"),
    *("Vlans", "Trunks", "VlanMode", "Protected", "BondMode", "BondActiveSlave", "LACP"),
}
