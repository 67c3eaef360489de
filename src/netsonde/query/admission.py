# SPDX-License-Identifier: Apache-2.0
"""How many long queries run at once, and who is next: a bounded queue, one line a client, served in turn."""

import asyncio
from collections import OrderedDict, deque

from netsonde.query.errors import Busy


class Admission:
    """Places for queries that run, and a queue before them. One event loop uses it."""

    def __init__(self, places: int, waiting: int) -> None:
        self._free = places
        self._most_waiting = waiting
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Who waits, by client; the line at the front is served next and goes to the back then."""
        self.refused = 0

    @property
    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    async def enter(self, client: str, patience: float) -> None:
        """Wait for a place, at most `patience` seconds; whoever gets one calls `leave`. Raises Busy."""
        if self._free and not self._lines:
            self._free -= 1
            return
        turn = self._queue(client)
        try:
            async with asyncio.timeout(patience) as timeout:
                await turn
        except (asyncio.CancelledError, TimeoutError) as ended:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._give_up(client, turn)
            if timeout.expired():
                self.refused += 1
                raise Busy(
                    f"the query waited {patience:g} s for its turn behind other long queries",
                    hint="try again, or ask for less: begin with Has() on a key that few nodes have",
                ) from ended
            raise

    def leave(self) -> None:
        """Give the place to the next client's oldest query."""
        while self._lines:
            client, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[client] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _queue(self, client: str) -> asyncio.Future[None]:
        line = self._lines.get(client, deque())
        # Half of the queue is the most for one client, so that the others find room.
        if self.waiting >= self._most_waiting or 2 * len(line) >= self._most_waiting:
            self.refused += 1
            raise Busy(
                f"{self.waiting} long queries are waiting already, {len(line)} of them from {client or 'here'}",
                hint="wait for their answers, or try again in a second",
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._lines[client] = line
        return turn

    def _give_up(self, client: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(client)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._lines[client]
