# SPDX-License-Identifier: Apache-2.0
"""Mistakes in the code of a step: they cost it its verdict, and no other step and no other interface anything."""

from typing import Protocol

from netsonde.checks.definitions import PlannedStep
from netsonde.checks.facts import Packet
from netsonde.checks.steps._api import Judge, Outcome, Scene
from netsonde.observe import logger

log = logger("checks")


class Counters(Protocol):
    """Where losses are counted; `observe.Health` is such a place."""

    def count(self, counter: str, by: int = 1) -> None: ...


class Mishaps:
    """Counts every mistake; the log has each kind of mistake of each kind of step once, with the place."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._logged: set[tuple[str, type[Exception]]] = set()

    def note(self, step: str, mistake: Exception) -> Outcome:
        """Count a mistake of a kind of step, and return what the step says then. Call it where it was caught."""
        self._counters.count("step_mistakes")
        kind = step, type(mistake)
        if kind not in self._logged:
            self._logged.add(kind)
            log.exception("a step of checks failed", step=step, reason=str(mistake))
        what = f"internal error in the step {step} ({type(mistake).__name__})"
        return Outcome("unknown", f"{what}: the analyzer's log has it")


class Guarded:
    """A `Judge` that never raises: after a mistake of the step's own, that is what the step says."""

    def __init__(self, step: PlannedStep, scene: Scene, mishaps: Mishaps) -> None:
        self._step = step
        self._scene = scene
        self._mishaps = mishaps
        self._mistaken: Outcome | None = None
        self._judge: Judge | None = None
        try:
            self._judge = step.kind.judge(step.parameters, scene)
        except Exception as mistake:
            self._fall(mistake)

    def packet(self, packet: Packet, *, own: bool) -> None:
        if self._judge is not None:
            try:
                self._judge.packet(packet, own=own)
            except Exception as mistake:
                self._fall(mistake)

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        if self._judge is not None:
            try:
                return self._judge.outcome(now_ns, over=over)
            except Exception as mistake:
                self._fall(mistake)
        assert self._mistaken is not None
        return self._mistaken

    def is_ready(self) -> bool:
        """Tell whether packets may be injected before the step's time is over."""
        if self._judge is not None:
            try:
                return self._step.kind.is_ready(self._step.parameters, self._scene)
            except Exception as mistake:
                self._fall(mistake)
        return False

    def _fall(self, mistake: Exception) -> None:
        self._judge = None
        self._mistaken = self._mishaps.note(self._step.kind.name, mistake)
