# SPDX-License-Identifier: Apache-2.0
"""One namespace followed through a socket whose other end the test plays."""

import asyncio
import errno
import os
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from netsonde.probes import netlink_wire as wire
from netsonde.probes.namespaces import Namespace
from netsonde.probes.netlink import watch as module
from netsonde.probes.netlink.socket import Overrun, RtnetlinkSocket
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.watch import ASKED_AT_ONCE, MOST_ATTEMPTS, READ_LIMIT, NamespaceWatch
from unit.captures.fakes import until
from unit.probes.netlink.traffic import link_message, lower

HEADER = struct.Struct("=IHHII")


class Kernel:
    """Answers dumps at once, and questions when the test says so."""

    def __init__(self) -> None:
        self._ready = os.eventfd(0, os.EFD_NONBLOCK)
        self._queue: deque[bytes | Exception] = deque()
        self.asked: deque[tuple[int, int]] = deque()
        """Kind and sequence number of the questions whose answers are due."""
        self.dumps: list[int] = []
        self.links: list[bytes] = []
        self.closed = False
        self.silent = 0
        """How many dumps are not answered."""
        self.refusals: list[int] = []
        """Error numbers that dumps are answered with, one after the other."""
        self.interrupted = 0
        """During how many dumps something changes."""

    def fileno(self) -> int:
        return self._ready

    def close(self) -> None:
        self.closed = True
        os.close(self._ready)

    def send(self, request: bytes) -> None:
        _, kind, flags, seq, _ = HEADER.unpack_from(request)
        if not flags & 0x300:
            self.asked.append((kind, seq))
            return
        self.dumps.append(kind)
        if self.silent:
            self.silent -= 1
            return
        if self.refusals:
            self.put(HEADER.pack(20, wire.NLMSG_ERROR, 0, seq, 0) + struct.pack("=i", -self.refusals.pop(0)))
            return
        for link in self.links if kind == wire.RTM_GETLINK else ():
            self.put(with_seq(link, seq))
        flags = wire.NLM_F_DUMP_INTR if self.interrupted else 0
        self.interrupted -= bool(self.interrupted)
        self.put(HEADER.pack(20, wire.NLMSG_DONE, flags, seq, 0) + bytes(4))

    def receive(self) -> bytes | None:
        if not self._queue:
            return None
        found = self._queue.popleft()
        if not self._queue:
            os.eventfd_read(self._ready)  # as with a socket, nothing is readable from now on
        if isinstance(found, Exception):
            raise found
        return found

    def put(self, item: bytes | Exception) -> None:
        self._queue.append(item)
        os.eventfd_write(self._ready, 1)

    def answer_link(self, ifindex: int, name: str) -> None:
        kind, seq = self.asked.popleft()
        assert kind == wire.RTM_GETLINK
        self.put(with_seq(link_message(ifindex, name), seq))


class Owner:
    """What the watch told."""

    def __init__(self) -> None:
        self.changed: list[set[int]] = []
        self.resyncs: list[str] = []
        self.broken: list[Exception] = []
        self.told = asyncio.Event()

    def watch_changed(self, watch: NamespaceWatch) -> None:
        self.changed.append(set(watch.state.changed))
        watch.state.changed.clear()
        self.told.set()

    def watch_resynced(self, watch: NamespaceWatch, why: str) -> None:
        self.resyncs.append(why)

    def watch_namespace_id(self, watch: NamespaceWatch, nsid: int, *, gone: bool) -> None: ...

    def watch_broken(self, watch: NamespaceWatch, why: Exception) -> None:
        self.broken.append(why)
        self.told.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                self.told.clear()
                await self.told.wait()


class Lab:
    def __init__(self) -> None:
        self.kernel, self.owner, self.state = Kernel(), Owner(), NamespaceState(10)
        socket = cast(RtnetlinkSocket, self.kernel)
        self.watch = NamespaceWatch(Namespace(1, 2, -1), socket, self.state, self.owner)


def with_seq(message: bytes, seq: int) -> bytes:
    size, kind, flags, _, port = HEADER.unpack_from(message)
    return HEADER.pack(size, kind, flags, seq, port) + message[HEADER.size :]


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    found = Lab()
    found.kernel.links = [link_message(index, f"v{index}", "veth", extra=lower(index + 100)) for index in range(1, 11)]
    found.watch.start()
    await found.owner.until(lambda: found.watch.complete)
    found.owner.changed.clear()
    yield found
    found.watch.close()


