# SPDX-License-Identifier: Apache-2.0
"""Where long queries run: a few threads beside the event loop, each with a frozen graph.

A query gets a place, freezes the graph, computes in its thread and waits for sources on the loop. When it is
cancelled, the thread ends at its next look at the clock; the place is free, and the graph forgets the frozen view, only
then.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from netsonde.graph.frozen import FrozenGraph
from netsonde.graph.reader import GraphReader
from netsonde.query.admission import Admission
from netsonde.query.context import Context
from netsonde.query.errors import Busy, LimitReached
from netsonde.query.turns import HANDED_OVER, Resident, Turn, Turns

T = TypeVar("T")
_MIB: Final = 1024 * 1024
_MUCH: Final = 8 * _MIB
"""Some 100,000 rows, through which the collector of garbage goes in some ms."""


@runtime_checkable
class Freezable(Protocol):
    """A graph that changes."""

    def freeze(self) -> FrozenGraph: ...


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How much of the process long queries may take."""

    places: int = 4
    """Long queries that run at once; they share the time of one processor."""
    waiting: int = 64
    """Long queries that wait for a place; more are refused. One client may have half of them."""


class Cancelled(Busy):
    """Ends a thread whose query nobody waits for, or whose process stops."""

    def __init__(self) -> None:
        super().__init__("the server is stopping", hint="try again in a moment")


class Workers:
    """The threads of one process."""

    def __init__(self, settings: WorkerSettings | None = None) -> None:
        settings = settings or WorkerSettings()
        self.admission = Admission(settings.places, settings.waiting)
        self._threads = ThreadPoolExecutor(settings.places, thread_name_prefix="query")
        self._turns = Turns()
        self._places: set[Place] = set()
        self._resident = Resident()
        # 5 ms by default.
        sys.setswitchinterval(HANDED_OVER)

    @property
    def hold_much(self) -> bool:
        """Whether a long query runs that has made many objects so far."""
        return any(place.grown > _MUCH for place in self._places)

    @asynccontextmanager
    async def place(self, client: str, patience: float) -> AsyncIterator["Place"]:
        """Wait for a place and have it; raises Busy when too many wait, or it takes more than `patience` seconds."""
        await self.admission.enter(client, patience)
        place = Place(self._threads, Turn(self._turns, self._resident), self.admission.leave)
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)
            place.close()

    def close(self) -> None:
        """End what the threads do, at their next look at the clock."""
        for place in self._places:
            place.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


class Place:
    """One query's thread and its view of the graph."""

    def __init__(self, threads: ThreadPoolExecutor, turn: Turn, leave: Callable[[], None]) -> None:
        self._threads = threads
        self._turn = turn
        self._leave = leave
        self._frozen: FrozenGraph | None = None
        self._job: Future[Any] | None = None
        self._is_cancelled = False

    @property
    def grown(self) -> int:
        """Bytes by which the process grew in its turns."""
        return self._turn.grown

    def freeze(self, graph: GraphReader) -> GraphReader:
        """Return a view of the graph that never changes; a graph that cannot change is its own."""
        if not isinstance(graph, Freezable):
            return graph
        if self._frozen is None:
            self._frozen = graph.freeze()
        return self._frozen

    async def compute(self, context: Context, work: Callable[[], T], /) -> T:
        """Return what `work` returns, computed in the thread; it looks at the clock through the context."""
        self._job = self._threads.submit(self._work, context, work)
        try:
            return await asyncio.wrap_future(self._job)
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            if self._job.done():
                # Its failure has the frames of the query, with all their rows, and among them this one.
                self._job = None

    def cancel(self) -> None:
        """Let the thread end at its next look at the clock."""
        self._is_cancelled = True

    def close(self) -> None:
        """Give the place back, now or when the thread has noticed."""
        if self._job is None or self._job.done():
            self._free()
            return
        loop = asyncio.get_running_loop()

        def ended(_: Future[Any]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody needs the place any more
                loop.call_soon_threadsafe(self._free)

        self._job.add_done_callback(ended)

    def _free(self) -> None:
        if self._frozen is not None:
            self._frozen.release()
        self._leave()

    def _work(self, context: Context, work: Callable[[], T]) -> T:
        with self._turn:
            context.beat, before = partial(self._beat, context), context.beat
            try:
                self._beat(context)
                return work()
            finally:
                context.beat = before

    def _beat(self, context: Context) -> None:
        if self._is_cancelled:
            raise Cancelled
        self._turn.beat()
        if self._turn.grown > context.limits.memory:
            raise LimitReached(
                f"the query needs more than {context.limits.memory // _MIB:,} MiB of memory",
                hint="filter earlier, use Dedup() between steps that move, or ask for fewer keys",
            )
