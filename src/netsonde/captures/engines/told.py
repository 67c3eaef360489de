# SPDX-License-Identifier: Apache-2.0
"""Engines that tell events of their own beside the native core's: a queue behind a descriptor."""

import os
from collections import deque
from collections.abc import Mapping, Sequence

from netsonde.captures.engines._api import Point, TapCounters, TapEvent, ToldCounters

MOST = 10_000
"""Events that wait; the oldest go first, and what they told is told again at the next round."""


class Telling:
    """The part of Engine that is the same for all of them. Taps and counters are the core's."""

    def __init__(self) -> None:
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._events: deque[TapEvent] = deque(maxlen=MOST)
        self._is_closed = False

    def tell(self, event: TapEvent) -> None:
        self._events.append(event)
        os.eventfd_write(self.event_fd, 1)

    def events(self) -> Sequence[TapEvent]:
        if self._events:
            os.eventfd_read(self.event_fd)
        events = list(self._events)
        self._events.clear()
        return events

    def forget(self, capture: str) -> None:
        """The core forgets."""

    def arm(self, *, armed: bool) -> None:
        """Nothing is kept here of new interfaces."""

    def counters(self) -> Mapping[Point, TapCounters]:
        return {}

    def told(self, point: Point) -> ToldCounters | None:
        """The core is told."""
        return None

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            os.close(self.event_fd)
