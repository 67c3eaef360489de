# SPDX-License-Identifier: Apache-2.0
"""When Python looks for cyclic garbage among everything: in a quiet moment, and not among what stays anyway.

A full collection walks every container while nothing else runs: 150 ms beside a large graph or a long query, whose
rows even provoke it. So the automatic one is switched off, and one is made every few seconds among what is new since
the last; what survives is frozen, out of the sight of the next. Young objects are collected less often: a list of a
million rows is young too, and looking through it takes 30 to 50 ms each time.
"""

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_NEVER: Final = 2**30
_YOUNG: Final = 20_000
"""Young containers that provoke a collection among them; 700 by default. They take some megabytes."""
_INTERVAL: Final = 10.0
"""Seconds between two collections."""
_GLANCE: Final = 0.05
"""Seconds between two looks for a quiet moment: beside a long query all its rows would be looked through."""
_PATIENCE: Final = 120.0
"""Seconds for which a collection is put off when no moment is quiet."""
_WHOLE: Final = 6 * 3600 / _INTERVAL
"""Intervals after which everything is looked at once: frozen objects may have become garbage too."""


async def keep_tidy(hold_much: Callable[[], bool], *, interval: float = _INTERVAL) -> None:
    """Collect garbage until cancelled, if possible while queries do not hold much that would be looked through."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, 1, _NEVER)
    rounds = 0
    try:
        while True:
            await asyncio.sleep(interval)
            rounds += 1
            await _quiet_moment(hold_much)
            if rounds >= _WHOLE:
                rounds = 0
                gc.unfreeze()
            gc.collect()
            gc.freeze()
    finally:
        # What is left goes with the process, whose end must not wait for a walk through all of it (0.8 s were seen).
        gc.freeze()
        gc.set_threshold(*before)


async def _quiet_moment(hold_much: Callable[[], bool]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while hold_much():  # noqa: ASYNC110  queries come and go by the hundred a second
                await asyncio.sleep(_GLANCE)