async def test_few_questions_are_due_at_a_time_and_all_are_asked(lab: Lab) -> None:
    for index in range(1, 11):
        lab.watch.refresh_link(index)
    assert len(lab.kernel.asked) == ASKED_AT_ONCE
    for index in range(1, 11):
        lab.kernel.answer_link(index, f"new{index}")
        await lab.owner.until(lambda index=index: lab.state.links[index].name == f"new{index}")  # type: ignore[misc]
        assert len(lab.kernel.asked) == min(ASKED_AT_ONCE, 10 - index)


async def test_question_of_many_is_asked_once(lab: Lab) -> None:
    for index in range(1, ASKED_AT_ONCE + 1):
        lab.watch.refresh_link(index)
    for _ in range(3):
        lab.watch.refresh_link(9)
    for index in range(1, ASKED_AT_ONCE + 1):
        lab.kernel.answer_link(index, f"new{index}")
    await lab.owner.until(lambda: lab.state.links[ASKED_AT_ONCE].name == f"new{ASKED_AT_ONCE}")
    assert len(lab.kernel.asked) == 1


async def test_questions_wait_for_a_dump_since_their_answers_would_find_no_room(lab: Lab) -> None:
    lab.watch.ask_counters(lambda _: None)
    lab.watch.refresh_link(1)
    assert not lab.kernel.asked
    lab.kernel.put(link_message(50, "event"))
    await lab.owner.until(lambda: 50 in lab.state.links)
    assert len(lab.kernel.asked) == 1


async def test_after_an_overrun_all_is_read_and_all_that_was_asked_is_looked_at_again(lab: Lab) -> None:
    lab.watch.refresh_link(3)
    lab.kernel.dumps.clear()
    lab.kernel.put(Overrun())
    await lab.owner.until(lambda: bool(lab.owner.changed))
    assert len(lab.owner.resyncs) == 1
    assert lab.kernel.dumps == [
        *(wire.RTM_GETLINK, wire.RTM_GETADDR, wire.RTM_GETNEXTHOP, wire.RTM_GETROUTE, wire.RTM_GETRULE),
        *(wire.RTM_GETQDISC, wire.RTM_GETNEIGH, wire.RTM_GETNEIGH),
    ]
    # None of them differs from before, but the word of the kernel about their peers may have been lost.
    assert set().union(*lab.owner.changed) == set(range(1, 11))


async def test_answer_that_comes_after_an_overrun_answers_nobody(lab: Lab) -> None:
    lab.watch.refresh_link(3)
    lab.kernel.put(Overrun())
    lab.kernel.answer_link(3, "late")
    await lab.owner.until(lambda: len(lab.owner.resyncs) == 1 and lab.watch.complete)
    lab.watch.refresh_link(4)
    await lab.owner.until(lambda: bool(lab.owner.changed))
    assert len(lab.kernel.asked) <= 1
    assert not lab.owner.broken


async def test_overrun_is_mended_when_the_backlog_ends_just_where_the_turn_does(lab: Lab) -> None:
    lab.kernel.put(Overrun())
    for index in range(READ_LIMIT - 1):
        lab.kernel.put(link_message(50 + index, f"e{index}"))
    await lab.owner.until(lambda: 50 in lab.state.links)
    await lab.owner.until(lambda: len(lab.owner.resyncs) == 1)


async def test_watch_that_was_closed_is_asked_in_vain(lab: Lab) -> None:
    lab.watch.close()
    lab.watch.ask_counters(lambda _: None)
    lab.watch.refresh_link(1)
    assert not lab.kernel.asked


async def test_dump_whose_end_was_dropped_is_given_up_and_asked_for_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.probes.netlink.watch.DUMP_PATIENCE", 0.01)
    lab.kernel.dumps.clear()
    lab.kernel.silent = 1
    lab.kernel.put(Overrun())
    await lab.owner.until(lambda: set(range(1, 11)) in lab.owner.changed)
    assert lab.kernel.dumps[:2] == [wire.RTM_GETLINK, wire.RTM_GETLINK]


