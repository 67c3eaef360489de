# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch on the kernel's datapath, with a bond that speaks LACP: rows and devices as both were recorded."""

from functools import cache
from typing import Any, Final

import pytest

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Metadata
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.monitor import Replica
from netsonde.probes.ovsdb.switch import Switch
from recorded_kernel import dumped, interfaces, recorded

RECORDED: Final[Any] = recorded("kernel_datapath")
IDENTITY: Final = Identity("m1")
NETDEVS: Final = {"br-int", "br-ex", "c0", "c1", "tap0", "c-trunk"}
"""Interfaces with a device of the kernel's."""


def rows_after(notes: int | None = None) -> Replica:
    """Return the rows after so many notes, None = all of them."""
    found = Replica()
    found.use_schema(RECORDED["schema"])
    found.update(RECORDED["first"][2], anew=True)
    for note in RECORDED["notes"][:notes]:
        found.update(note["params"][2])
    return found


@cache
def devices() -> Graph:
    graph, batch = Graph("h", "agent.h", lambda: 1), Batch()
    for shown in interfaces(dumped(RECORDED["dumps"])).values():
        batch.put_node(IDENTITY.interface(None, int(str(shown["IfIndex"]))), "netlink", shown)
    graph.apply(batch)
    return graph


def id_of(name: str) -> str:
    (node,) = devices().nodes_with("Name", name)
    return node.id


def switch(rows: Replica) -> Switch:
    found = Switch(rows.rows, devices(), IDENTITY)
    for table, entries in rows.rows.items():
        for uuid in entries:
            found.affected((table, uuid))
    return found


def named(rows: Replica, table: str) -> dict[str, str]:
    """Return UUIDs by name."""
    return {str(row["name"][0]): uuid for uuid, row in rows.rows[table].items()}  # type: ignore[index]


def listed(when: str, table: str) -> dict[str, dict[str, Any]]:
    """Return what `ovs-vsctl list` said, by name."""
    said = RECORDED[when][table]
    rows = (dict(zip(said["headings"], each, strict=True)) for each in said["data"])
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize(("notes", "when"), [("at", "listed"), ("", "later_listed")])
@pytest.mark.parametrize("table", ["Bridge", "Port", "Interface"])
def test_rows_are_those_that_ovs_vsctl_lists(table: str, notes: str, when: str) -> None:
    rows = rows_after(RECORDED[notes] if notes else None)
    assert named(rows, table) == {name: row["_uuid"][1] for name, row in listed(when, table).items()}


def test_interfaces_are_the_kernels_devices_and_others_have_nodes_of_their_own() -> None:
    rows = rows_after(RECORDED["at"])
    found = switch(rows)
    for name, uuid in named(rows, "Interface").items():
        contribution = found.contribution(("Interface", uuid), waiting=False)
        if name in NETDEVS:
            assert (set(contribution.notes), contribution.nodes) == ({id_of(name)}, {})
            assert contribution.notes[id_of(name)]["OfPort"] == listed("listed", "Interface")[name]["ofport"]
        else:
            assert (set(contribution.nodes), contribution.notes) == ({found.node_id(uuid)}, {})


def test_devices_of_the_datapath_itself_are_no_interface_of_any_bridge() -> None:
    rows = rows_after(RECORDED["at"])
    noted = {
        node
        for key in (("Interface", uuid) for uuid in rows.rows["Interface"])
        for node in switch(rows).contribution(key, waiting=False).notes
    }
    assert {id_of("vxlan_sys_4789"), id_of("genev_sys_6081"), id_of("ovs-system")}.isdisjoint(noted)
    assert devices().node(id_of("br-int")).metadata["Driver"] == "openvswitch"  # type: ignore[union-attr]


def test_bond_of_the_switch_agreed_with_the_kernels_over_lacp() -> None:
    rows = rows_after(RECORDED["at"])
    found, port = switch(rows), named(rows, "Port")["up0"]
    contribution = found.contribution(("Port", port), waiting=False)
    shown = contribution.nodes[found.node_id(port)]
    assert (shown["BondMode"], shown["LACP"]) == ("balance-tcp", "active")
    for member in ("c0", "c1"):
        note = found.contribution(("Interface", named(rows, "Interface")[member]), waiting=False)
        assert ovs(note.notes[id_of(member)])["LACPCurrent"] is True
        assert [edge[:2] for edge in note.edges.values()] == [(found.node_id(port), id_of(member))]
    active = {str(devices().node(id_of(member)).metadata["MAC"]) for member in ("c0", "c1")}  # type: ignore[union-attr]
    assert shown["BondActiveSlave"] in active
    other = devices().node(id_of("far"))
    assert other is not None
    bond: Any = other.metadata["Bond"]
    assert (bond["Ports"], bond["AggregatorId"] > 0) == (2, True)


def ovs(note: Metadata) -> dict[str, Any]:
    found = note["Ovs"]
    assert isinstance(found, dict)
    return found


def test_what_is_changed_and_removed_later_is_so() -> None:
    rows = rows_after()
    found, ports = switch(rows), named(rows, "Port")
    assert "vx" not in ports
    shown = found.contribution(("Port", ports["up0"]), waiting=False).nodes[found.node_id(ports["up0"])]
    assert shown["LACP"] == "passive"
    tap = found.contribution(("Port", ports["tap0"]), waiting=False).nodes[found.node_id(ports["tap0"])]
    assert "QoS" not in tap.get("Ovs", {})  # type: ignore[operator]


def test_port_whose_device_is_missing_says_why() -> None:
    rows = rows_after(RECORDED["at"])
    found, uuid = switch(rows), named(rows, "Interface")["gone"]
    assert not found.waits(uuid)
    (shown,) = found.contribution(("Interface", uuid), waiting=False).nodes.values()
    assert (shown["OfPort"], ovs(shown)["Error"]) == (-1, "could not open network device gone (No such device)")
