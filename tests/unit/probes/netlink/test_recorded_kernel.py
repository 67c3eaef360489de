# SPDX-License-Identifier: Apache-2.0
"""Bonds with LACP, VLANs, a VRF, tunnels and SR-IOV as a real kernel tells of them, held against what `ip` says."""

from typing import Any, Final

import pytest

from netsonde.model.elements import Json, Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.links import link_index
from netsonde.probes.netlink.state import NamespaceState
from netsonde.schema import unlisted
from recorded_kernel import KEYS, dumped, interfaces, messages, play, recorded, translated

LINKS: Final[Any] = recorded("links")
FUNCTIONS: Final[Any] = recorded("functions")
MOMENTS: Final = ("before", "dumps", "later_dumps")
HOOKED: Final = frozenset({"BridgeVLANs", "FDB", "Neighbors", "RoutingTables"})
"""Of tables, which events only hint at, or which change by themselves between the last event and the dump."""


def at(moment: str) -> dict[str, Metadata]:
    return interfaces(dumped(LINKS[moment]))


def told_by_ip(shown: Metadata) -> Metadata:
    """Return the part that `ip` tells too, in its way: tunnels over IP have no MAC, only VLANs name a parent."""
    left_out = {"MAC"} if len(str(shown["MAC"])) != len("02:00:00:00:00:01") else set()
    left_out |= set() if "Vlan" in shown else {"ParentIndex"}
    return {key: value for key, value in shown.items() if key in KEYS - left_out}


@pytest.mark.parametrize(("moment", "said"), [("dumps", "said"), ("later_dumps", "later_said")])
def test_interfaces_are_those_that_ip_lists(moment: str, said: str) -> None:
    expected = translated(LINKS[said]["links"])
    assert {name: told_by_ip(shown) for name, shown in at(moment).items()} == expected


@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_shown_that_the_list_of_keys_has_not(moment: str) -> None:
    assert [problem for shown in at(moment).values() for problem in unlisted(shown)] == []


@pytest.mark.parametrize(
    ("before", "events", "after"), [("before", "events", "dumps"), ("dumps", "later", "later_dumps")]
)
def test_events_lead_to_what_a_dump_says_after_them_once_lacp_is_asked_for(
    before: str, events: str, after: str
) -> None:
    state, expected = play(dumped(LINKS[before]), LINKS[events]), at(after)
    asked = {link.ifindex: link.name for link in state.links.values() if link.negotiates}
    assert set(asked.values()) == {"bond0", "bond1", "a0", "a1", "b0", "b1"}
    differing = {name for name, shown in interfaces(state).items() if steady(shown) != steady(expected[name])}
    assert differing <= set(asked.values())
    for message in messages(LINKS[after]["links"]):
        if message.type == wire.RTM_NEWLINK and link_index(message) in asked:
            state.take(message)
    assert {name: steady(shown) for name, shown in interfaces(state).items()} == {
        name: steady(shown) for name, shown in expected.items()
    }


def steady(shown: Metadata) -> Metadata:
    return {key: value for key, value in shown.items() if key not in HOOKED}


def test_bond_and_its_members_tell_that_lacp_agreed_with_the_other_end() -> None:
    shown = at("dumps")
    bond, other = shown["bond0"], shown["bond1"]
    assert (bond["BondMode"], part(bond, "Bond", "Ports")) == ("802.3ad", 2)
    assert part(bond, "Bond", "PartnerMAC") == other["MAC"]
    for member in ("a0", "a1"):
        assert shown[member]["MasterIndex"] == bond["IfIndex"]
        assert part(shown[member], "BondSlave", "AggregatorId") == part(bond, "Bond", "AggregatorId")
        assert int(str(part(shown[member], "BondSlave", "AdPartnerOperPortState"))) & 0x3D == 0x3D


def test_bond_fails_over_and_a_member_that_goes_down_is_counted() -> None:
    before, after = at("dumps"), at("later_dumps")
    assert part(before["bond2"], "Bond", "ActiveSlave") == before["d0"]["IfIndex"]
    assert part(after["bond2"], "Bond", "ActiveSlave") == after["d1"]["IfIndex"]
    assert part(after["d0"], "BondSlave", "LinkFailureCount") == 1
    assert (part(after["a1"], "BondSlave", "MiiStatus"), part(after["bond0"], "Bond", "Ports")) == ("DOWN", 1)


def test_route_of_a_vrf_belongs_to_its_member_and_table() -> None:
    shown = at("dumps")
    assert shown["d2"]["MasterIndex"] == shown["red"]["IfIndex"]
    tables: Any = shown["d2"]["RoutingTables"]
    mine = [each for each in tables if each["ID"] == shown["red"]["VRFTable"]]
    prefixes = {route["Prefix"]: route["NextHops"][0].get("IP") for each in mine for route in each["Routes"]}
    assert prefixes["203.0.113.0/24"] == "198.51.100.9"


def test_vlan_in_a_vlan_leads_to_the_bond_below() -> None:
    shown = at("dumps")
    assert shown["inner"]["ParentIndex"] == shown["bond0.100"]["IfIndex"]
    assert shown["bond0.100"]["ParentIndex"] == shown["bond0"]["IfIndex"]
    assert {"bond0.100", "inner"}.isdisjoint(at("later_dumps"))


@pytest.mark.parametrize("mode", ["legacy", "switchdev"])
def test_virtual_functions_are_those_that_ip_lists(mode: str) -> None:
    shown = interfaces(dumped(FUNCTIONS[mode]["dumps"]))
    listed = {each["ifname"]: each["vfinfo_list"] for each in FUNCTIONS[mode]["said"]["links"] if "vfinfo_list" in each}
    assert {name for name in shown if "Vfs" in shown[name]} == set(listed) == {"eth0", "eth1"}
    for name, functions in listed.items():
        assert shown[name]["Vfs"] == [function(each) for each in functions]


def function(told: dict[str, Any]) -> Metadata:
    return {
        "ID": told["vf"],
        "MAC": told["address"],
        "Vlan": told["vlan_list"][0].get("vlan", 0),
        "Qos": told["vlan_list"][0].get("qos", 0),
        "TxRate": told["rate"]["max_tx"],
        "LinkState": ("auto", "enable", "disable").index(told["link_state"]),
        "Spoofchk": told["spoofchk"],
        "Trust": told["trust"],
    }


def test_representors_name_the_function_and_the_chip_that_they_stand_for() -> None:
    shown = interfaces(dumped(FUNCTIONS["switchdev"]["dumps"]))
    ports = {shown[name]["PhysPortName"]: shown[name]["PhysSwitchID"] for name in ("eth0", "eth2", "eth3")}
    assert set(ports) == {"p1", "pf0vf0", "pf0vf1"}
    assert len(set(map(str, ports.values()))) == 1


def test_card_that_comes_while_it_is_followed_has_its_functions_asked_for() -> None:
    state = play(NamespaceState(100), FUNCTIONS["legacy"]["events"])
    assert {state.links[ifindex].name for ifindex in state.links_untold} == {"eth0", "eth1"}


def part(shown: Metadata, *path: str) -> Json:
    found: Any = shown
    for key in path:
        found = found[key]
    return found  # type: ignore[no-any-return]
