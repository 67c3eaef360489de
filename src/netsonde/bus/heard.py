# SPDX-License-Identifier: Apache-2.0
"""Messages of a stream in order and without a gap, for readers that may not make consumers.

A consumer delivers what is stored to any subject that its maker names, and nats-server does not ask whether that maker
may publish there: whoever may make one can have a message of his own stored as somebody else's. An agent that shows a
certificate therefore makes none. It hears of new messages as they are published, and asks for each by its number.
"""

from collections.abc import AsyncGenerator

from netsonde.bus.jetstream import Delivery, JetStream
from netsonde.errors import NotFound, SourceLost

_LOOK = 3.0
"""Seconds without news after which the stream is asked all the same: news may be lost, stored messages are not."""
_PENDING = 10_000
"""News that may wait; more of them end the reading, which begins anew."""


async def heard(jetstream: JetStream, stream: str, subjects: str) -> AsyncGenerator[Delivery | None, None]:
    """Yield the messages of a bucket's stream, oldest first, then new ones; None once, before the first new one.

    `subjects` is both what is listened to and the filter of what is asked for. Raises SourceLost as `deliveries` does,
    NotFound as long as there is no such stream.

    Marks of removal are told as long as the stream has them: not in buckets with an age, where marks go too.
    """
    news = await jetstream.link.open_inbox(limit=_PENDING, subject=subjects)
    position, is_current = 0, False
    try:
        # Without a stream nothing is known of what it holds.
        await jetstream.last_sequence(stream)
        while True:
            delivery = await _next(jetstream, stream, subjects, position + 1)
            if delivery is not None:
                position = delivery.sequence
                yield delivery
                continue
            if not is_current:
                is_current = True
                yield None
            if not await news.inbox.wait(_LOOK) and await jetstream.last_sequence(stream) < position:
                raise SourceLost(f"stream {stream} was made anew")
            # Taken before the stream is asked: what comes meanwhile makes it be asked again.
            news.inbox.take()
    finally:
        await news.close()


async def _next(jetstream: JetStream, stream: str, subjects: str, sequence: int) -> Delivery | None:
    """Return the first message of the subjects with this number or a greater one, None when there is none."""
    try:
        return await jetstream.message(stream, {"seq": sequence, "next_by_subj": subjects})
    except NotFound:
        return None
