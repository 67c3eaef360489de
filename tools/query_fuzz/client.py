# SPDX-License-Identifier: Apache-2.0
"""Sends trials to the analyzer as fast as it answers; reads answers without looking into them."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from query_fuzz.texts import Trial, trial

_HURRIED = 0.08
"""Share of the clients that hang up before they have their answer."""
_PATIENCE = 60.0
"""Seconds: limit of the query, as long in the queue, and a busy machine."""


@dataclass
class Record:
    """What happened to the trials."""

    statuses: Counter[int] = field(default_factory=Counter)
    hung_up: int = 0
    received: int = 0
    """Bytes of answers."""
    slowest: float = 0.0
    """Seconds of the slowest answer."""
    failures: list[str] = field(default_factory=list)


async def attack(port: int, seconds: float, seed: int, clients: int, record: Record) -> None:
    """Let some clients make trials for a while; what must not happen is in `record.failures`."""
    deadline = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(
                _client(port, deadline, random.Random(f"{seed}.{number}"), record), name=f"client {number}"
            )


async def _client(port: int, deadline: float, pick: random.Random, record: Record) -> None:
    while time.monotonic() < deadline and len(record.failures) < 5:
        made = await asyncio.to_thread(trial, pick)
        patience = pick.uniform(0.001, 0.5) if pick.random() < _HURRIED else _PATIENCE
        began = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                status = await _send(port, made, record)
        except TimeoutError:
            record.hung_up += 1
            if patience == _PATIENCE:
                record.failures.append(f"no answer within {patience:g} s: {_shown(made)}")
        except (OSError, ValueError, IndexError, asyncio.IncompleteReadError) as broken:
            record.failures.append(f"{type(broken).__name__} {broken}: {_shown(made)}")
        else:
            record.statuses[status] += 1
            record.slowest = max(record.slowest, time.monotonic() - began)
            if status >= 500:
                record.failures.append(f"status {status}: {_shown(made)}")


async def _send(port: int, made: Trial, record: Record) -> int:
    body = json.dumps({"GremlinQuery": made.text, **({"Bindings": made.bindings} if made.bindings else {})}).encode()
    if made.path.endswith("explain"):
        body = body[:-1] + b',"Profile":true}'
    head = (
        f"POST {made.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {made.accept}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + body)
        status = int((await reader.readline()).split()[1])
        while part := await reader.read(1 << 20):
            record.received += len(part)
    finally:
        writer.close()
    return status


def _shown(made: Trial) -> str:
    text = made.text if len(made.text) < 400 else f"{made.text[:400]}… ({len(made.text)} characters)"
    return f"{made.path} {text!r}"
