# SPDX-License-Identifier: Apache-2.0
"""Messages of a stream in order and without a gap, for readers that need no acknowledgement.

A push consumer with flow control and heartbeats. Anything unusual (a gap, silence, a lost connection) ends the
reading with SourceLost; the reader starts again from where it was.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from typing import Any

from nats.aio.msg import Msg

from netsonde.bus.jetstream import Delivery, JetStream
from netsonde.bus.link import OpenInbox, status_of
from netsonde.errors import SourceLost

_HEARTBEAT = 3.0
_SILENCE = 2.5 * _HEARTBEAT
_NS = 1_000_000_000


async def deliveries(
    jetstream: JetStream, stream: str, subjects: str, *, after: int | None = None
) -> AsyncGenerator[Delivery | None, None]:
    """Yield messages from sequence `after` + 1 on, or the last of each subject when it is None, then new ones.

    Yields None once, when what was stored at the start has been delivered. Close the generator when done.
    """
    opened = await jetstream.link.open_inbox(limit=100_000)
    name = f"r{secrets.token_hex(8)}"
    try:
        info = await jetstream.create_consumer(stream, name, _consumer(opened, subjects, after))
        waiting = int(info["num_pending"])
        if waiting == 0:
            yield None
        expected = 1
        while True:
            message = await opened.inbox.get(_SILENCE, f"no heartbeat of stream {stream}")
            status = status_of(message)
            if status:
                await _answer_control(jetstream, message, status, expected)
                continue
            delivery, number = _parse(message)
            if number != expected:
                raise SourceLost(f"stream {stream}: message {expected} of the consumer is missing")
            expected += 1
            yield delivery
            if number == waiting:
                yield None
    finally:
        await opened.close()
        # Without a subscriber the server removes the consumer by itself after `inactive_threshold`.


def _consumer(opened: OpenInbox, subjects: str, after: int | None) -> dict[str, Any]:
    start: dict[str, Any] = (
        {"deliver_policy": "last_per_subject"}
        if after is None
        else {"deliver_policy": "by_start_sequence", "opt_start_seq": after + 1}
    )
    return {
        "deliver_subject": opened.subject,
        "filter_subject": subjects,
        "ack_policy": "none",
        "max_deliver": 1,
        "replay_policy": "instant",
        "flow_control": True,
        "idle_heartbeat": int(_HEARTBEAT * _NS),
        "inactive_threshold": 10 * _NS,
        "mem_storage": True,
        "num_replicas": 1,
        **start,
    }


async def _answer_control(jetstream: JetStream, message: Msg, status: str, expected: int) -> None:
    headers = message.headers or {}
    if status != "100":
        raise SourceLost(f"stream consumer ended: {status} {headers.get('Description', '')}".strip())
    stalled = headers.get("Nats-Consumer-Stalled", "")
    if message.reply or stalled:
        await jetstream.link.publish(message.reply or stalled, b"")
        return
    last = headers.get("Nats-Last-Consumer")
    if last is not None and int(last) >= expected:
        raise SourceLost(f"stream consumer is at message {last}, {expected} has not come")


def _parse(message: Msg) -> tuple[Delivery, int]:
    """Return the delivery and its number in the consumer; both are told by the reply subject."""
    # $JS.ACK.<stream>.<consumer>.<times>.<stream seq>.<consumer seq>.<time>.<pending>, with a domain and an
    # account hash after ACK from servers that have them.
    try:
        _, sequence, number, stored, pending = (
            message.reply.split(".")[-5:] if message.reply.count(".") == 8 else (message.reply.split(".")[6:11])
        )
        delivery = Delivery(
            message.subject, message.data, dict(message.headers or {}), int(sequence), int(pending), int(stored)
        )
        return delivery, int(number)
    except ValueError as bad:
        raise SourceLost(f"unexpected reply subject of a stream: {message.reply}") from bad


async def next_or_lost(reader: AsyncGenerator[Delivery | None, None]) -> Delivery | None:
    """Return the next item; the end of a reader is a loss as well."""
    try:
        return await anext(reader)
    except StopAsyncIteration:
        raise SourceLost("the stream's reader ended") from None
    except asyncio.CancelledError:
        raise
