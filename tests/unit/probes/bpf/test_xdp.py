# SPDX-License-Identifier: Apache-2.0
"""XDP programs of interfaces by composed messages: one, several by mode, none, and kernels that refuse."""

import errno
import struct
from typing import Any, cast

import pytest

from netsonde.errors import SourceLost, WireError
from netsonde.probes import netlink_wire as wire
from netsonde.probes.bpf.xdp import decode, read_xdp
from unit.probes.netlink.traffic import link_message

GENERIC, DRIVER, OFFLOADED, ANY = 6, 5, 7, 4
DONE = struct.pack("=IHHIIi", 20, wire.NLMSG_DONE, 2, 1, 0, 0)


def link(ifindex: int, **programs: int) -> bytes:
    """Compose RTM_NEWLINK of an interface as rtnl_xdp_fill does."""
    modes = {"generic": GENERIC, "driver": DRIVER, "offloaded": OFFLOADED, "any": ANY}
    found = b"".join(wire.attribute(modes[mode], struct.pack("=I", number)) for mode, number in programs.items())
    return link_message(ifindex, f"eth{ifindex}", extra=wire.attribute(0x8000 | 43, wire.attribute(2, b"\1") + found))


class Kernel:
    """Says these datagrams, each from a port."""

    def __init__(self, *datagrams: tuple[bytes, int]) -> None:
        self._datagrams = list(datagrams)

    def send(self, request: bytes) -> int:
        return len(request)

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        if not self._datagrams:
            raise TimeoutError("timed out")
        data, sender = self._datagrams.pop(0)
        return data, (sender, 0)


def read(*datagrams: tuple[bytes, int]) -> dict[int, list[int]]:
    source: Any = cast("Any", Kernel(*datagrams))
    return read_xdp(source)


def test_programs_are_in_the_order_in_which_a_packet_meets_them() -> None:
    assert read((link(5, generic=1, driver=2, offloaded=3, any=0), 0), (DONE, 0)) == {5: [3, 2, 1]}


def test_older_kernel_tells_one_program_without_its_mode() -> None:
    assert read((link(5, any=7) + link(6), 0), (DONE, 0)) == {5: [7]}


def test_what_other_processes_send_is_not_believed() -> None:
    assert read((link(5, driver=7), 4711), (link(6, driver=8), 0), (DONE, 0)) == {6: [8]}


def test_kernel_that_refuses_or_falls_silent_is_lost() -> None:
    refusal = struct.pack("=IHHIIi", 36, wire.NLMSG_ERROR, 2, 1, 0, -errno.EPERM) + bytes(16)
    with pytest.raises(SourceLost, match="error 1"):
        read((refusal, 0))
    with pytest.raises(SourceLost, match="timed out"):
        read()


def test_dump_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    broken = struct.pack("=IHHIIi", 20, wire.NLMSG_DONE, 2, 1, 0, -errno.EMSGSIZE)
    with pytest.raises(SourceLost, match=f"error {errno.EMSGSIZE}"):
        read((link(5, driver=2), 0), (broken, 0))


def test_dump_in_which_an_interface_came_or_went_is_asked_for_again() -> None:
    changed = struct.pack("=IHHIIi", 20, wire.NLMSG_DONE, wire.NLM_F_DUMP_INTR, 1, 0, 0)
    whole = ((link(5, driver=2) + link(6, driver=3), 0), (DONE, 0))
    assert read((link(5, driver=2), 0), (changed, 0), *whole) == {5: [2], 6: [3]}
    with pytest.raises(SourceLost, match="change all the while"):
        read((changed, 0), (changed, 0), (changed, 0))


def test_message_that_is_cut_is_refused() -> None:
    (short,) = wire.messages(struct.pack("=IHHII", 20, wire.RTM_NEWLINK, 2, 1, 0) + bytes(4))
    with pytest.raises(WireError):
        decode(short)
