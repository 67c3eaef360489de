# SPDX-License-Identifier: Apache-2.0
"""Tasks with a name and an owner, restarted with back-off when their source is lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol

from netsonde.errors import SourceAbsent, SourceLost


class HealthSink(Protocol):
    """What a supervised task reports its state to."""

    def running(self, reason: str = "") -> None: ...
    def absent(self, reason: str) -> None: ...
    def failed(self, reason: str) -> None: ...
    def stopped(self) -> None: ...


def spawn(group: asyncio.TaskGroup, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Start `work` as a task of `group`, under a name that shows in logs and tracebacks."""
    return group.create_task(work, name=name)


def backoff(first: float = 0.5, most: float = 30.0) -> Iterator[float]:
    """Yield delays in seconds that double up to `most`, each spread by a fifth so that peers do not march."""
    delay = first
    while True:
        yield delay * random.uniform(0.8, 1.2)
        delay = min(delay * 2, most)


class Supervisor:
    """Runs one component until cancelled; a failure degrades that component only.

    `work` gets the health sink and should call `running()` once its source is there. SourceAbsent, SourceLost and any
    other Exception are recorded as the component's state and reason, then it is started anew after a back-off, which
    begins again after a run that lasted longer than a minute. Cancellation passes through.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[HealthSink], Awaitable[None]],
        health: HealthSink,
        *,
        first_delay: float = 0.5,
        most_delay: float = 30.0,
        on_crash: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self.name = name
        self._work = work
        self._health = health
        self._delays = (first_delay, most_delay)
        self._on_crash = on_crash

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        delays = backoff(*self._delays)
        while True:
            began = loop.time()
            try:
                await self._work(self._health)
                self._health.failed("ended by itself")
            except SourceAbsent as absent:
                self._health.absent(str(absent))
            except SourceLost as lost:
                self._health.failed(str(lost))
            except Exception as crash:
                if self._on_crash is not None:
                    self._on_crash(self.name, crash)
                self._health.failed(f"{type(crash).__name__}: {crash}")
            if loop.time() - began > 60:
                delays = backoff(*self._delays)
            await asyncio.sleep(next(delays))
