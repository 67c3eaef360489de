# SPDX-License-Identifier: Apache-2.0
"""Programs that tc runs, from messages composed as net/sched does."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.programs import EGRESS, INGRESS, OLD_INGRESS, TCMSG, Programs
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import interface_metadata
from netsonde.schema import unlisted
from unit.probes.netlink.traffic import link_message, message, play, u32

TAG = bytes.fromhex("a04f5eef06a7f555")


def filtering(
    number: int, *, parent: int = INGRESS, priority: int = 1, handle: int = 1, kind: str = "bpf", new: bool = True
) -> bytes:
    """Compose a filter of interface 2 that runs program `number`."""
    body = TCMSG.pack(0, 2, handle, parent, priority << 16 | 0x0300) + wire.attribute(1, kind.encode() + b"\0")
    options = (
        wire.attribute(7, f"prog{number}".encode() + b"\0") + wire.attribute(10, TAG) + wire.attribute(11, u32(number))
    )
    body += wire.attribute(2 | 0x8000, options)
    return message(wire.RTM_NEWTFILTER if new else wire.RTM_DELTFILTER, body)


def discipline(kind: str = "clsact", *, new: bool = True) -> bytes:
    body = TCMSG.pack(0, 2, 0xFFFF0000, 0xFFFFFFF1, 1) + wire.attribute(1, kind.encode() + b"\0")
    return message(wire.RTM_NEWQDISC if new else wire.RTM_DELQDISC, body)


@pytest.fixture
def state() -> NamespaceState:
    found = NamespaceState(limit=3)
    play(found, [link_message(2, "eth2")])
    return found


def shown(state: NamespaceState) -> list[tuple[object, object]]:
    metadata = interface_metadata(state, state.links[2])
    assert unlisted(metadata) == []
    programs = metadata.get("TCPrograms", [])
    assert isinstance(programs, list)
    return [(each["Hook"], each["ProgID"]) for each in programs if isinstance(each, dict)]


def test_programs_are_shown_by_hook_in_the_order_in_which_they_run(state: NamespaceState) -> None:
    play(state, [filtering(9, parent=EGRESS), filtering(7, priority=2), filtering(8, priority=1)])
    assert shown(state) == [("ingress", 8), ("ingress", 7), ("egress", 9)]
    assert state.table_changed == {2}
    programs = interface_metadata(state, state.links[2])["TCPrograms"]
    assert programs[0] == {"Hook": "ingress", "Priority": 1, "ProgID": 8, "Name": "prog8", "Tag": TAG.hex()}  # type: ignore[index]


def test_filters_that_run_no_program_or_hang_elsewhere_are_left_out(state: NamespaceState) -> None:
    play(state, [filtering(7, kind="flower"), filtering(8, parent=0x10000), filtering(9, handle=0)])
    assert shown(state) == []


def test_old_discipline_has_an_ingress_too(state: NamespaceState) -> None:
    play(state, [filtering(7, parent=OLD_INGRESS)])
    assert shown(state) == [("ingress", 7)]


def test_program_that_is_replaced_or_detached_is_followed(state: NamespaceState) -> None:
    play(state, [filtering(7), filtering(8)])
    assert shown(state) == [("ingress", 8)]
    state.table_changed.clear()
    play(state, [filtering(8)])
    assert state.table_changed == set()
    play(state, [filtering(8, new=False)])
    assert (shown(state), state.table_changed) == ([], {2})


def test_deletion_without_a_handle_is_one_of_the_whole_priority(state: NamespaceState) -> None:
    play(state, [filtering(7, handle=1), filtering(8, handle=2), filtering(9, priority=5)])
    play(state, [filtering(0, handle=0, new=False)])
    assert shown(state) == [("ingress", 9)]


def test_discipline_takes_its_filters_along(state: NamespaceState) -> None:
    play(state, [filtering(7), discipline("fq", new=False)])
    assert shown(state) == [("ingress", 7)]
    play(state, [discipline(new=False)])
    assert shown(state) == []


def test_programs_beyond_the_limit_are_counted(state: NamespaceState) -> None:
    play(state, [filtering(number, handle=number) for number in range(1, 6)])
    metadata = interface_metadata(state, state.links[2])
    assert (len(shown(state)), metadata["TCProgramsOmitted"]) == (3, 2)


def test_program_that_the_hooks_do_not_tell_of_after_a_loss_is_gone(state: NamespaceState) -> None:
    play(state, [filtering(7, handle=1), filtering(8, handle=2)])
    state.table_changed.clear()
    state.begin("qdiscs")
    play(state, [discipline(), discipline("noqueue")])
    state.finish("qdiscs")
    assert state.hooks_untold == [2]
    state.begin("hooks")
    play(state, [filtering(8, handle=2)])
    state.finish("hooks")
    assert shown(state) == [("ingress", 7), ("ingress", 8)], "its other hook is still to be read"
    state.begin("hooks")
    state.finish("hooks")
    assert (shown(state), state.table_changed) == ([("ingress", 8)], {2})


def test_namespace_without_hooks_has_no_programs_after_a_loss(state: NamespaceState) -> None:
    play(state, [filtering(7)])
    state.begin("qdiscs")
    state.finish("qdiscs")
    assert (shown(state), state.hooks_untold) == ([], [])


@given(st.binary(max_size=120))
def test_any_bytes_are_a_filter_or_a_wire_error(data: bytes) -> None:
    programs = Programs(8)
    for kind, take in (
        (wire.RTM_NEWTFILTER, programs.new_filter),
        (wire.RTM_DELTFILTER, programs.del_filter),
        (wire.RTM_NEWQDISC, programs.new_discipline),
        (wire.RTM_DELQDISC, programs.del_discipline),
    ):
        try:
            take(wire.Message(kind, 0, 1, data, 0, len(data)))
        except WireError:
            continue
    cut = struct.pack("=B", 0)
    with pytest.raises(WireError, match="too short"):
        programs.new_filter(wire.Message(wire.RTM_NEWTFILTER, 0, 1, cut, 0, 1))
