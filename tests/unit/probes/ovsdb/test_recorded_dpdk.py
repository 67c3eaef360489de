# SPDX-License-Identifier: Apache-2.0
"""Open vSwitch with DPDK, as recorded: a card (net_null), a vhost-user port without a guest, a card that is not."""

from typing import Any, Final

from netsonde.model.elements import Metadata
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.monitor import Replica
from netsonde.probes.ovsdb.switch import Switch
from netsonde.schema import unlisted
from recorded_kernel import recorded
from unit.probes.ovsdb.test_switch import Devices

RECORDED: Final[Any] = recorded("dpdk")


def ports(notes: int | None = None) -> dict[str, Metadata]:
    """Return what is shown of each port without a network device, after so many notes; None = all of them."""
    rows = Replica()
    rows.use_schema(RECORDED["schema"])
    rows.update(RECORDED["first"][2], anew=True)
    for note in RECORDED["notes"][:notes]:
        rows.update(note["params"][2])
    switch = Switch(rows.rows, Devices(), Identity("m1"))
    nodes = [
        node
        for uuid in rows.rows["Interface"]
        for node in switch.contribution(("Interface", uuid), waiting=False).nodes.values()
    ]
    return {str(node["Name"]): node for node in nodes}


def listed(name: str) -> dict[str, Any]:
    """Return what `ovs-vsctl list Interface` said."""
    said = RECORDED["listed"]["Interface"]
    rows = (dict(zip(said["headings"], each, strict=True)) for each in said["data"])
    return next(row for row in rows if row["name"] == name)


def test_card_is_the_one_that_ovs_vsctl_lists() -> None:
    shown, said = ports(RECORDED["at"])["dpdk0"], listed("dpdk0")
    status = dict(said["status"][1])
    assert (shown["MAC"], shown["MTU"], shown["OfPort"]) == (said["mac_in_use"], said["mtu"], said["ofport"])
    assert (shown["Type"], shown["Driver"], shown["NumaNode"]) == ("dpdk", "net_null", int(status["numa_id"]))
    assert (shown["State"], shown["AdminState"], shown["Speed"]) == ("UP", "UP", said["link_speed"] // 1_000_000)
    assert part(shown, "Status") == status
    # DPDK gives its ports a number that is no ifindex of the kernel's.
    assert said["ifindex"] > 0
    assert "IfIndex" not in shown


def test_port_that_waits_for_its_guest_has_neither_address_nor_mtu() -> None:
    shown, said = ports(RECORDED["at"])["vhu0"], listed("vhu0")
    assert (said["mac_in_use"], said["mtu"]) == ("00:00:00:00:00:00", 0)
    assert shown.keys().isdisjoint({"MAC", "MTU"})
    assert (shown["State"], part(shown, "Status")) == ("DOWN", {"mode": "client", "status": "disconnected"})


def test_card_that_cannot_be_had_says_why() -> None:
    shown = ports(RECORDED["at"])["bad"]
    assert (shown["OfPort"], shown["BusInfo"]) == (-1, "0000:ff:00.0")
    assert part(shown, "Error") == "Error attaching device '0000:ff:00.0' to DPDK"


def test_switch_tells_that_dpdk_runs_and_what_it_shows_is_listed() -> None:
    (row,) = RECORDED["listed"]["Open_vSwitch"]["data"]
    said = dict(zip(RECORDED["listed"]["Open_vSwitch"]["headings"], row, strict=True))
    assert (said["dpdk_initialized"], said["dpdk_version"]) == (True, "DPDK 22.11.11")
    assert [problem for shown in ports(RECORDED["at"]).values() for problem in unlisted(shown)] == []


def test_card_that_is_removed_is_gone() -> None:
    assert ports().keys() == ports(RECORDED["at"]).keys() - {"dpdk0"}


def part(shown: Metadata, key: str) -> Any:
    found = shown["Ovs"]
    assert isinstance(found, dict)
    return found[key]
