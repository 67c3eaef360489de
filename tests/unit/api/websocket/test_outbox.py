# SPDX-License-Identifier: Apache-2.0
"""What waits for a slow client."""

from netsonde.api.websocket.outbox import Outbox


async def test_messages_leave_in_order() -> None:
    outbox = Outbox(3)
    for message in "abc":
        outbox.put(message)
    assert [await outbox.take() for _ in range(3)] == ["a", "b", "c"]


async def test_an_overflow_drops_what_waits_and_is_told_once() -> None:
    outbox = Outbox(2)
    for message in "abcd":
        outbox.put(message)
    assert await outbox.take() is None
    assert outbox.dropped == 4
    outbox.put("e")
    assert await outbox.take() == "e"


async def test_one_message_may_be_larger_than_all_that_may_wait() -> None:
    outbox = Outbox(10)
    huge = "x" * (65 * 1024 * 1024)
    outbox.put(huge)
    outbox.put("small")
    assert await outbox.take() is None
    assert outbox.dropped == 2
    outbox.put(huge)
    assert await outbox.take() == huge
    outbox.put("small")
    assert await outbox.take() == "small"


async def test_what_is_put_while_a_state_is_made_comes_after_it() -> None:
    outbox = Outbox(10)
    outbox.put("before")
    outbox.hold()
    outbox.put("meanwhile")
    outbox.release("state")
    outbox.put("after")
    assert [await outbox.take() for _ in range(4)] == ["before", "state", "meanwhile", "after"]


async def test_what_is_held_counts_as_waiting() -> None:
    outbox = Outbox(2)
    outbox.hold()
    for message in "abc":
        outbox.put(message)
    outbox.release("state")
    assert await outbox.take() is None
    assert outbox.dropped == 4
    outbox.put("d")
    assert await outbox.take() == "d"


async def test_a_state_that_could_not_be_made_lets_go_of_what_was_held() -> None:
    outbox = Outbox(10)
    outbox.hold()
    outbox.put("meanwhile")
    outbox.release()
    assert await outbox.take() == "meanwhile"
