# SPDX-License-Identifier: Apache-2.0
"""When the analyzer looks for garbage."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from netsonde.aio import garbage, keep_tidy


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Queue[None]]:
    """Has an entry for each collection, of which none is made."""
    made: asyncio.Queue[None] = asyncio.Queue()
    monkeypatch.setattr(garbage, "_GLANCE", 0)
    monkeypatch.setattr(gc, "collect", lambda: made.put_nowait(None))
    yield made
    gc.unfreeze()


async def test_it_is_looked_for_in_the_first_quiet_moment(looks: asyncio.Queue[None]) -> None:
    asked: list[bool] = []

    def is_busy() -> bool:
        asked.append(looks.empty())
        return len(asked) < 5

    async with asyncio.TaskGroup() as group:
        tidying = group.create_task(keep_tidy(is_busy, interval=0))
        await looks.get()
        tidying.cancel()
    assert len(asked) == 5


async def test_a_process_that_is_always_busy_is_tidied_all_the_same(
    looks: asyncio.Queue[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "_PATIENCE", 0.01)
    async with asyncio.TaskGroup() as group:
        tidying = group.create_task(keep_tidy(lambda: True, interval=0))
        await looks.get()
        tidying.cancel()


async def test_the_process_is_left_as_it_was(looks: asyncio.Queue[None]) -> None:
    before = gc.get_threshold()
    async with asyncio.TaskGroup() as group:
        tidying = group.create_task(keep_tidy(lambda: False, interval=0))
        await looks.get()
        tidying.cancel()
    assert gc.get_threshold() == before
