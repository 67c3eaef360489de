# SPDX-License-Identifier: Apache-2.0
"""A thread that computes lets everybody else have the interpreter."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from netsonde.query.turns import Resident, Turn, Turns
from netsonde.query.workers import Workers

BEATS = 6_000_000
"""Some seconds of them; without its mend a waiter got the interpreter a few times only in so long."""
WAKES = 100


def test_looks_at_the_memory_do_not_keep_the_interpreter_from_who_waits_for_it() -> None:
    stop = threading.Event()

    def beats(turn: Turn) -> bool:
        with turn:
            for _ in range(BEATS):
                turn.beat()
                if stop.is_set():
                    return True
        return False

    with closing(Workers()), closing(Resident()) as resident, ThreadPoolExecutor(1) as threads:
        was_stopped = threads.submit(beats, Turn(Turns(), resident))
        pause = threading.Event()
        for _ in range(WAKES):
            pause.wait(0.0001)
        stop.set()
        assert was_stopped.result()
