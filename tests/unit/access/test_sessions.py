# SPDX-License-Identifier: Apache-2.0
"""Sessions on the bus: what one analyzer ends no other, and no late write, brings back."""

import asyncio

import pytest

from netsonde.access.sessions import SessionRecord, Sessions
from netsonde.errors import SourceLost
from unit.access.gates import Clock
from unit.captures.fakes import FakeStore, until


def sessions(store: FakeStore[SessionRecord], clock: Clock) -> Sessions:
    return Sessions(store, now_s=clock, hours=12, idle_minutes=60, most=100)


async def opened(one: Sessions) -> str:
    return await one.open("alice", "basic", "mark", expires=None, address="192.0.2.7")


async def test_the_use_of_a_session_is_stored_with_the_time_that_is_left() -> None:
    store, clock = FakeStore[SessionRecord](), Clock()
    one = sessions(store, clock)
    token = await opened(one)
    clock.now += 1800
    assert one.find(token) is not None
    await one.write_use()
    ((key, (record, _)),) = store.entries.items()
    assert (record.used, store.ttls[key]) == (clock.now, 12 * 3600 - 1800)


async def test_a_session_that_another_ends_while_its_use_is_written_stays_ended() -> None:
    store, clock = FakeStore[SessionRecord](), Clock()
    one = sessions(store, clock)
    token = await opened(one)
    clock.now += 1800
    assert one.find(token) is not None
    # The other analyzer is faster than the news of it.
    (key,) = store.entries
    await store.delete(key)
    await one.write_use()
    assert store.entries == {}


async def test_what_was_ended_while_nobody_listened_is_forgotten_when_the_bus_is_read_anew() -> None:
    store, clock = FakeStore[SessionRecord](), Clock()
    one = sessions(store, clock)
    gone, stays = await opened(one), await opened(one)
    await store.delete(next(iter(store.entries)))
    async with asyncio.TaskGroup() as group:
        following = group.create_task(one.run(), name="sessions")
        await until(lambda: one.find(gone) is None)
        assert one.find(stays) is not None
        following.cancel()


async def test_a_session_that_cannot_be_ended_now_goes_on_and_can_be_ended_later() -> None:
    store, clock = FakeStore[SessionRecord](), Clock()
    one = sessions(store, clock)
    token = await opened(one)
    (key,) = store.entries
    store.away = True
    with pytest.raises(SourceLost):
        await one.end(key)
    store.away = False
    assert one.look(token) is not None
    assert await one.end(key)
    assert (store.entries, one.look(token)) == ({}, None)
