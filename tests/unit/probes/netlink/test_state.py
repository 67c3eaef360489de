# SPDX-License-Identifier: Apache-2.0
"""A namespace's tables fed by events and dumps."""

import struct
from ipaddress import ip_address

import pytest

from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.routes import routing_tables
from netsonde.probes.netlink.state import NamespaceState
from unit.probes.netlink.traffic import Recording, at, link_message, lower, message, play, route_message


def names(state: NamespaceState) -> set[str]:
    return {link.name for link in state.links.values()}


def test_events_lead_to_the_same_state_as_the_dump_after_them() -> None:
    recording = Recording()
    by_events, by_dump = NamespaceState(100), NamespaceState(100)
    play(by_events, recording.events)
    recording.play_dumps(by_dump)

    made = names(by_dump) - {"lo", "tap0"}  # these two were there before the socket was
    assert names(by_events) >= made
    for ifindex in by_dump.links:
        assert _ipv4(by_events, ifindex) == _ipv4(by_dump, ifindex) or by_dump.links[ifindex].name not in made


def _ipv4(state: NamespaceState, ifindex: int) -> tuple[set[str], set[str]]:
    """Return addresses and routes; those of IPv6 come by themselves a little later."""
    addresses = {address.prefix for address in state.addresses(ifindex) if address.family == wire.AF_INET}
    return addresses, {route.prefix for route in state.routes.of(ifindex) if route.family == wire.AF_INET}


def test_taking_the_lab_down_leaves_nothing_behind() -> None:
    recording = Recording()
    state = NamespaceState(100)
    recording.play_dumps(state)
    index = {link.name: ifindex for ifindex, link in state.links.items()}
    play(state, recording.later)

    assert names(state) == {"lo", "tap0"}
    for gone in ("v0", "v1", "br0", "mv0", "vx0"):
        assert not state.routes.of(index[gone])
        assert not state.neighbours.of(index[gone])
        assert not state.addresses(index[gone])
        assert index[gone] in state.changed


def test_unchanged_message_marks_nothing() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v", "veth")])
    state.changed.clear()
    play(state, [link_message(5, "v", "veth")])
    assert not state.changed


def test_leaving_a_bridge_is_no_deletion() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v", "veth")])
    as_port = bytearray(link_message(5, "v", new=False))
    as_port[16] = wire.AF_BRIDGE
    play(state, [bytes(as_port)])
    assert 5 in state.links


def test_what_a_dump_does_not_confirm_is_gone_and_what_events_said_meanwhile_stays() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "stale"), link_message(6, "kept")])
    state.changed.clear()

    state.begin("links")
    play(state, [link_message(6, "kept"), link_message(7, "new-by-event")])
    state.finish("links")

    assert names(state) == {"kept", "new-by-event"}
    assert state.changed == {5, 7}


def test_interface_deleted_during_a_dump_does_not_come_back() -> None:
    state = NamespaceState(10)
    state.begin("links")
    play(state, [link_message(5, "v"), link_message(5, "v", new=False)])
    state.finish("links")
    assert 5 not in state.links


def test_down_interface_loses_its_ipv4_routes_without_a_message() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v"), route_message("198.51.100.0/24", "10.0.0.1", 5)])
    assert state.routes.of(5)
    play(state, [link_message(5, "v", flags=0x1002)])
    assert not state.routes.of(5)
    assert 5 in state.table_changed


def test_replacing_route_takes_the_place_of_the_old_one() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v"), route_message("198.51.100.0/24", "10.0.0.1", 5)])
    play(state, [route_message("198.51.100.0/24", "10.0.0.2", 5, flags=wire.NLM_F_REPLACE)])
    assert [route.hops[0].gateway for route in state.routes.of(5)] == ["10.0.0.2"]

    play(state, [route_message("198.51.100.0/24", "10.0.0.2", 5, new=False)])
    assert not state.routes.of(5)


def test_routes_beyond_the_limit_are_only_counted() -> None:
    state = NamespaceState(3)
    play(state, [link_message(5, "v"), *(route_message(f"198.51.{n}.0/24", "10.0.0.1", 5) for n in range(10))])
    assert len(state.routes.of(5)) == 3
    assert state.routes.omitted(5) == 7
    play(state, [route_message("198.51.9.0/24", "10.0.0.1", 5, new=False)])
    assert state.routes.omitted(5) == 6


