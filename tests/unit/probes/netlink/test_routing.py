# SPDX-License-Identifier: Apache-2.0
"""Routes, next hop objects, and what the kernel changes of them without saying so; composed as linux/nexthop.h says."""

import struct
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Json
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.nexthops import NexthopObject, decode_nexthop
from netsonde.probes.netlink.routes import reject_routes, routing_tables
from netsonde.probes.netlink.state import NamespaceState
from netsonde.schema import unlisted
from unit.probes.netlink.traffic import link_message, message, play, u32

UNICAST, BLACKHOLE, UNREACHABLE = 1, 6, 7


def nexthop(number: int, *, oif: int = 0, via: str = "", group: tuple[int, ...] = (), blackhole: bool = False) -> bytes:
    """Compose the body of RTM_NEWNEXTHOP."""
    body = struct.pack("=BBBxI", wire.AF_INET, 0, 0, 0) + wire.attribute(1, u32(number))
    if group:
        body += wire.attribute(2, b"".join(struct.pack("=IBBH", member, 0, 0, 0) for member in group))
    body += wire.attribute(4, b"") if blackhole else b""
    body += wire.attribute(5, u32(oif)) if oif else b""
    return body + (wire.attribute(6, ip_address(via).packed) if via else b"")


def route(
    prefix: str, *, oif: int = 0, via: str = "", nhid: int = 0, kind: int = UNICAST, new: bool = True, flags: int = 0
) -> bytes:
    network = ip_network(prefix)
    family = wire.AF_INET if network.version == 4 else wire.AF_INET6
    body = struct.pack("=BBBBBBBBI", family, network.prefixlen, 0, 0, 254, 3, 0, kind, 0)
    body += wire.attribute(1, network.network_address.packed)
    body += wire.attribute(4, u32(oif)) if oif else b""
    body += wire.attribute(5, ip_address(via).packed) if via else b""
    body += wire.attribute(30, u32(nhid)) if nhid else b""
    return message(wire.RTM_NEWROUTE if new else wire.RTM_DELROUTE, body, flags)


def new(body: bytes) -> bytes:
    return message(wire.RTM_NEWNEXTHOP, body)


def gone(number: int) -> bytes:
    return message(wire.RTM_DELNEXTHOP, nexthop(number))


@pytest.fixture
def state() -> NamespaceState:
    found = NamespaceState(limit=8)
    play(found, [link_message(index, f"eth{index}") for index in (2, 3)])
    return found


def ways(state: NamespaceState) -> dict[str, set[tuple[int, str]]]:
    """Return interface and gateway of each prefix."""
    found: dict[str, set[tuple[int, str]]] = {}
    for ifindex in (2, 3):
        for kept in state.routes.of(ifindex):
            shown = {(hop.ifindex, hop.gateway) for hop in kept.hops if hop.ifindex == ifindex}
            found.setdefault(kept.prefix, set()).update(shown)
    return found


def refused(state: NamespaceState) -> list[tuple[str, str]]:
    return [(kept.prefix, kept.refuses) for kept in state.routes.of(0)]


def test_route_that_names_only_its_object_leads_where_that_does(state: NamespaceState) -> None:
    play(state, [new(nexthop(7, oif=2, via="10.0.0.2")), route("10.9.0.0/16", nhid=7)])
    assert ways(state) == {"10.9.0.0/16": {(2, "10.0.0.2")}}
    (table,) = routing_tables(state.routes.of(2), 2)
    assert table["Routes"][0]["NextHops"] == [{"Priority": 0, "IfIndex": 2, "IP": "10.0.0.2", "ID": 7}]  # type: ignore[call-overload, index]
    assert unlisted({"Type": "device", "Name": "x", "RoutingTables": [table]}) == []


