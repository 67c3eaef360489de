# SPDX-License-Identifier: Apache-2.0
"""Questions over generic netlink: families, dumps and single answers, refusals, and what others send."""

import errno
import struct
from collections import deque
from typing import Any, cast

import pytest

from netsonde.probes import netlink_wire as wire
from netsonde.probes.generic_netlink import ask, open_socket, read_family

COMMAND = 7


def message(kind: int, body: bytes = b"", seq: int = COMMAND) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 2, seq, 0) + body


def error(number: int) -> bytes:
    return message(wire.NLMSG_ERROR, struct.pack("=i", -number) + bytes(16))


class Kernel:
    """Says these datagrams, each from a port."""

    def __init__(self, *datagrams: tuple[bytes, int]) -> None:
        self.sent: list[bytes] = []
        self._datagrams = deque(datagrams)

    def send(self, request: bytes) -> int:
        self.sent.append(request)
        return len(request)

    def recvfrom(self, _: int) -> tuple[bytes, tuple[int, int]]:
        data, sender = self._datagrams.popleft()
        return data, (sender, 0)


def bodies(*datagrams: tuple[bytes, int], dump: bool) -> list[bytes]:
    source: Any = cast("Any", Kernel(*datagrams))
    return [answer.payload() for answer in ask(source, 22, COMMAND, dump=dump)]


def test_dump_is_read_to_its_end_over_datagrams() -> None:
    first = message(22, b"one.") + message(22, b"two.")
    assert bodies((first, 0), (message(22, b"3...") + message(3), 0), dump=True) == [b"one.", b"two.", b"3..."]


def test_single_answer_is_the_first() -> None:
    assert bodies((message(22, b"one.") + message(22, b"two."), 0), dump=False) == [b"one."]


def test_rest_of_an_earlier_answer_and_what_others_send_are_passed_over() -> None:
    late, foreign = message(22, b"late", seq=COMMAND - 1), message(22, b"evil")
    assert bodies((late, 0), (foreign, 4711), (message(22, b"mine"), 0), dump=False) == [b"mine"]


def test_refusal_has_the_kernels_number() -> None:
    with pytest.raises(OSError, match="EBUSY") as refused:
        bodies((error(errno.EBUSY), 0), dump=True)
    assert refused.value.errno == errno.EBUSY


def test_dump_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    broken = message(wire.NLMSG_DONE, struct.pack("=i", -errno.EIO))
    with pytest.raises(OSError, match="EIO"):
        bodies((message(22, b"one."), 0), (broken, 0), dump=True)


def test_family_that_every_kernel_has_is_found_and_another_is_not() -> None:
    with open_socket() as source:
        assert read_family(source, "nlctrl") == 0x10
    unknown: Any = cast("Any", Kernel((message(wire.NLMSG_ERROR, struct.pack("=i", -errno.ENOENT) + bytes(16)), 0)))
    assert read_family(unknown, "netsonde") == 0


def test_kernel_that_cannot_tell_a_family_now_is_not_one_without_it() -> None:
    short: Any = cast("Any", Kernel((message(wire.NLMSG_ERROR, struct.pack("=i", -errno.ENOMEM) + bytes(16)), 0)))
    with pytest.raises(OSError, match="ENOMEM"):
        read_family(short, "devlink")
