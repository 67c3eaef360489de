# SPDX-License-Identifier: Apache-2.0
"""How often a port is asked for, and the thread that asks."""

import asyncio
import threading

import pytest

from netsonde.errors import SourceLost
from netsonde.openstack import wanted as module
from netsonde.openstack.wanted import FIRST, Wanted
from netsonde.openstack.worker import Worker


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_port_is_asked_for_ever_more_seldom_and_then_left() -> None:
    time = Time()
    wanted = Wanted(time)
    wanted.want("a")
    delays = []
    while (delay := wanted.next_in()) is not None:
        assert wanted.take(10) == []
        delays.append(delay)
        time.now += delay
        assert wanted.take(10) == ["a"]
    assert delays == pytest.approx([FIRST * 2**number for number in range(8)])
    wanted.want("a")
    assert wanted.next_in() is None


def test_port_that_is_dropped_may_be_wanted_anew() -> None:
    time = Time()
    wanted = Wanted(time)
    for _ in range(2):
        wanted.want("a")
        assert wanted.next_in() == pytest.approx(FIRST)
        wanted.drop("a")
        assert wanted.next_in() is None


def test_those_who_have_waited_longest_come_first_and_no_more_than_fit() -> None:
    time = Time()
    wanted = Wanted(time)
    for name in ("c", "a", "b"):
        wanted.want(name)
        time.now += 0.01
    time.now += FIRST
    assert wanted.take(2) == ["c", "a"]
    assert wanted.take(2) == ["b"]


def test_more_than_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    wanted = Wanted(Time())
    for number in range(5):
        wanted.want(str(number))
    assert wanted.dropped == 2


async def test_thread_returns_what_a_call_returns_and_raises_what_it_raises() -> None:
    worker = Worker("test")
    assert await worker.run(lambda: threading.current_thread().name, within=10) == "test"
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0, within=10)
    closed = threading.Event()
    worker.close(closed.set)
    assert await asyncio.to_thread(closed.wait, 10)


async def test_call_that_does_not_come_back_is_waited_for_before_the_next() -> None:
    worker, release = Worker("test"), threading.Event()
    with pytest.raises(SourceLost, match="no answer within 0 s"):
        await worker.run(release.wait, within=0.01)
    with pytest.raises(SourceLost, match="an earlier request is still without an answer"):
        await worker.run(int, within=10)
    release.set()
    async with asyncio.timeout(20):
        while worker._is_busy:  # noqa: ASYNC110  the thread tells nobody else
            await asyncio.sleep(0.005)
    assert await worker.run(int, within=10) == 0
    worker.close(release.set)
