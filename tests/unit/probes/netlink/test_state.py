# SPDX-License-Identifier: Apache-2.0
"""A namespace's tables fed by events and dumps."""

from netsonde.probes.netlink import wire
from netsonde.probes.netlink.state import NamespaceState
from unit.probes.netlink.traffic import Recording, link_message, lower, play, route_message


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


def test_veth_end_keeps_what_its_kind_says() -> None:
    state = NamespaceState(10)
    play(state, [link_message(5, "v", "veth", extra=lower(6, 2))])
    link = state.links[5]
    assert (link.kind, link.link, link.link_nsid) == ("veth", 6, 2)
