# SPDX-License-Identifier: Apache-2.0
"""How parts follow a bucket of definitions."""

import asyncio

from netsonde.aio import spawn
from netsonde.model.stores import Reading, follow
from netsonde.observe import Health
from unit.captures.fakes import FakeStore


async def test_what_was_deleted_while_nobody_watched_is_gone_and_what_was_made_meanwhile_stays() -> None:
    store: FakeStore[str] = FakeStore()
    await store.put("kept", "1")
    told: list[str] = []
    known = {"kept", "deleted"}
    is_current, is_over = asyncio.Event(), asyncio.Event()

    def put(key: str, value: str, revision: int) -> None:
        told.append(f"put {key}={value}@{revision}")

    def gone(key: str) -> None:
        told.append(f"gone {key}")
        known.discard(key)
        if key == "kept":
            is_over.set()

    def current() -> None:
        told.append("current")
        is_current.set()

    async with asyncio.TaskGroup() as group:
        task = spawn(group, follow(store, known=known, put=put, gone=gone, current=current), "follow")
        await asyncio.sleep(0)
        # Made by this process between the beginning and `current`: the bucket tells of it later, it is not missed.
        known.add("made")
        await is_current.wait()
        await store.put("kept", "2")
        await store.delete("kept")
        await is_over.wait()
        task.cancel()
    assert told == ["put kept=1@1", "gone deleted", "current", "put kept=2@2", "gone kept"]


async def test_a_part_runs_once_all_its_buckets_are_read() -> None:
    reading, health = Reading("alerts", "history"), Health("alerts")
    reading.read("history", health)
    assert (reading.has_read("history"), reading.is_done, health.state) == (True, False, "starting")
    reading.read("alerts", health)
    await reading.done()
    assert (reading.is_done, health.state) == (True, "running")
