# SPDX-License-Identifier: Apache-2.0
"""The threads in which statements run: one writes, in the order of the calls; some read, each with its connection.

One more reads what takes a reader too long alone.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Final, TypeVar

from netsonde.history.database import Database

R = TypeVar("R")

_NICENESS: Final = 5
"""Of statements; three of them keep six of the engine's threads busy, and the event loop would queue with them."""


def step_back() -> None:
    """Let the event loop's thread go first; the threads that the engine makes for this one inherit it."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


class Worker:
    """The one thread that writes, in the order of the calls."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="history", initializer=step_back)

    async def run(self, work: Callable[[], R]) -> R:
        # Not cancelled half-way: a statement that has begun is finished before the next.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, work))

    def shutdown(self) -> None:
        self._pool.shutdown(wait=False)


class Readers:
    """Threads that read, beside each other and beside the one that writes."""

    def __init__(self, databases: Sequence[Database]) -> None:
        self._databases = databases
        self._free: SimpleQueue[Database] = SimpleQueue()
        for database in databases:
            self._free.put(database)
        self._pool = ThreadPoolExecutor(len(databases), thread_name_prefix="history-read", initializer=step_back)

    async def run(self, work: Callable[[Database], R]) -> R:
        """Run `work` with a connection of its own; cancelled while it waits for one, it never begins."""

        def with_database() -> R:
            # As many threads as connections, so there is always a free one.
            database = self._free.get_nowait()
            try:
                return work(database)
            finally:
                self._free.put(database)

        return await asyncio.get_running_loop().run_in_executor(self._pool, with_database)

    def close(self) -> None:
        """Wait for what is being read, and close the connections. Blocking."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for database in self._databases:
            database.close()


class Beside:
    """A thread with a connection of its own that reads beside a reader, for one of them at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="history-read-beside", initializer=step_back)

    def begin(self, work: Callable[[Database], R]) -> Future[R] | None:
        """Let `work` begin beside the caller; None when the thread is busy with another's."""
        if not self._free.acquire(blocking=False):
            return None

        def with_database() -> R:
            try:
                return work(self._database)
            finally:
                self._free.release()

        return self._pool.submit(with_database)

    def close(self) -> None:
        """Wait for what is being read, and close the connection. Blocking."""
        self._pool.shutdown(wait=True)
        self._database.close()
