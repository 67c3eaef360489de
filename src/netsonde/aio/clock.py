# SPDX-License-Identifier: Apache-2.0
"""The time, as an argument: tests move it by hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def unix_ms() -> int:
    """Return the time of day in Unix ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Time of day for what is shown, monotonic seconds for what is waited for."""

    now_ms: Callable[[], int] = unix_ms
    monotonic: Callable[[], float] = time.monotonic
