# SPDX-License-Identifier: Apache-2.0
"""What is known of a guest: from its packets and from the graph."""

from ipaddress import ip_address
from typing import Any

import pytest

from netsonde.checks.facts import Neighbour
from netsonde.checks.guest import Guest
from netsonde.checks.subjects import Speaker
from netsonde.graph import Batch, Graph
from netsonde.model.elements import Json, Metadata
from unit.checks.fakes import ADDRESS, GATEWAY, GUEST, ROUTER, Packets

TAP: Metadata = {"Name": "tap1", "Type": "tuntap", "ExtID": {"attached-mac": GUEST}}
ROUTES: Json = [{"ID": 254, "Routes": [{"Prefix": "0.0.0.0/0", "NextHops": [{"IP": "10.0.0.254"}]}]}]


def guest(metadata: Metadata = TAP, peer: Metadata | None = None) -> Guest:
    graph = Graph("a1", "analyzer.a1", lambda: 0)
    batch = Batch()
    batch.put_node("n1", "test", metadata)
    batch.put_node("br", "test", {"Name": "br", "Type": "bridge"})
    batch.put_edge(None, "br", "n1", "test", {"RelationType": "layer2"})
    for found in [] if peer is None else [peer]:
        batch.put_node("n2", "test", found)
        batch.put_edge(None, "n1", "n2", "test", {"RelationType": "layer2", "Type": "veth"})
    graph.apply(batch)
    return Guest(graph, "n1", Speaker(graph, "n1"))


def way(found: Guest, target: str) -> tuple[str, str]:
    address = ip_address(target)
    source = found.source(address)
    return ("" if source is None else str(source.ip), str(found.next_hop(address)))


def test_a_lease_tells_address_network_router_and_resolver() -> None:
    found = guest()
    found.learn(Packets().dhcp(1, "ACK", prefix_length=24, dns_servers=["10.0.0.2"]), own=False)
    assert (found.mac, found.is_behind, found.dns_servers) == (GUEST, True, ("10.0.0.2",))
    assert way(found, "10.0.0.77") == (ADDRESS, "10.0.0.77")
    assert way(found, "192.0.2.1") == (ADDRESS, ROUTER)
    # A guest without a route for it asks its router, as for the metadata of a cloud.
    assert way(found, "169.254.169.254") == (ADDRESS, ROUTER)


def test_the_lease_of_another_is_none_of_its_own() -> None:
    found = guest()
    found.learn(Packets().dhcp(1, "ACK", client="02:00:00:00:00:77"), own=False)
    assert (found.addresses(), found.routers()) == ([], [])


def test_an_address_without_a_network_reaches_others_by_the_router() -> None:
    found = guest()
    found.learn(Packets().asks(1), own=True)
    assert way(found, "10.0.0.9") == (ADDRESS, "10.0.0.9")
    found.learn(Packets().dhcp(2, "ACK"), own=False)
    assert way(found, "10.0.0.9") == (ADDRESS, ROUTER)


def test_neutrons_addresses_are_known_before_the_guest_speaks() -> None:
    found = guest({**TAP, "Neutron": {"IPV4": ["10.0.0.7/24"]}})
    assert way(found, "10.0.0.9") == ("10.0.0.7", "10.0.0.9")


def test_a_containers_end_of_the_veth_tells_addresses_and_routes() -> None:
    peer: Metadata = {"Name": "eth0", "Type": "veth", "MAC": GUEST, "IPV4": ["10.0.0.9/24"], "RoutingTables": ROUTES}
    found = guest({"Name": "veth1", "Type": "veth", "MAC": GATEWAY}, peer)
    assert (found.mac, found.is_behind) == (GUEST, True)
    assert way(found, "192.0.2.1") == ("10.0.0.9", "10.0.0.254")


def test_an_interface_of_its_own_is_no_way_in() -> None:
    assert not guest({"Name": "bond0", "Type": "bond", "MAC": GUEST}).is_behind


def test_who_claims_an_address_first_is_remembered() -> None:
    found, make = guest(), Packets()
    for mac in (GATEWAY, "02:00:00:00:00:66"):
        found.learn(make.claims(1, mac), own=False)
    assert found.mac_of(ROUTER) == GATEWAY


def test_a_router_advertises_itself_and_what_is_on_the_link() -> None:
    found, make = guest(), Packets()
    facts: dict[str, Any] = {"source": "fe80::1", "mac_source": GATEWAY, "prefixes": ["2001:db8::/64", "nonsense"]}
    found.learn(make.make(1, "ICMPv6RouterAdvertisement", **facts), own=False)
    formed = Neighbour(False, "2001:db8::42", "2001:db8::42", GUEST)
    found.learn(make.make(2, "ICMPv6NeighborAdvertisement", mac_source=GUEST, neighbour=formed), own=True)
    assert way(found, "2001:db8::9") == ("2001:db8::42", "2001:db8::9")
    assert way(found, "2001:4860::8") == ("2001:db8::42", "fe80::1")
    assert found.mac_of("fe80::1") == GATEWAY


@pytest.mark.parametrize("wrong", ["not an address", None, 7, {"IPV4": 1}, ["x/y"]])
def test_nonsense_in_the_graph_is_left_out(wrong: Json) -> None:
    found = guest({**TAP, "Neutron": {"IPV4": wrong}, "RoutingTables": wrong})
    assert (found.addresses(), found.routers()) == ([], [])


def test_what_is_remembered_is_bounded() -> None:
    found, make = guest(), Packets()
    for number in range(1000):
        found.learn(make.claims(1, GATEWAY, f"10.1.{number // 250}.{number % 250}"), own=False)
    assert (found.mac_of("10.1.0.5"), found.mac_of("10.1.3.5")) == (GATEWAY, "")
