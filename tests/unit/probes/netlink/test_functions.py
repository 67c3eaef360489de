# SPDX-License-Identifier: Apache-2.0
"""SR-IOV by composed messages and a directory like sysfs: virtual functions, representors, who belongs to whom."""

import struct
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Metadata
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.functions import decode_functions, physical_function
from netsonde.probes.netlink.physical import PhysicalFunctions
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import Driver, Key, interface_metadata
from netsonde.schema import unlisted
from unit.probes.netlink.test_publisher import OWN, Lab
from unit.probes.netlink.traffic import link_message, play, u32

PF, VF = "0000:03:00.0", "0000:03:00.3"
BUS = wire.attribute(56, PF.encode() + b"\0")


def function(number: int, vlan: int = 0, *, trust: int = 0xFFFFFFFF) -> bytes:
    """Compose one IFLA_VF_INFO as rtnl_fill_vfinfo does."""
    mac = u32(number) + bytes([2, 0, 0, 0, 0, number]) + bytes(26)
    settings = ((1, mac), (2, u32(number) + u32(vlan) + u32(5)), (6, u32(number) + u32(0) + u32(1000)))
    numbers = ((3, 1000), (4, 1), (5, 2), (9, trust))
    found = b"".join(wire.attribute(kind, value) for kind, value in settings)
    found += b"".join(wire.attribute(kind, u32(number) + u32(value)) for kind, value in numbers)
    return wire.attribute(0x8000 | 1, found)


def functions(*each: bytes) -> bytes:
    """Compose IFLA_NUM_VF and IFLA_VFINFO_LIST."""
    return wire.attribute(21, u32(len(each))) + wire.attribute(0x8000 | 22, b"".join(each))


FIRST: Metadata = {
    **{"ID": 0, "MAC": "02:00:00:00:00:00", "Vlan": 100, "Qos": 5, "TxRate": 1000, "LinkState": 2, "Spoofchk": True},
    "Trust": True,
}


def test_virtual_functions_of_hardware_are_listed() -> None:
    state = NamespaceState(100)
    play(state, [link_message(5, "eth0", extra=BUS + functions(function(0, 100, trust=1), function(1)))])
    metadata = interface_metadata(state, state.links[5])
    second = {**FIRST, "ID": 1, "MAC": "02:00:00:00:00:01", "Vlan": 0}
    del second["Trust"]
    assert metadata["Vfs"] == [FIRST, second]
    assert unlisted(metadata) == []


def test_event_does_not_tell_of_functions_so_they_are_kept_and_asked_for() -> None:
    state = NamespaceState(100)
    state.begin("links")
    play(state, [link_message(5, "eth0", extra=BUS + functions(function(0)))])
    state.finish("links")
    known, state.changed = state.links[5].functions, set()
    assert not state.links_untold

    play(state, [link_message(5, "eth0", extra=BUS)])
    assert state.links_untold == {5}
    assert state.links[5].functions == known

    state.links_untold = set()
    play(state, [link_message(5, "eth0", extra=BUS + functions(function(0, 7)))])
    assert state.changed == {5}
    assert not state.links_untold, "an answer would be asked for again and again"
    assert state.links[5].functions != known


def test_hardware_that_comes_has_all_hardware_asked() -> None:
    state = NamespaceState(100)
    state.begin("links")
    play(state, [link_message(5, "eth0", extra=BUS + functions()), link_message(6, "eth1", extra=BUS)])
    state.finish("links")
    play(
        state, [link_message(7, "eth0v0", extra=wire.attribute(56, VF.encode() + b"\0")), link_message(8, "v", "veth")]
    )
    assert state.links_untold == {5, 7}


def test_representor_names_its_port_switch_and_devlink_port() -> None:
    devlink = wire.attribute(1, b"pci\0") + wire.attribute(2, b"0000:03:00.0\0") + wire.attribute(3, u32(1))
    place = wire.attribute(38, b"pf0vf3\0") + wire.attribute(36, bytes.fromhex("0c42a1fffe1b2c3d"))
    state = NamespaceState(100)
    play(state, [link_message(5, "enp3s0f0_3", extra=place + wire.attribute(0x8000 | 62, devlink))])
    metadata = interface_metadata(state, state.links[5])
    shown = [metadata[key] for key in ("PhysPortName", "PhysSwitchID", "DevlinkPort")]
    assert shown == ["pf0vf3", "0c42a1fffe1b2c3d", "pci/0000:03:00.0/1"]
    assert unlisted(metadata) == []


def test_device_is_found_among_the_virtual_functions_of_its_hardware(tmp_path: Path) -> None:
    for device in (PF, VF, "0000:03:00.2", "0000:04:00.0"):
        (tmp_path / device).mkdir()
    for name, target in (("virtfn0", "0000:03:00.2"), ("virtfn1", VF), ("virtfnx", VF)):
        (tmp_path / PF / name).symlink_to(f"../{target}")
    (tmp_path / VF / "physfn").symlink_to(f"../{PF}")
    assert physical_function(VF, tmp_path) == (PF, 1)
    assert physical_function(PF, tmp_path) is None
    assert physical_function("0000:04:00.0", tmp_path) is None
    assert physical_function("", tmp_path) is None
    (tmp_path / "0000:04:00.0" / "physfn").symlink_to("../0000:05:00.0")
    assert physical_function("0000:04:00.0", tmp_path) is None


def test_virtual_function_is_tied_to_its_hardware_whichever_comes_first() -> None:
    lab = Lab()
    lab.drivers[OWN, 6] = Driver(bus=VF, physical=PF, function=1)
    lab.drivers[OWN, 5] = Driver(bus=PF)
    play(lab.state, [link_message(6, "eth0v1")])
    lab.flush()
    play(lab.state, [link_message(5, "eth0", extra=functions(function(0), function(1)))])
    lab.flush()
    assert ("eth0", "eth0v1", "vf") in lab.edges()
    assert {node.metadata.get("VfID") for node in lab.graph.nodes()} == {None, 1}

    play(lab.state, [link_message(5, "eth0", extra=functions())])
    lab.flush()
    assert ("eth0", "eth0v1", "vf") not in lab.edges()


def test_hardware_that_goes_to_another_namespace_and_comes_back_is_found_there() -> None:
    marked: list[Key] = []
    found = PhysicalFunctions(marked.append)
    here, there, virtual = (1, 5), (2, 5), (3, 6)
    assert found.of(virtual, PF) is None
    found.seen(here, PF)
    assert (found.of(virtual, PF), marked) == (here, [virtual])
    found.seen(there, PF)
    found.removed(here)
    assert found.of(virtual, PF) == there
    found.removed(there)
    assert found.of(virtual, PF) is None
    found.removed(virtual)
    marked.clear()
    found.seen(here, PF)
    assert marked == []


@given(st.binary(max_size=200), st.integers(0, 32))
def test_rubbish_is_refused_or_no_function_or_one_with_a_number(data: bytes, mac_length: int) -> None:
    with suppress(WireError):
        assert all(isinstance(shown["ID"], int) for shown in decode_functions(wire.attribute(1, data), mac_length))


def test_length_of_a_function_that_lies_is_not_believed() -> None:
    cut = wire.attribute(1, wire.attribute(1, struct.pack("=I", 3) + b"\2"))
    assert list(decode_functions(cut, 6)) == []
