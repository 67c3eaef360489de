# SPDX-License-Identifier: Apache-2.0
"""Offloads from names and bits as ETHTOOL_GSTRINGS and ETHTOOL_GFEATURES give them, and what is shown of a driver."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from netsonde.probes.netlink.ethtool import features, read_driver
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import Driver, interface_metadata
from netsonde.schema import unlisted
from unit.probes.netlink.traffic import link_message, play


def names(*texts: str) -> bytes:
    return b"".join(text.encode().ljust(32, b"\0") for text in texts)


def test_each_name_has_its_bit_and_unnamed_bits_are_left_out() -> None:
    many = [f"f{number}" for number in range(34)]
    many[2] = ""
    active = struct.pack("=II", 0b101, 0b10)
    found = features(names(*many), active)
    assert len(found) == 33
    assert [name for name, on in found.items() if on] == ["f0", "f33"]


def test_shorter_answers_give_fewer_offloads() -> None:
    assert features(b"", b"") == {}
    assert features(names("a", "b"), b"") == {}
    assert features(names("a")[:31], bytes(4)) == {}


@given(st.binary(max_size=200), st.lists(st.integers(0, 0xFFFFFFFF), max_size=3))
def test_any_answer_gives_booleans(text: bytes, words: list[int]) -> None:
    found = features(text, struct.pack(f"={len(words)}I", *words))
    assert all(isinstance(value, bool) for value in found.values())
    assert len(found) <= min(len(text) // 32, len(words) * 32)


def test_interface_that_is_not_there_says_nothing() -> None:
    assert read_driver("no-such-iface") == Driver()


def test_facts_of_the_driver_are_shown_and_listed() -> None:
    state = NamespaceState(limit=8)
    play(state, [link_message(7, "eth0")])
    offloads = {"rx-checksum": True, "highdma": False}
    driver = Driver("mlx5_core", "0000:03:00.0", 25000, "full", "14.32.1010", offloads, {"RX": 512}, {"Combined": 8})  # type: ignore[arg-type]
    shown = interface_metadata(state, state.links[7], driver=driver)
    assert shown["Features"] == offloads
    assert (shown["Duplex"], shown["Rings"], shown["Channels"]) == ("full", {"RX": 512}, {"Combined": 8})
    assert unlisted(shown) == []
    silent = interface_metadata(state, state.links[7], driver=Driver("virtio_net"))
    assert not {"Features", "Duplex", "Rings", "Channels", "FirmwareVersion", "Speed"} & silent.keys()


def test_interface_that_is_told_of_again_unchanged_is_asked_about_again() -> None:
    state = NamespaceState(limit=8)
    play(state, [link_message(7, "eth0")])
    assert (state.changed, state.retold) == ({7}, set())
    play(state, [link_message(7, "eth0")])
    assert state.retold == {7}
    state.retold.clear()
    state.begin("links")
    play(state, [link_message(7, "eth0")])
    state.finish("links")
    assert state.retold == set()
