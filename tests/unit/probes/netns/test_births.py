# SPDX-License-Identifier: Apache-2.0
"""Process events decoded: one recorded datagram of each sort, and rubbish."""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import Unsupported, WireError
from netsonde.probes.netns import births
from netsonde.probes.netns.births import BirthWatcher, pids

FORK, EXEC, EXIT = 1, 2, 0x80000000


def event(what: int, *data: int) -> bytes:
    """Compose an event as drivers/connector/cn_proc.c does; the union is always as long as its longest member."""
    union = struct.pack(f"={len(data)}i", *data).ljust(24, b"\0")
    body = struct.pack("=IIQ", what, 1, 123_456_789) + union
    message = struct.pack("=IIIIHH", 1, 1, 77, 0, len(body), 0) + body
    return struct.pack("=IHHII", 16 + len(message), 3, 0, 77, 0) + message


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (event(FORK, 1, 1, 4242, 4242), [4242]),
        (event(FORK, 900, 900, 4243, 900), []),
        (event(EXEC, 4242, 4242), [4242]),
        (event(EXEC, 4250, 4242), [4242]),
        (event(EXIT, 4242, 4242, 0, 17), []),
        (event(FORK, 1, 1, 5, 5) + event(EXEC, 5, 5), [5, 5]),
        (b"", []),
    ],
    ids=["a child", "a thread", "a program", "a program of a thread", "an end", "two at once", "nothing"],
)
def test_processes_are_told_when_they_are_made_and_when_they_begin_a_program(
    datagram: bytes, expected: list[int]
) -> None:
    assert list(pids(datagram)) == expected


@given(st.sampled_from([FORK, EXEC]), st.integers(0, 76))
def test_event_that_is_cut_is_refused_or_tells_nothing_wrong(what: int, length: int) -> None:
    whole = event(what, 7, 7, 7, 7)
    cut = struct.pack("=I", length) + whole[4:length]
    with suppress(WireError):
        assert set(pids(cut)) <= {7}


@given(st.binary(max_size=120))
def test_rubbish_is_refused_or_tells_numbers(data: bytes) -> None:
    with suppress(WireError):
        assert all(isinstance(pid, int) for pid in pids(data))


def test_kernel_without_the_connector_is_unsupported_and_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(Unsupported, match="no process events: Protocol not supported"):
        births.open_births()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of what a watcher reads from."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    here.setblocking(False)
    there.setblocking(False)
    monkeypatch.setattr(births, "open_births", lambda: there)
    monkeypatch.setattr(births, "close_births", lambda listening: listening.close())
    with here:
        yield here


@pytest.mark.parametrize("saved", [births.SAVED, 0.0], ids=["rested", "tired"])
async def test_every_birth_is_told_however_often_the_watcher_has_to_rest(
    kernel: socket.socket, monkeypatch: pytest.MonkeyPatch, saved: float
) -> None:
    monkeypatch.setattr(births, "SAVED", saved)
    told: list[int] = []
    done = asyncio.Event()

    def born(found: list[int]) -> None:
        told.extend(found)
        if len(told) >= 200:
            done.set()

    watcher = BirthWatcher(born)
    try:
        for pid in range(1, 201):
            await asyncio.get_running_loop().sock_sendall(kernel, event(EXEC, pid, pid))
        await asyncio.wait_for(done.wait(), 20)
    finally:
        watcher.close()
    assert told == list(range(1, 201))


async def test_watcher_that_is_closed_while_it_rests_tells_nothing_more(
    kernel: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(births, "SAVED", 0.0)
    told: asyncio.Queue[list[int]] = asyncio.Queue()
    watcher = BirthWatcher(told.put_nowait)
    kernel.send(event(EXEC, 7, 7))
    assert await told.get() == [7]
    kernel.send(event(EXEC, 8, 8))
    watcher.close()
    await asyncio.sleep(0)
    assert told.empty()
