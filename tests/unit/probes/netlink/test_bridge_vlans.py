# SPDX-License-Identifier: Apache-2.0
"""VLANs of bridge ports, from messages composed as net/bridge/br_netlink.c does: few test kernels filter."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Json
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.bridge_vlans import (
    PVID,
    RANGE_BEGIN,
    RANGE_END,
    UNTAGGED,
    Vlans,
    decode_port,
    vlan_metadata,
)
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import interface_metadata
from netsonde.schema import unlisted
from unit.probes.netlink.traffic import link_message, message, play, u32

BRIDGE, PORT = 7, 8
NATIVE = (PVID | UNTAGGED, 1)
TRUNK = ((RANGE_BEGIN, 10), (RANGE_END, 20), (0, 30))


def port(ifindex: int, *vlans: tuple[int, int], new: bool = True) -> bytes:
    """Compose a bridge's message about its port: flags and number of each VLAN."""
    body = struct.pack("=BxHiII", wire.AF_BRIDGE, 1, ifindex, 0x1043, 0) + wire.attribute(10, u32(BRIDGE))
    if vlans:
        spec = b"".join(wire.attribute(2, struct.pack("=HH", *vlan)) for vlan in vlans)
        body += wire.attribute(26 | 0x8000, spec)
    return message(wire.RTM_NEWLINK if new else wire.RTM_DELLINK, body)


def bridge(*, filtering: bool) -> bytes:
    return link_message(BRIDGE, "br0", "bridge", wire.attribute(7, bytes([filtering])))


@pytest.fixture
def state() -> NamespaceState:
    found = NamespaceState(limit=8)
    play(found, [bridge(filtering=True), link_message(PORT, "v0", "veth", extra=wire.attribute(10, u32(BRIDGE)))])
    return found


def shown(state: NamespaceState, ifindex: int = PORT) -> Json:
    metadata = interface_metadata(state, state.links[ifindex])
    assert unlisted(metadata) == []
    return metadata.get("BridgeVLANs")


def test_port_shows_its_vlans_as_a_switch_would(state: NamespaceState) -> None:
    play(state, [port(PORT, NATIVE, *TRUNK)])
    assert PORT in state.changed
    assert shown(state) == {"PVID": 1, "Untagged": ["1"], "Tagged": ["10-20", "30"]}


def test_bridge_itself_has_vlans_too(state: NamespaceState) -> None:
    play(state, [port(BRIDGE, (0, 10))])
    assert shown(state, BRIDGE) == {"Tagged": ["10"]}


def test_vlans_that_go_disappear(state: NamespaceState) -> None:
    play(state, [port(PORT, NATIVE, *TRUNK), port(PORT, *TRUNK)])
    assert shown(state) == {"Tagged": ["10-20", "30"]}
    play(state, [port(PORT)])
    assert shown(state) is None


def test_port_that_leaves_its_bridge_has_none_any_more(state: NamespaceState) -> None:
    play(state, [port(PORT, NATIVE)])
    state.changed.clear()
    play(state, [port(PORT, new=False)])
    assert (state.changed, state.vlans.of(PORT)) == ({PORT}, ())


def test_vlans_count_only_while_the_bridge_filters(state: NamespaceState) -> None:
    play(state, [port(PORT, NATIVE)])
    state.changed.clear()
    state.vlans_untold = False
    play(state, [bridge(filtering=False)])
    assert (shown(state), state.changed, state.vlans_untold) == (None, {BRIDGE, PORT}, False)
    play(state, [bridge(filtering=True)])
    assert (shown(state), state.vlans_untold) == ({"PVID": 1, "Untagged": ["1"]}, True)


def test_port_that_a_dump_does_not_tell_of_has_no_vlans(state: NamespaceState) -> None:
    play(state, [port(PORT, NATIVE), port(BRIDGE, NATIVE)])
    state.changed.clear()
    state.begin("vlans")
    play(state, [port(BRIDGE, NATIVE)])
    state.finish("vlans")
    assert (state.changed, shown(state), shown(state, BRIDGE) is None) == ({PORT}, None, False)


def test_end_of_a_range_without_its_begin_is_one_vlan() -> None:
    (found,) = wire.messages(port(PORT, (RANGE_END, 20), (RANGE_BEGIN, 30), (RANGE_END, 25)))
    assert decode_port(found) == (PORT, (Vlans(20, 20, False, False), Vlans(25, 25, False, False)))


VLANS = st.lists(st.tuples(st.integers(0, 31), st.integers(0, 0xFFFF)), max_size=12)


@given(VLANS)
def test_any_ranges_are_in_order_and_shown_once(vlans: list[tuple[int, int]]) -> None:
    (found,) = wire.messages(port(PORT, *vlans))
    _, decoded = decode_port(found)
    assert all(each.first <= each.last for each in decoded)
    ends = [vlan for flags, vlan in vlans if not flags & RANGE_BEGIN]
    assert sorted(each.last for each in decoded) == sorted(ends)
    assert bool(vlan_metadata(decoded)) is bool(ends)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_port_or_a_wire_error(data: bytes) -> None:
    try:
        ifindex, vlans = decode_port(wire.Message(wire.RTM_NEWLINK, 0, 1, data, 0, len(data)))
    except WireError:
        return
    assert isinstance(ifindex, int)
    assert isinstance(vlans, tuple)
