# SPDX-License-Identifier: Apache-2.0
"""Rows that hang on ports and bridges, and what interfaces tell beyond their name, from hand-written rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.details import (
    Tables,
    controllers,
    datapaths,
    hardware,
    ipfix,
    managers,
    mirrors,
    netflow,
    port_status,
    qos,
    sflow,
)
from netsonde.probes.ovsdb.monitor import Replica, Row
from netsonde.probes.ovsdb.switch import Switch
from netsonde.probes.ovsdb.translate import bridge_metadata, interface_metadata, interface_note, system_metadata
from unit.probes.ovsdb.hanging import BRIDGE, DPDK, LIVELY, PORT, SYSTEM, TABLES, VHOST_USER
from unit.probes.ovsdb.test_switch import Devices


def switch() -> Switch:
    """Return a switch that knows these rows."""
    found = Switch(TABLES, Devices(), Identity("m1"))
    for table, rows in TABLES.items():
        for uuid in rows:
            found.affected((table, uuid))
    return found


def test_qos_has_its_queues_in_the_order_of_their_numbers() -> None:
    assert qos(PORT, TABLES) == {
        "Type": "linux-htb",
        "OtherConfig": {"max-rate": "9"},
        "Queues": [{"ID": 2, "DSCP": 46, "OtherConfig": {"min-rate": "1"}}, {"ID": 10}],
    }


def test_mirrors_name_their_ports() -> None:
    assert mirrors(BRIDGE, TABLES) == [
        {"Name": "all", "SelectAll": True, "OutputVlan": 99},
        {"Name": "one", "SelectSrcPorts": ["tap1", "tap2"], "SelectVlans": [7, 9], "OutputPort": "tap2"},
    ]


def test_controllers_and_exports_of_a_bridge() -> None:
    assert controllers(BRIDGE, TABLES) == [{"Target": "tcp:192.0.2.1", "Connected": False}]
    assert sflow(BRIDGE, TABLES) == {"Targets": ["192.0.2.1:6343"], "Sampling": 64, "Agent": "eth0"}
    assert netflow(BRIDGE, TABLES) == {"Targets": ["192.0.2.1:2055", "192.0.2.2:2055"]}
    assert ipfix(BRIDGE, TABLES) == {"Targets": ["192.0.2.1:4739"], "DomainID": 1}


def test_managers_are_told_with_what_keeps_them_away_and_without_what_tells_the_time() -> None:
    assert managers(SYSTEM, TABLES) == [
        {"Target": "ptcp:6640", "Connected": True, "BoundPort": 6640, "Connections": 2},
        {
            "Target": "tcp:192.0.2.1:6640",
            "Connected": False,
            "InactivityProbe": 5000,
            "State": "BACKOFF",
            "LastError": "Connection refused",
        },
    ]


@pytest.mark.parametrize(
    ("state", "told"),
    [("BACKOFF", "BACKOFF"), ("CONNECTING", "BACKOFF"), ("ACTIVE", "ACTIVE"), ("IDLE", "ACTIVE"), ("VOID", "VOID")],
)
def test_state_of_a_manager_does_not_alternate_with_attempts_and_probes(state: str, told: str) -> None:
    tables: Tables = {"Manager": {"g1": {"target": ("tcp:192.0.2.1",), "status": {"state": state}}}}
    assert managers(SYSTEM, tables) == [{"Target": "tcp:192.0.2.1", "Connected": False, "State": told}]


def test_datapaths_are_told_with_their_zones_in_the_order_of_their_numbers() -> None:
    assert datapaths(SYSTEM, TABLES) == [
        {
            "Type": "system",
            "Version": "0",
            "Capabilities": {"ct_zone": "true", "recirc": "true"},
            "Zones": [{"ID": 7, "Timeouts": {"tcp_close": "10"}, "Limit": 10_000}, {"ID": 9}],
        }
    ]


def test_the_switch_tells_what_it_can_do() -> None:
    ovs = system_metadata(SYSTEM, {})["Ovs"]
    assert ovs == {
        "Version": "3.1.0",
        "DatapathTypes": ["netdev", "system"],
        "InterfaceTypes": ["internal", "vxlan"],
        "DPDK": True,
        "DPDKVersion": "DPDK 22.11.1",
    }


def test_the_kernels_datapath_tells_its_version_where_it_knows_it() -> None:
    known, unknown = ({**BRIDGE, "datapath_version": (version,)} for version in ("2.17.0", "<unknown>"))
    assert bridge_metadata("b", known, {})["Ovs"] == {"DatapathVersion": "2.17.0"}
    assert "Ovs" not in bridge_metadata("b", unknown, {})


def test_references_to_rows_that_are_not_there_tell_nothing() -> None:
    assert managers(SYSTEM, {}) == datapaths(SYSTEM, {}) == []
    assert datapaths(SYSTEM, {"Datapath": TABLES["Datapath"]})[0]["Type"] == "system"  # type: ignore[index,call-overload]
    assert qos(PORT, {}) == sflow(BRIDGE, {}) == netflow(BRIDGE, {}) == ipfix(BRIDGE, {}) == {}
    assert mirrors(BRIDGE, {}) == controllers(BRIDGE, {}) == []


def test_hanging_row_concerns_all_that_tell_of_it_and_none_once_it_is_let_go() -> None:
    found = switch()
    ports = {("Port", "p"), ("Port", "p2")}
    assert found.affected(("QoS", "q")) == ports
    assert found.affected(("Queue", "u1")) == ports
    for table, uuid in (("Mirror", "m1"), ("Controller", "c"), ("sFlow", "s"), ("NetFlow", "n"), ("IPFIX", "i")):
        assert found.affected((table, uuid)) == {("Bridge", "b")}
    for hanging in (("Manager", "g1"), ("Datapath", "d"), ("CT_Zone", "z1"), ("CT_Timeout_Policy", "t")):
        assert found.affected(hanging) == {("Open_vSwitch", "o")}
    found.references.set_hanging(("Port", "p2"), frozenset())
    assert found.affected(("Queue", "u1")) == {("Port", "p")}
    found.references.set_hanging(("QoS", "q"), frozenset())
    assert found.references.users("u1") == set()


def test_rows_that_refer_to_themselves_end() -> None:
    found = switch()
    found.references.set_hanging(("QoS", "q"), frozenset({"q"}))
    assert found.references.users("q") == {("Port", "p"), ("Port", "p2")}


def test_time_that_a_port_is_in_its_state_is_not_told() -> None:
    row: Row = {"status": {"stp_state": "forwarding", "stp_sec_in_state": "17"}}
    assert port_status(row) == {"stp_state": "forwarding"}


def test_liveness_and_policing_of_an_interface() -> None:
    assert interface_note("u", LIVELY)["Ovs"] == {
        "BFD": {"enable": "true"},
        "BFDStatus": {"state": "up"},
        "CFM": {"MPID": 1, "RemoteMPIDs": [2, 3], "Fault": False, "Health": 100},
        "LACPCurrent": False,
        "IngressPolicing": {"Rate": 1000},
    }


def test_interface_without_any_of_it_has_none_of_these_keys() -> None:
    row: Row = {
        "name": ("tap1",),
        "type": ("",),
        "bfd": {},
        "cfm_mpid": (),
        "cfm_flap_count": (0,),
        "lacp_current": (),
        "ingress_policing_rate": (0,),
    }
    assert interface_note("u", row) == {"UUID": "u"}


def test_dpdk_port_tells_driver_place_and_queues() -> None:
    assert interface_metadata("u", DPDK) == {
        "Name": "dpdk0",
        "Type": "dpdk",
        "UUID": "u",
        "Driver": "net_ice",
        "MAC": "02:00:00:00:00:01",
        "MTU": 9000,
        "State": "UP",
        "AdminState": "DOWN",
        "Speed": 25000,
        "Duplex": "full",
        "NumaNode": 1,
        "BusInfo": "0000:01:00.0",
        "Channels": {"RX": 2, "TX": 5},
        "Ovs": {"Status": DPDK["status"], "Options": DPDK["options"]},
    }


def test_vhost_user_port_tells_its_socket_and_state() -> None:
    assert interface_metadata("u", VHOST_USER) == {
        "Name": "vhu1",
        "Type": "dpdkvhostuserclient",
        "UUID": "u",
        "Driver": "openvswitch",
        "State": "UP",
        "NumaNode": 0,
        "Channels": {"RX": 2, "TX": 2},
        "Ovs": {"Status": VHOST_USER["status"], "Options": VHOST_USER["options"]},
    }


def test_unknown_numa_node_and_virtual_device_are_no_facts() -> None:
    row: Row = {"status": {"numa_id": "-1", "n_rxq": "٣"}, "options": {"dpdk-devargs": "vdev:net_pcap0,iface=eth0"}}
    assert hardware(row) == {}


@given(st.dictionaries(st.text(max_size=12), st.just("u1"), max_size=4))
def test_any_queue_numbers_are_taken(queues: dict[str, str]) -> None:
    rows: dict[str, dict[str, Row]] = {"QoS": {"q": {"queues": queues}}, "Queue": TABLES["Queue"]}
    told = qos(PORT, rows).get("Queues", [])
    assert isinstance(told, list)
    numbers = [queue["ID"] for queue in told if isinstance(queue, dict) and isinstance(queue["ID"], int)]
    assert len(numbers) == len(told)
    assert numbers == sorted(numbers)


def test_tables_that_an_older_server_lacks_are_not_asked_for() -> None:
    columns = {"name": {"type": "string"}}
    shown = ("Open_vSwitch", "Bridge", "Port", "Interface")
    found = Replica()
    found.use_schema({"tables": {table: {"columns": columns} for table in shown}})  # type: ignore[dict-item]
    assert set(found.requests()) == set(shown)
    assert found.update({"Mirror": {"m": {"initial": {"name": "x"}}}}) == set()
