# SPDX-License-Identifier: Apache-2.0
"""A thread for blocking calls, one after another. It never keeps the process from ending, however long a call takes."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from netsonde.errors import SourceLost

T = TypeVar("T")


class Worker:
    """The thread begins with the first call. Threads of asyncio's own pool would be waited for at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_busy = False

    async def run(self, call: Callable[[], T], *, within: float) -> T:
        """Return what `call` returns; SourceLost after `within` seconds, and as long as it does not come back then."""
        if self._is_busy:
            raise SourceLost("an earlier request is still without an answer")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            settle: Callable[[Any], None]
            try:
                found: Any = call()
                settle = answer.set_result
            except BaseException as failed:  # told to whoever waits, in its own thread
                found, settle = failed, answer.set_exception

            def tell() -> None:
                self._is_busy = False
                if not answer.done():
                    settle(found)

            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell)

        self._begin()
        self._is_busy = True
        self._calls.put(work)
        try:
            async with asyncio.timeout(within):
                return await answer
        except TimeoutError as late:
            raise SourceLost(f"no answer within {within:.0f} s") from late

    def close(self, last: Callable[[], None]) -> None:
        """End the thread once it is through with its call; `last` is what it does then."""
        self._calls.put(last)
        self._calls.put(None)
        self._thread = None

    def _begin(self) -> None:
        if self._thread is None:
            self._calls = queue.SimpleQueue()
            self._thread = threading.Thread(target=_serve, args=[self._calls], name=self._name, daemon=True)
            self._thread.start()


def _serve(calls: "queue.SimpleQueue[Callable[[], None] | None]") -> None:
    while (call := calls.get()) is not None:
        call()
