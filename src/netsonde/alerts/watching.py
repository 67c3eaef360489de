# SPDX-License-Identifier: Apache-2.0
"""One alert at work: look, decide, store and tell what follows, rest until there may be something else to see."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from netsonde.aio.clock import Clock
from netsonde.alerts.conditions import Condition, Turns, condition_of
from netsonde.alerts.definitions import interval_ms
from netsonde.alerts.machine import Machine, Seen
from netsonde.alerts.messages import notices_of
from netsonde.alerts.settings import AlertSettings
from netsonde.alerts.stores import Notifier, Queries, Scripts
from netsonde.errors import Conflict, SourceLost, UserError
from netsonde.graph import Event, Graph
from netsonde.model.alerts import Alert, Transition, transition_key
from netsonde.model.stores import Store
from netsonde.observe import logger

log = logger("alerts")

_AGAIN: Final = 5.0
"""Seconds until the next look after one that failed."""
_SHARE: Final = 20
"""A look that takes long is followed by a pause so many times as long."""
_PATIENCE: Final = 1.0
"""Seconds between two attempts to store a transition."""


class Counters(Protocol):
    """Counts things that are shown; `observe.Health` is one."""

    def count(self, counter: str, by: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all watches share."""

    graph: Graph
    queries: Queries
    scripts: Scripts | None
    notifier: Notifier
    history: Store[Transition]
    settings: AlertSettings
    counters: Counters
    clock: Clock
    turns: Turns
    keep: Callable[[Transition], None]
    """Takes each transition after it was stored."""
    last: Callable[[str], Transition | None]
    complain: Callable[[str, str], None]
    """Takes why an alert (UUID) cannot be judged now, "" when it can."""


class Watch:
    """Runs one alert until cancelled; it goes on from its last transition."""

    def __init__(self, alert: Alert, around: Surroundings, *, keep_until: int) -> None:
        """Before `keep_until` (Unix ms) nothing is resolved. Raises UserError for what cannot be watched."""
        self.alert = alert
        self._around = around
        self._keep_until = keep_until
        self._machine = Machine(alert, around.last(alert.uuid))
        self._interval = interval_ms(alert.trigger) / 1000
        self._main = self._condition(alert.expression)
        self._hold = self._condition(alert.hold) if alert.hold else None
        self._crash = ""
        """How the last look crashed, which is logged once; "" when it did not."""

    def follow(self, events: Sequence[Event]) -> None:
        self._main.follow(events)
        if self._hold is not None:
            self._hold.follow(events)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            seen, problem = await self._look()
            self._around.complain(self.alert.uuid, problem)
            if seen is None:
                self._around.counters.count("evaluations_failed")
                await asyncio.sleep(_AGAIN)
                continue
            await self._judge(seen)
            await self._rest(began)

    async def _look(self) -> tuple[Seen | None, str]:
        """Return what is seen; None, and why, when it cannot be judged."""
        self._around.counters.count("evaluations")
        try:
            seen = await self._present().look()
        except (UserError, SourceLost, TimeoutError) as failed:
            return None, str(failed) or "it took too long"
        except Exception as crash:
            # One alert must not take all others with it, in this life and in each that follows.
            problem = f"internal error ({type(crash).__name__}): the analyzer's log has it"
            if problem != self._crash:
                log.exception("an alert crashed", alert=self.alert.uuid)
            self._crash = problem
            return None, problem
        self._crash = ""
        return seen, ""

    def _condition(self, text: str) -> Condition:
        around = self._around
        return condition_of(
            text,
            self.alert.language,
            around.graph,
            around.queries,
            around.scripts,
            around.turns,
            at_changes=not self._interval,
        )

    def _present(self) -> Condition:
        return self._hold if self._hold is not None and self._machine.state == "firing" else self._main

    async def _judge(self, seen: Seen) -> None:
        last = self._machine.last
        transition = self._machine.look(seen, self._around.clock.now_ms(), keep_until=self._keep_until)
        if transition is not None:
            await self._store(_spoken(transition, last))

    async def _store(self, transition: Transition) -> None:
        """Post the notices, then store the transition: repeated after a crash, both are what they were."""
        around = self._around
        while True:
            try:
                for notice in notices_of(self.alert, transition):
                    await around.notifier.post(notice)
                await around.history.create(transition_key(transition), transition)
                break
            except SourceLost as lost:
                around.counters.count("transitions_delayed")
                log.warning("a transition cannot be stored yet", alert=self.alert.uuid, reason=str(lost))
                await asyncio.sleep(_PATIENCE)
            except Conflict:
                # Stored by ourselves, with an answer that was lost, or by another analyzer: it comes by the store.
                await asyncio.sleep(_PATIENCE)
                self._machine = Machine(self.alert, around.last(self.alert.uuid))
                return
        before = self._present()
        self._machine.took(transition)
        if self._present() is not before:
            # What passed while the other expression counted is past.
            self._present().forget()
            if self._hold is not None and before is self._main:
                # It may not have changed since it did not hold, and nothing else would end the alert.
                self._hold.changed.set()
        around.counters.count(f"transitions_to_{transition.state}")
        around.keep(transition)

    async def _rest(self, began: float) -> None:
        """Wait for a change or for the time, whatever comes first; for the pace at least, unless time alone matters."""
        loop = asyncio.get_running_loop()
        due = self._machine.due_at(keep_until=self._keep_until)
        due_at = None if due is None else loop.time() + max(0.0, (due - self._around.clock.now_ms()) / 1000)
        # Flows change without the graph, and asking all agents at each of its changes would not help.
        at_intervals = self._around.settings.flow_interval if self._present().at_intervals else 0.0
        if interval := self._interval or at_intervals:
            next_at = began + interval
            await asyncio.sleep(max(0.0, (next_at if due_at is None else min(next_at, due_at)) - loop.time()))
            return
        pause = max(self._around.settings.pace, _SHARE * (loop.time() - began))
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_at):
                await asyncio.sleep(max(0.0, began + pause - loop.time()))
                await self._present().changed.wait()


def _spoken(transition: Transition, last: Transition | None) -> Transition:
    """Return a transition that ends something with words for that."""
    if transition.state == "resolved" and last is not None:
        seconds = (transition.at - last.fired_at) / 1000
        return msgspec.structs.replace(transition, summary=f"resolved after {seconds:.1f} s")
    if transition.state == "inactive":
        return msgspec.structs.replace(transition, summary="the condition did not hold for long enough")
    return transition
