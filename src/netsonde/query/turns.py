# SPDX-License-Identifier: Apache-2.0
"""Lets computing threads run one at a time, each for a moment, in turn.

The interpreter runs one thread at a time anyhow. With several of them busy, the event loop would queue for it behind
each; so it competes with one only, and that one's growth of memory can be told from the others'.
"""

import os
import threading
import time
from collections import deque
from types import TracebackType
from typing import Final

_TURN: Final = 0.02
"""Seconds after which a thread lets the next one run."""
HANDED_OVER: Final = 0.001
"""Seconds after which the interpreter makes a computing thread hand over to whoever waits, such as the event loop."""
_LOOK: Final = 5 * HANDED_OVER
"""Seconds between two looks at the memory; a look costs 2 µs.

Reading gives the interpreter away and takes it back before anybody has woken up; whoever waits begins to count the
time anew. More often than it takes to be handed over, and nobody else runs for seconds (ceval_gil.h, `take_gil`).
"""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Turns:
    """A lock that is handed on in the order of arrival."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def anybody_waits(self) -> bool:
        return bool(self._waiting)

    def take(self) -> None:
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        called.acquire()

    def pass_on(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


class Resident:
    """The memory of this process, as the kernel counts it."""

    def __init__(self) -> None:
        # Kept open for the life of the process: opening it costs more than reading.
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def bytes(self) -> int:
        return int(os.pread(self._statm, 64, 0).split()[1]) * _PAGE

    def close(self) -> None:
        os.close(self._statm)


class Turn:
    """One query's computing: `with` it, and call `beat` all the time. Counts by how much the process grew in it."""

    def __init__(self, turns: Turns, resident: Resident) -> None:
        self._turns = turns
        self._resident = resident
        self._ends = 0.0
        self._looked = 0.0
        self._size = 0
        self.grown = 0
        """Bytes; what others let grow in between is not in it."""

    def __enter__(self) -> "Turn":
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def beat(self) -> None:
        """Look at the memory, and let the next one run when the time has come."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        self._measure()
        if now > self._ends and self._turns.anybody_waits:
            self._end()
            self._begin()

    def _begin(self) -> None:
        self._turns.take()
        self._size = self._resident.bytes()
        self._ends = time.monotonic() + _TURN

    def _end(self) -> None:
        self._measure()
        self._turns.pass_on()

    def _measure(self) -> None:
        size = self._resident.bytes()
        self.grown += size - self._size
        self._size = size