async def test_tables_that_change_all_the_while_are_shown_as_far_as_they_were_read() -> None:
    lab = Lab()
    lab.kernel.links = [link_message(index, f"v{index}") for index in range(1, 11)]
    lab.kernel.interrupted = 1_000_000
    lab.watch.start()
    await lab.owner.until(lambda: bool(lab.owner.changed))
    assert lab.owner.changed == [set(range(1, 11))]
    lab.watch.close()


async def test_nothing_is_taken_for_gone_before_a_dump_in_which_nothing_changed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEXT_ATTEMPTS", 0.01)
    del lab.kernel.links[5:]
    lab.kernel.interrupted = MOST_ATTEMPTS + 1
    lab.kernel.dumps.clear()
    lab.kernel.put(Overrun())
    await lab.owner.until(lambda: len(lab.state.links) == 5)
    assert lab.kernel.dumps.count(wire.RTM_GETLINK) == MOST_ATTEMPTS + 2


@pytest.mark.parametrize("refusal", [errno.EBUSY, errno.ENOBUFS])
async def test_dump_that_cannot_begin_yet_is_waited_for_and_not_taken_for_empty(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    monkeypatch.setattr("netsonde.probes.netlink.watch.DUMP_PATIENCE", 0.01)
    lab.kernel.refusals = [refusal, refusal]
    lab.kernel.put(Overrun())
    await lab.owner.until(lambda: set(range(1, 11)) in lab.owner.changed)
    assert set(lab.state.links) == set(range(1, 11))
    assert not lab.kernel.refusals


async def test_dump_that_the_kernel_does_not_know_is_gone_without(lab: Lab) -> None:
    lab.kernel.refusals = [errno.EOPNOTSUPP]
    lab.kernel.put(Overrun())
    await lab.owner.until(lambda: set(range(1, 11)) in lab.owner.changed)
    assert set(lab.state.links) == set(range(1, 11))


async def test_forwarding_entries_that_a_vxlan_brings_along_are_asked_for(lab: Lab) -> None:
    lab.kernel.dumps.clear()
    lab.kernel.put(link_message(60, "vx0", "vxlan"))
    await lab.owner.until(lambda: 60 in lab.state.links)
    assert lab.kernel.dumps == [wire.RTM_GETNEIGH]
    lab.kernel.put(link_message(60, "vx1", "vxlan"))
    await lab.owner.until(lambda: lab.state.links[60].name == "vx1")
    assert len(lab.kernel.dumps) == 1


FILTERING = link_message(70, "br0", "bridge", wire.attribute(7, b"\1"))


async def test_vlans_are_read_when_a_bridge_filters_and_again_when_some_were_changed_alone(lab: Lab) -> None:
    await until(lambda: lab.watch.complete)
    lab.kernel.dumps.clear()
    lab.kernel.put(FILTERING)
    await until(lambda: lab.kernel.dumps == [wire.RTM_GETLINK])
    lab.kernel.put(HEADER.pack(16, wire.RTM_NEWVLAN, 0, 0, 0))
    await until(lambda: lab.kernel.dumps == [wire.RTM_GETLINK] * 2)
    lab.kernel.dumps.clear()
    lab.kernel.put(Overrun())
    await until(lambda: lab.kernel.dumps[-1:] == [wire.RTM_GETLINK] and len(lab.kernel.dumps) == 9)


async def test_bonds_with_lacp_are_asked_again_and_no_others(lab: Lab) -> None:
    def bond(mode: int, ports: int) -> bytes:
        aggregator = wire.attribute(1, struct.pack("=H", 1)) + wire.attribute(2, struct.pack("=H", ports))
        told = wire.attribute(1, bytes([mode])) + (wire.attribute(23, aggregator) if mode == 4 else b"")
        return link_message(20 + mode, f"bond{mode}", "bond", told)

    lab.kernel.put(bond(4, 1))
    lab.kernel.put(bond(1, 0))
    await lab.owner.until(lambda: {21, 24} <= lab.state.links.keys())
    lab.owner.changed.clear()
    lab.watch.refresh_bonds()
    ((kind, seq),) = lab.kernel.asked
    assert kind == wire.RTM_GETLINK
    lab.kernel.put(with_seq(bond(4, 2), seq))
    await lab.owner.until(lambda: lab.owner.changed == [{24}])
