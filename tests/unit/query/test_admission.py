# SPDX-License-Identifier: Apache-2.0
"""Long queries are let in one client after the other, so many at once, and refused in words beyond that."""

import asyncio

import pytest

from netsonde.query.admission import Admission
from netsonde.query.errors import Busy


async def _enter(admission: Admission, client: str, order: list[str], name: str) -> None:
    await admission.enter(client, 60)
    order.append(name)


async def test_clients_are_served_in_turn_however_much_one_of_them_asks() -> None:
    admission, order = Admission(1, 16), list[str]()
    await admission.enter("greedy", 60)
    async with asyncio.TaskGroup() as group:
        for client, name in (("greedy", "g1"), ("greedy", "g2"), ("greedy", "g3"), ("modest", "m1"), ("other", "o1")):
            group.create_task(_enter(admission, client, order, name))
            await asyncio.sleep(0)
        for _ in range(5):
            admission.leave()
            await asyncio.sleep(0)

    assert order == ["g1", "m1", "o1", "g2", "g3"]


async def test_a_full_queue_refuses_and_leaves_room_for_other_clients() -> None:
    admission = Admission(1, 4)
    await admission.enter("a", 60)
    waiting = [asyncio.get_running_loop().create_task(admission.enter(client, 60)) for client in ("a", "a", "b", "c")]
    await asyncio.sleep(0)

    with pytest.raises(Busy, match="4 long queries are waiting already, 2 of them from a"):
        await admission.enter("a", 60)
    with pytest.raises(Busy, match="4 long queries are waiting already, 0 of them from d"):
        await admission.enter("d", 60)

    assert admission.refused == 2
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert admission.waiting == 0


async def test_who_waits_too_long_is_told_so_and_takes_no_place() -> None:
    admission = Admission(1, 4)
    await admission.enter("a", 60)

    with pytest.raises(Busy, match=r"waited 0\.01 s for its turn"):
        await admission.enter("b", 0.01)
    admission.leave()

    await asyncio.wait_for(admission.enter("c", 60), 20)


async def test_a_place_given_to_one_who_is_cancelled_goes_to_the_next() -> None:
    admission = Admission(1, 4)
    await admission.enter("a", 60)
    loop = asyncio.get_running_loop()
    leaving, staying = loop.create_task(admission.enter("b", 60)), loop.create_task(admission.enter("c", 60))
    await asyncio.sleep(0)

    admission.leave()
    leaving.cancel()

    await asyncio.wait_for(staying, 20)