def neighbour_message(ip: str, state: int, *, new: bool = True) -> bytes:
    body = struct.pack("=BxxxiHBB", wire.AF_INET, 5, state, 0, 0) + wire.attribute(1, ip_address(ip).packed)
    return message(wire.RTM_NEWNEIGH if new else wire.RTM_DELNEIGH, body)


def test_neighbour_beyond_the_limit_is_counted_once_however_often_it_changes() -> None:
    state = NamespaceState(2)
    play(state, [link_message(5, "v"), *(neighbour_message(f"10.0.0.{n}", 2) for n in range(4))])
    play(state, [neighbour_message("10.0.0.3", wandering) for wandering in (4, 8, 16, 2) * 9])
    assert state.neighbours.omitted(5) == 2
    play(state, [neighbour_message("10.0.0.3", 2, new=False), neighbour_message("10.0.0.99", 2, new=False)])
    assert state.neighbours.omitted(5) == 1

    play(state, [neighbour_message("10.0.0.0", 2, new=False), neighbour_message("10.0.0.2", 4)])
    assert state.neighbours.omitted(5) == 0
    assert [entry.ip[-1] for entry in state.neighbours.of(5).values()] == [1, 2]


def test_entries_that_are_gone_take_no_room_from_those_that_a_dump_tells() -> None:
    state = NamespaceState(3)
    play(state, [link_message(5, "v"), *(neighbour_message(f"10.0.0.{n}", 2) for n in range(3))])
    state.begin("neighbours")
    play(state, [neighbour_message(f"10.0.0.{n}", 2) for n in (2, 7, 8)])
    state.finish("neighbours")
    assert [entry.ip[-1] for entry in state.neighbours.of(5).values()] == [2, 7, 8]
    assert state.neighbours.omitted(5) == 0


def address_message(prefix: str, *, secondary: bool = False) -> bytes:
    address, _, length = prefix.partition("/")
    family = wire.AF_INET6 if ":" in address else wire.AF_INET
    body = struct.pack("=BBBBi", family, int(length), secondary, 0, 5) + wire.attribute(1, ip_address(address).packed)
    return message(wire.RTM_NEWADDR, body)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_tables_look_the_same_in_whatever_order_the_kernel_tells_them(order: tuple[int, ...]) -> None:
    told = [
        [route_message("198.51.100.0/24", "10.0.0.1", 5), address_message("2001:db8::1/64")],
        [route_message("198.51.100.0/24", "10.0.0.2", 5), address_message("fe80::1/64")],
        [route_message("192.0.2.0/24", "10.0.0.1", 5), address_message("2001:db8::2/64", secondary=True)],
        [route_message("0.0.0.0/0", "10.0.0.1", 5), address_message("2001:db8::3/64")],
    ]
    state = NamespaceState(10)
    play(state, [link_message(5, "v"), *(one for number in order for one in told[number])])
    assert [address.prefix for address in state.addresses(5)] == [
        *("2001:db8::1/64", "2001:db8::3/64", "fe80::1/64", "2001:db8::2/64")
    ]
    (table,) = routing_tables(state.routes.of(5), 5)
    assert [at(route, "Prefix") for route in at(table, "Routes")] == ["0.0.0.0/0", "192.0.2.0/24", "198.51.100.0/24"]
    assert [at(hop, "IP") for hop in at(table, "Routes", 2, "NextHops")] == ["10.0.0.1", "10.0.0.2"]


def test_addresses_of_ipv4_keep_the_kernels_order_which_a_dump_tells_anew() -> None:
    first, second, third = "10.0.0.1/24", "10.0.0.2/24", "10.1.0.1/24"
    state = NamespaceState(10)
    play(state, [link_message(5, "v"), address_message(first), address_message(second, secondary=True)])
    play(state, [address_message(third)])
    assert [address.prefix for address in state.addresses(5)] == [first, third, second]
    state.begin("addresses")
    play(state, [address_message(third), address_message(first), address_message(second, secondary=True)])
    state.finish("addresses")
    assert [address.prefix for address in state.addresses(5)] == [third, first, second]


def test_veth_end_keeps_what_its_kind_says() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v", "veth", extra=lower(6, 2))])
    link = state.links[5]
    assert (link.kind, link.link, link.link_nsid) == ("veth", 6, 2)