def test_object_that_is_replaced_takes_its_routes_along(state: NamespaceState) -> None:
    play(state, [new(nexthop(7, oif=2, via="10.0.0.2")), route("10.9.0.0/16", nhid=7), route("10.8.0.0/16", oif=2)])
    state.table_changed.clear()
    play(state, [new(nexthop(7, oif=3, via="10.0.1.2"))])
    assert ways(state) == {"10.9.0.0/16": {(3, "10.0.1.2")}, "10.8.0.0/16": {(2, "")}}
    assert state.table_changed == {2, 3}
    play(state, [route("10.9.0.0/16", nhid=7, new=False)])
    assert ways(state) == {"10.8.0.0/16": {(2, "")}}


def test_route_of_an_object_that_is_not_known_leads_where_the_message_says(state: NamespaceState) -> None:
    play(state, [route("10.9.0.0/16", nhid=7, oif=2, via="10.0.0.2"), route("10.8.0.0/16", nhid=8)])
    assert ways(state) == {"10.9.0.0/16": {(2, "10.0.0.2")}}
    assert reject_routes(state.routes.of(0)) == {}
    play(state, [new(nexthop(8, oif=3))])
    assert ways(state) == {"10.9.0.0/16": {(2, "10.0.0.2")}, "10.8.0.0/16": {(3, "")}}


def test_group_leads_to_each_member_and_loses_those_that_go(state: NamespaceState) -> None:
    play(state, [new(nexthop(7, oif=2)), new(nexthop(8, oif=3, via="10.0.1.2")), new(nexthop(9, group=(7, 8)))])
    play(state, [route("10.9.0.0/16", nhid=9)])
    assert ways(state) == {"10.9.0.0/16": {(2, ""), (3, "10.0.1.2")}}
    play(state, [gone(7)])
    assert ways(state) == {"10.9.0.0/16": {(3, "10.0.1.2")}}
    play(state, [gone(8)])
    assert ways(state) == {}
    assert len(state.routing.nexthops) == 0


def test_interface_that_goes_down_takes_its_objects_and_their_routes(state: NamespaceState) -> None:
    play(state, [new(nexthop(7, oif=2)), new(nexthop(8, oif=3)), new(nexthop(9, group=(7, 8)))])
    play(state, [route("10.7.0.0/16", nhid=7), route("10.9.0.0/16", nhid=9)])
    play(state, [link_message(2, "eth2", flags=0x1002)])
    assert ways(state) == {"10.9.0.0/16": {(3, "")}}
    play(state, [link_message(3, "eth3", new=False)])
    assert ways(state) == {}


def test_object_that_a_new_dump_does_not_confirm_is_gone_with_its_routes(state: NamespaceState) -> None:
    play(state, [new(nexthop(7, oif=2)), new(nexthop(8, oif=3))])
    play(state, [route("10.7.0.0/16", nhid=7), route("10.8.0.0/16", nhid=8)])
    state.begin("nexthops")
    play(state, [new(nexthop(8, oif=3))])
    state.finish("nexthops")
    assert ways(state) == {"10.8.0.0/16": {(3, "")}}


def test_black_holes_are_kept_for_the_namespace_as_a_whole(state: NamespaceState) -> None:
    play(state, [route("10.8.0.0/16", kind=BLACKHOLE), route("2001:db8::/32", oif=1, kind=UNREACHABLE)])
    play(state, [new(nexthop(8, blackhole=True)), route("10.6.0.0/16", nhid=8)])
    assert refused(state) == [
        ("10.8.0.0/16", "blackhole"),
        ("2001:db8::/32", "unreachable"),
        ("10.6.0.0/16", "blackhole"),
    ]
    assert (state.rules_changed, ways(state)) == (True, {})
    shown = reject_routes(state.routes.of(0))
    assert [one["Prefix"] for one in shown["RejectRoutes"]] == ["10.6.0.0/16", "10.8.0.0/16", "2001:db8::/32"]  # type: ignore[call-overload, index, union-attr]
    assert unlisted({"Type": "host", "Name": "h1", **shown, "RejectRoutesOmitted": 1}) == []
    play(state, [route("10.8.0.0/16", kind=BLACKHOLE, new=False), gone(8)])
    assert refused(state) == [("2001:db8::/32", "unreachable")]


