# SPDX-License-Identifier: Apache-2.0
"""The state of a component: what, why, since when; shown by `status` and the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from netsonde.redact import redacted

HealthState = Literal["starting", "running", "absent", "failed", "stopped"]
"""absent = what it reads has not been there since the start, which is no fault: it waits for it."""


@dataclass(slots=True)
class Health:
    """State of one component. Changes are told to `on_change` once each; repeats only count."""

    name: str
    on_change: Callable[["Health"], None] | None = None
    state: HealthState = "starting"
    reason: str = ""
    since_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    failures: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    has_run: bool = False

    def running(self, reason: str = "") -> None:
        self.has_run = True
        self._set("running", reason)

    def absent(self, reason: str) -> None:
        """Say that its source is not there; of one that was there, that is a failure."""
        if self.has_run:
            self.failed(reason)
        else:
            self._set("absent", reason)

    def remark(self, reason: str) -> None:
        """Say what a component lacks that runs nevertheless; until it starts again."""
        if self.state == "running":
            self._set("running", reason)

    def failed(self, reason: str) -> None:
        self.failures += 1
        self._set("failed", reason)

    def stopped(self) -> None:
        self._set("stopped", "")

    def count(self, counter: str, by: int = 1) -> None:
        """Add to a counter shown beside the state (events seen, messages dropped, objects owned)."""
        self.counters[counter] = self.counters.get(counter, 0) + by

    def gauge(self, counter: str, value: int) -> None:
        """Set a counter to a value."""
        self.counters[counter] = value

    def _set(self, state: HealthState, reason: str) -> None:
        reason = redacted(reason)
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        self.since_ms = time.time_ns() // 1_000_000
        if self.on_change is not None:
            self.on_change(self)
