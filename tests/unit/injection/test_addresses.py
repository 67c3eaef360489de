# SPDX-License-Identifier: Apache-2.0
"""Addresses out of the graph, and what is left for ARP and ND."""

import msgspec
import pytest

from netsonde.errors import UserError
from netsonde.injection.addresses import Ends, ends_of
from netsonde.model.elements import Json, Node
from netsonde.model.injections import Injection, seed_of

MAC = "02:00:00:00:00:01"
PING = Injection(src="G.V()", type="icmp4")


def a_node(**metadata: Json) -> Node:
    return Node("n", {"Name": "eth0", "MAC": MAC, **metadata}, "h1", "agent.h1", 0, 0)


def route(prefix: str, gateway: str) -> Json:
    hop: Json = {"IfIndex": 2, "Priority": 0, "IP": gateway} if gateway else {"IfIndex": 2, "Priority": 0}
    return [{"ID": 254, "Src": None, "Routes": [{"Prefix": prefix, "Protocol": 3, "NextHops": [hop]}]}]


SOURCE = a_node(IPV4=["10.0.0.1/24"], IPV6=["fe80::1/64", "fd00::1/64"])


def to(target: str, source: Node = SOURCE, kind: str = "icmp4", target_node: Node | None = None) -> Ends:
    return ends_of(msgspec.structs.replace(PING, dst_ip=target, type=kind), source, target_node)


def test_a_neighbour_that_nobody_knows_is_asked_for() -> None:
    assert to("10.0.0.2") == Ends("10.0.0.1", "10.0.0.2", MAC, "", "10.0.0.2")


def test_a_known_neighbour_is_not_asked_for() -> None:
    known: Json = [{"IP": "10.0.0.2", "MAC": "02:00:00:00:00:02", "State": ["NUD_STALE"]}]
    assert to("10.0.0.2", a_node(IPV4=["10.0.0.1/24"], Neighbors=known)).target_mac == "02:00:00:00:00:02"


def test_a_failed_neighbour_is_asked_for() -> None:
    failed: Json = [{"IP": "10.0.0.2", "MAC": "02:00:00:00:00:02", "State": ["NUD_FAILED"]}]
    assert to("10.0.0.2", a_node(IPV4=["10.0.0.1/24"], Neighbors=failed)).next_hop == "10.0.0.2"


def test_a_target_beyond_a_router_gets_the_routers_mac() -> None:
    source = a_node(IPV4=["10.0.0.1/24"], RoutingTables=route("0.0.0.0/0", "10.0.0.254"))
    target = a_node(IPV4=["192.0.2.9/24"], MAC="02:00:00:00:00:09")
    assert to("192.0.2.9", source, target_node=target).next_hop == "10.0.0.254"


def test_the_longest_prefix_wins() -> None:
    tables = [*_listed(route("0.0.0.0/0", "10.0.0.254")), *_listed(route("192.0.2.0/24", "10.0.0.253"))]
    assert to("192.0.2.9", a_node(IPV4=["10.0.0.1/24"], RoutingTables=tables)).next_hop == "10.0.0.253"


def _listed(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value


def test_the_node_on_the_link_tells_its_own_mac() -> None:
    target = a_node(IPV4=["10.0.0.2/24"], MAC="02:00:00:00:00:02")
    found = ends_of(PING, SOURCE, target)
    assert (found.target, found.target_mac) == ("10.0.0.2", "02:00:00:00:00:02")


def test_a_vm_behind_a_tap_is_what_neutron_and_the_bridge_say() -> None:
    tap = a_node(ExtID={"attached-mac": "fa:16:3e:00:00:01"}, Neutron={"IPV4": ["10.0.0.7/24"]}, IPV4=["192.0.2.1/24"])
    assert (to("10.0.0.9", tap).source, to("10.0.0.9", tap).source_mac) == ("10.0.0.7", "fa:16:3e:00:00:01")


def test_a_source_address_of_the_targets_network_is_chosen() -> None:
    assert to("fe80::9", kind="icmp6").source == "fe80::1"
    assert to("2001:db8::9", kind="icmp6").source == "fd00::1"


@pytest.mark.parametrize(
    ("target", "kind", "mac"),
    [
        ("224.129.2.3", "icmp4", "01:00:5e:01:02:03"),
        ("255.255.255.255", "udp4", "ff:ff:ff:ff:ff:ff"),
        ("ff02::1:2", "udp6", "33:33:00:01:00:02"),
    ],
)
def test_groups_have_macs_of_their_own(target: str, kind: str, mac: str) -> None:
    assert to(target, kind=kind).target_mac == mac


def test_a_client_without_address_can_ask_for_one() -> None:
    found = ends_of(msgspec.structs.replace(PING, type="dhcp4"), a_node(), None)
    assert found == Ends("0.0.0.0", "255.255.255.255", MAC, "ff:ff:ff:ff:ff:ff")


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (a_node(IPV4=["10.0.0.1/24"], MAC=None), "10.0.0.2", "No source MAC in node eth0"),
        (a_node(), "10.0.0.2", "No source IPv4 in node eth0"),
        (SOURCE, "", "No destination node and IP"),
    ],
)
def test_what_is_missing_is_named(source: Node, target: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        to(target, source)


def test_metadata_that_makes_no_sense_is_left_out() -> None:
    odd = a_node(IPV4=["x", "10.0.0.1/24"], Neighbors=["x", {"IP": 3}], RoutingTables=[{"Routes": [{"Prefix": "x"}]}])
    assert to("192.0.2.1", odd).next_hop == "192.0.2.1"


def test_what_enters_needs_the_mac_of_who_is_behind_the_interface() -> None:
    inbound = msgspec.structs.replace(PING, dst_ip="10.0.0.2", inbound=True)
    with pytest.raises(UserError, match="No source MAC in node eth0"):
        ends_of(inbound, SOURCE, None)
    tap = a_node(ExtID={"attached-mac": "fa:16:3e:00:00:01"}, IPV4=["10.0.0.1/24"])
    assert ends_of(inbound, tap, None).source_mac == "fa:16:3e:00:00:01"


def test_ids_of_packets_are_known_to_who_knows_the_injection() -> None:
    assert seed_of("u1", "n1") == seed_of("u1", "n1")
    assert len({seed_of("u1", "n1"), seed_of("u1", "n2"), seed_of("u2", "n1")}) == 3
