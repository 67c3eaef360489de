# SPDX-License-Identifier: Apache-2.0
"""How a script calls us and waits: through memory that both see, since V8 has no other call that waits for Python.

Four numbers of 32 bits (whose turn, which operation, how many characters, whether more follow), then characters in
UTF-16. The script writes a message and hands the turn over; we read it, write the answer, and hand it back. What does
not fit into one piece takes several turns.
"""

import threading
from collections.abc import Callable
from typing import Final

_HEAD: Final = 16
_SCRIPT: Final = 0
_OURS: Final = 1
_TURN, _OPERATION, _COUNT, _MORE = range(4)
_MORE_PLEASE: Final = 0
"""Operation with which the script fetches the next piece of an answer."""
_SHORTEST: Final = 0.0001
_LONGEST: Final = 0.002
"""Seconds between two looks at whose turn it is: nothing wakes us. A script that calls often is answered quickly."""


class TooLong(Exception):
    """A message is longer than allowed."""


class Mailbox:
    """Our side. `handle` gets each operation (a number above 0) with its text, and returns the answer."""

    def __init__(self, memory: memoryview, handle: Callable[[int, str], str], most: int) -> None:
        self._head = memory.cast("B")[:_HEAD].cast("i")
        self._text = memory.cast("B")[_HEAD:]
        self._room = len(self._text)
        self._handle = handle
        self._most = most
        self._received = bytearray()
        self._rest = b""

    def serve(self, until: threading.Event) -> None:
        """Answer until told to stop. Raises TooLong, and whatever `handle` raises."""
        pause = _SHORTEST
        while not until.wait(pause):
            if self._head[_TURN] != _OURS:
                pause = min(pause * 1.2, _LONGEST)
                continue
            pause = _SHORTEST
            self._take_turn()
            self._head[_TURN] = _SCRIPT

    def _take_turn(self) -> None:
        operation = self._head[_OPERATION]
        if operation == _MORE_PLEASE:
            self._write()
            return
        length = 2 * max(0, min(self._head[_COUNT], self._room // 2))
        self._received += self._text[:length]
        if len(self._received) > 2 * self._most:
            raise TooLong
        if self._head[_MORE]:
            return
        text = self._received.decode("utf-16-le", "replace")
        self._received.clear()
        self._rest = self._handle(operation, text).encode("utf-16-le", "surrogatepass")
        self._write()

    def _write(self) -> None:
        piece, self._rest = self._rest[: self._room], self._rest[self._room :]
        self._text[: len(piece)] = piece
        self._head[_COUNT] = len(piece) // 2
        self._head[_MORE] = int(bool(self._rest))
