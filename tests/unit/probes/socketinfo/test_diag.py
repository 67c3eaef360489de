# SPDX-License-Identifier: Apache-2.0
"""Sockets as sock_diag lists them: a recording of this kernel, composed answers, and rubbish."""

import errno
import json
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import SourceLost, WireError
from netsonde.probes import netlink_wire as wire
from netsonde.probes.socketinfo.diag import Reading, Socket, address_text, decode, read_sockets, request_body

RECORDING = Path(__file__).parents[3] / "data" / "socketinfo" / "dump.json"


class Kernel:
    """Answers requests in the order of `answers`: lists of datagrams."""

    def __init__(self, *answers: list[bytes]) -> None:
        self._answers = [list(answer) for answer in answers]
        self._due: list[bytes] = []
        self.asked: list[tuple[int, int]] = []

    def send(self, request: bytes) -> int:
        self.asked.append((request[16], request[17]))
        self._due = self._answers.pop(0)
        return len(request)

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[int, int]]:
        if not self._due:
            raise TimeoutError("timed out")
        return self._due.pop(0), (0, 0)


def answer(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def sock(inode: int, *, family: int = 2, state: int = 10, local: str = "192.0.2.1", port: int = 80) -> bytes:
    ends = struct.pack("!HH", port, 0) + socket.inet_pton(family, local).ljust(16, b"\0") + bytes(16)
    body = struct.pack("=BBBB", family, state, 0, 0) + ends + struct.pack("=I8xIIIII", 0, 0, 0, 0, 33, inode)
    return answer(20, body)


DONE = answer(wire.NLMSG_DONE, bytes(4))
NOTHING = [DONE]


def error(number: int) -> list[bytes]:
    return [answer(wire.NLMSG_ERROR, struct.pack("=i", -number) + bytes(16))]


def read(kernel: Kernel, most: int = 1000) -> Reading:
    return read_sockets(kernel, most)  # type: ignore[arg-type]


def test_recorded_dump_is_what_ss_listed_in_the_same_namespace() -> None:
    recorded = json.loads(RECORDING.read_text())
    answers = [[bytes.fromhex(data) for data in dump] for dump in recorded["dumps"]]
    found = {
        (each.protocol.lower(), f"{each.local_address}:{each.local_port}", f"{each.remote_address}:{each.remote_port}")
        for each in read(Kernel(*answers)).sockets
    }
    assert found == {tuple(line) for line in recorded["ss"]}
    assert len(found) >= 6


def test_every_family_and_protocol_is_asked_for() -> None:
    kernel = Kernel(NOTHING, NOTHING, NOTHING, NOTHING)
    assert read(kernel) == Reading(())
    assert kernel.asked == [(2, 6), (2, 17), (10, 6), (10, 17)]


def test_sockets_without_a_file_are_left_out() -> None:
    assert [each.inode for each in read(Kernel([sock(0) + sock(7), DONE], NOTHING, NOTHING, NOTHING)).sockets] == [7]


def test_ipv4_on_a_socket_of_ipv6_is_shown_as_ipv4() -> None:
    mapped = Kernel(NOTHING, NOTHING, [sock(7, family=10, local="::ffff:192.0.2.1"), DONE], NOTHING)
    assert [each.local_address for each in read(mapped).sockets] == ["192.0.2.1"]
    assert address_text(10, bytes(16)) == "::"
    assert address_text(10, bytes(12) + bytes([192, 0, 2, 1])) == "::192.0.2.1"


def test_kernel_that_lists_no_udp_still_shows_tcp() -> None:
    reading = read(Kernel([sock(7), DONE], error(2), NOTHING, error(2)))
    assert [each.inode for each in reading.sockets] == [7]
    assert reading.unsupported == {"UDP"}


def test_dump_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    broken = [sock(7), answer(wire.NLMSG_DONE, struct.pack("=i", -errno.ENOMEM))]
    with pytest.raises(SourceLost, match="ENOMEM"):
        read(Kernel(broken))


def test_endless_listing_is_given_up_and_said_so() -> None:
    reading = read(Kernel([b"".join(sock(inode) for inode in range(1, 9)), DONE]), most=5)
    assert (len(reading.sockets), reading.unread) == (5, True)


def test_silent_or_refusing_kernel_is_a_lost_source() -> None:
    with pytest.raises(SourceLost, match="TCP"):
        read(Kernel([]))
    with pytest.raises(SourceLost, match="EPERM"):
        read(Kernel(error(1)))


def test_request_leaves_out_the_states_that_no_file_stands_for() -> None:
    family, protocol, states = struct.unpack_from("=BBxxI", request_body(2, 6))
    assert (family, protocol) == (2, 6)
    assert [state for state in range(1, 13) if not states >> state & 1] == [3, 6, 12]


@given(st.binary(max_size=120))
def test_any_bytes_are_a_socket_or_a_wire_error(data: bytes) -> None:
    message = wire.Message(20, 0, 1, data, 0, len(data))
    if len(data) < 72:
        with pytest.raises(WireError, match="bytes"):
            decode(message, "TCP")
    else:
        assert isinstance(decode(message, "TCP"), Socket)


@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_datagrams_end_in_a_reading_or_a_known_error(datagrams: list[bytes]) -> None:
    try:
        read(Kernel(datagrams, datagrams, datagrams, datagrams))
    except (SourceLost, WireError):
        pass
    else:
        assert datagrams, "silence is not an answer"
