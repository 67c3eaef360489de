# SPDX-License-Identifier: Apache-2.0
"""Reports on their way into history: what is in hand at a stop is recorded, and nothing is acknowledged before."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from netsonde.aio import spawn
from netsonde.errors import SourceLost
from netsonde.history.recording import record_reports


@dataclass
class Batch:
    payloads: list[bytes]
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    async def ack(self) -> None:
        self.acknowledged.set()


@dataclass
class Stream:
    """Gives one batch, and has gathered some of another when it is stopped."""

    first: Batch = field(default_factory=lambda: Batch([b"one"]))
    rest: Batch | None = field(default_factory=lambda: Batch([b"two"]))

    async def batches(self) -> AsyncGenerator[Batch, None]:
        yield self.first
        await asyncio.Event().wait()

    def unsettled(self) -> Batch | None:
        return self.rest


async def stopped_after(stream: Stream, written: list[bytes], *, away: bool = False) -> None:
    async def write(payloads: Sequence[bytes]) -> None:
        if away and payloads == [b"two"]:
            raise SourceLost("no database")
        written.extend(payloads)

    async with asyncio.TaskGroup() as group:
        recording = spawn(group, record_reports(stream, write), "recording")
        await stream.first.acknowledged.wait()
        recording.cancel()
    assert recording.cancelled()


async def test_what_is_gathered_at_a_stop_is_recorded_before_it_ends() -> None:
    stream, written = Stream(), list[bytes]()
    await stopped_after(stream, written)
    assert written == [b"one", b"two"]
    assert stream.rest is not None
    assert stream.rest.acknowledged.is_set()


async def test_what_cannot_be_recorded_at_a_stop_is_not_acknowledged() -> None:
    stream, written = Stream(), list[bytes]()
    await stopped_after(stream, written, away=True)
    assert written == [b"one"]
    assert stream.rest is not None
    assert not stream.rest.acknowledged.is_set()


async def test_a_stop_with_nothing_in_hand_writes_nothing() -> None:
    stream, written = Stream(rest=None), list[bytes]()
    await stopped_after(stream, written)
    assert written == [b"one"]
