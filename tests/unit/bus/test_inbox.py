# SPDX-License-Identifier: Apache-2.0
"""The mailbox of a subscription."""

import pytest

from netsonde.bus.inbox import Inbox
from netsonde.errors import SourceLost


async def test_items_come_out_in_order() -> None:
    inbox: Inbox[int] = Inbox(3)
    inbox.put(1)
    inbox.put(2)

    assert [await inbox.get(1, "silence"), await inbox.get(1, "silence")] == [1, 2]


async def test_failure_is_told_after_what_was_received() -> None:
    inbox: Inbox[int] = Inbox(3)
    inbox.put(1)
    inbox.fail("gone")

    assert await inbox.get(1, "silence") == 1
    with pytest.raises(SourceLost, match="gone"):
        await inbox.get(1, "silence")


async def test_overrun_fails_the_reader() -> None:
    inbox: Inbox[int] = Inbox(1)
    inbox.put(1)
    inbox.put(2)

    assert await inbox.get(1, "silence") == 1
    with pytest.raises(SourceLost, match="behind"):
        await inbox.get(1, "silence")


async def test_silence_is_a_loss() -> None:
    with pytest.raises(SourceLost, match="no heartbeat"):
        await Inbox[int](1).get(0.001, "no heartbeat")


def test_take_empties_it() -> None:
    inbox: Inbox[int] = Inbox(3)
    inbox.put(1)

    assert inbox.take() == [1]
    assert len(inbox) == 0
