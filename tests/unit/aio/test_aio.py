# SPDX-License-Identifier: Apache-2.0
"""Queues drop the oldest and count; supervisors restart what fails and let cancellation through."""

import asyncio
import gc
import weakref

import pytest

from netsonde.aio import DroppingQueue, Supervisor, keep_tidy
from netsonde.errors import SourceAbsent, SourceLost
from netsonde.observe import Health


async def test_a_full_queue_drops_the_oldest_and_counts() -> None:
    queue: DroppingQueue[int] = DroppingQueue(2)
    assert [queue.put(item) for item in (1, 2, 3)] == [True, True, False]
    assert (queue.dropped, await queue.get(), queue.drain(9)) == (1, 2, [3])


async def test_a_consumer_that_waits_is_woken() -> None:
    queue: DroppingQueue[str] = DroppingQueue(1)
    async with asyncio.TaskGroup() as group:
        got = group.create_task(queue.get())
        await asyncio.sleep(0)
        queue.put("x")
    assert got.result() == "x"


async def test_a_component_that_fails_is_started_anew_with_its_reason_shown() -> None:
    health = Health("probe")
    seen: list[tuple[str, str]] = []
    health.on_change = lambda now: seen.append((now.state, now.reason))
    runs = 0
    third = asyncio.Event()

    async def work(sink: Health) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise SourceLost("socket closed")
        if runs == 2:
            raise KeyError("x")
        sink.running("back")
        third.set()
        await asyncio.Event().wait()

    supervisor = Supervisor("probe", work, health, first_delay=0.001, most_delay=0.001)  # type: ignore[arg-type]
    task = asyncio.get_running_loop().create_task(supervisor.run())
    await asyncio.wait_for(third.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [("failed", "socket closed"), ("failed", "KeyError: 'x'"), ("running", "back")]
    assert health.failures == 2


async def test_a_source_that_is_not_there_is_no_failure_until_it_was_there() -> None:
    health = Health("probe")
    seen: list[tuple[str, str]] = []
    fifth = asyncio.Event()
    health.on_change = lambda now: seen.append((now.state, now.reason))
    runs = 0

    async def work(sink: Health) -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            sink.running("there")
        if runs == 5:
            fifth.set()
            await asyncio.Event().wait()
        raise SourceAbsent("no socket")

    supervisor = Supervisor("probe", work, health, first_delay=0.001, most_delay=0.001)  # type: ignore[arg-type]
    task = asyncio.get_running_loop().create_task(supervisor.run())
    await asyncio.wait_for(fifth.wait(), 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [("absent", "no socket"), ("running", "there"), ("failed", "no socket")]
    assert health.failures == 2


async def test_garbage_in_cycles_is_collected_when_the_process_is_not_busy() -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    busy = [True]
    threshold = gc.get_threshold()
    tidying = asyncio.get_running_loop().create_task(keep_tidy(lambda: busy[0], interval=0.001))
    await asyncio.sleep(0)
    gone = weakref.ref(Cycle())
    assert gone() is not None

    busy[0] = False
    async with asyncio.timeout(20):
        while gone() is not None:  # noqa: ASYNC110  # a collection tells nobody
            await asyncio.sleep(0.001)

    assert gc.get_threshold()[2] > threshold[2]
    tidying.cancel()
    await asyncio.wait({tidying})
    assert gc.get_threshold() == threshold
    assert gc.get_freeze_count() > 0  # so that the process can end at once
    gc.unfreeze()