def test_black_holes_beyond_the_limit_are_counted(state: NamespaceState) -> None:
    play(state, [route(f"10.{number}.0.0/16", kind=BLACKHOLE) for number in range(10)])
    shown = reject_routes(state.routes.of(0), state.routes.omitted(0))
    assert (len(shown["RejectRoutes"]), shown["RejectRoutesOmitted"]) == (8, 2)  # type: ignore[arg-type]


def test_route_that_is_replaced_leaves_the_interface_that_it_had(state: NamespaceState) -> None:
    play(state, [route("10.9.0.0/16", oif=2), route("10.9.0.0/16", oif=3, flags=wire.NLM_F_REPLACE)])
    assert ways(state) == {"10.9.0.0/16": {(3, "")}}
    play(state, [route("10.9.0.0/16", kind=BLACKHOLE, flags=wire.NLM_F_REPLACE)])
    assert (ways(state), refused(state)) == ({}, [("10.9.0.0/16", "blackhole")])
    play(state, [route("10.9.0.0/16", oif=2, flags=wire.NLM_F_REPLACE)])
    assert (ways(state), refused(state)) == ({"10.9.0.0/16": {(2, "")}}, [])


def test_route_that_is_told_again_as_it_is_changes_nothing(state: NamespaceState) -> None:
    play(state, [route("10.9.0.0/16", oif=2)])
    state.table_changed.clear()
    play(state, [route("10.9.0.0/16", oif=2, flags=wire.NLM_F_REPLACE)])
    assert state.table_changed == set()


NUMBERS = st.integers(1, 4)
MESSAGES = st.one_of(
    st.builds(lambda number, oif: new(nexthop(number, oif=oif)), NUMBERS, st.integers(2, 3)),
    st.builds(lambda number, group: new(nexthop(number, group=tuple(group))), NUMBERS, st.lists(NUMBERS, max_size=3)),
    st.builds(lambda number: new(nexthop(number, blackhole=True)), NUMBERS),
    st.builds(gone, NUMBERS),
    st.builds(
        lambda third, number, there, again: route(
            f"10.{third}.0.0/16", nhid=number, new=there, flags=wire.NLM_F_REPLACE if again else 0
        ),
        *(NUMBERS, NUMBERS, st.booleans(), st.booleans()),
    ),
    st.builds(lambda third, oif, kind: route(f"10.{third}.0.0/16", oif=oif, kind=kind), NUMBERS, NUMBERS, NUMBERS),
    st.builds(
        lambda oif, flags: link_message(oif, f"eth{oif}", flags=flags), st.integers(2, 3), st.sampled_from([2, 3])
    ),
)


@given(st.lists(MESSAGES, max_size=20))
def test_routes_are_where_their_objects_lead_whatever_happened(datagrams: list[bytes]) -> None:
    state = NamespaceState(limit=100)
    play(state, [*(link_message(index, f"eth{index}") for index in (2, 3)), *datagrams])
    routing = state.routing
    for ifindex in range(5):
        for kept in routing.routes.of(ifindex):
            hops = routing.nexthops.hops(kept.nexthop) if kept.nexthop else kept.hops
            assert hops in (None, kept.hops)
            assert ifindex in ({hop.ifindex for hop in kept.hops} or {0})
            assert ifindex in routing._places[kept.identity]


@given(st.binary(max_size=80))
def test_any_bytes_are_an_object_or_a_wire_error(data: bytes) -> None:
    try:
        found: object = decode_nexthop(wire.Message(wire.RTM_NEWNEXTHOP, 0, 1, data, 0, len(data)))
    except WireError:
        return
    assert isinstance(found, NexthopObject)


def test_json_of_a_refusal_is_what_a_query_reads() -> None:
    found = NamespaceState(limit=8)
    play(found, [route("10.8.0.0/16", kind=BLACKHOLE)])
    expected: list[Json] = [
        {"Table": 254, "Prefix": "10.8.0.0/16", "Priority": 0, "Type": "blackhole", "Protocol": 3},
    ]
    assert reject_routes(found.routes.of(0)) == {"RejectRoutes": expected}
