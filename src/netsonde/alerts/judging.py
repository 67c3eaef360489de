# SPDX-License-Identifier: Apache-2.0
"""What one analyzer does of alerts for all: watches them, tells again what still fires, lets old history go."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from netsonde.aio import spawn
from netsonde.alerts.catalogue import Catalogue
from netsonde.alerts.definitions import actions_of, is_expired
from netsonde.alerts.messages import message_of
from netsonde.alerts.watching import Surroundings, Watch
from netsonde.errors import SourceLost, UserError
from netsonde.graph import Event
from netsonde.model.alerts import Alert, Transition, transition_key
from netsonde.model.notices import Notice
from netsonde.model.stores import Store
from netsonde.observe import logger

log = logger("alerts")

_KEEP_HOUSE: Final = 1.0
_DAY_MS: Final = 86_400_000
_PATIENCE: Final = 30.0
"""Seconds to wait for the topology; what is not there by then may never come."""
_LOOK: Final = 0.1


class Judging:
    """Runs while the lease is held; told of changes of definitions always."""

    def __init__(
        self,
        around: Surroundings,
        catalogue: Catalogue,
        definitions: Store[Alert],
        *,
        is_ready: Callable[[], bool],
        resend: float,
    ) -> None:
        """`is_ready` tells whether the topology is in, `resend` are seconds between notices that are repeated."""
        self._around = around
        self._catalogue = catalogue
        self._definitions = definitions
        self._is_ready = is_ready
        self._resend = resend
        self._group: asyncio.TaskGroup | None = None
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self._keep_until = 0

    async def run(self) -> None:
        """Judge until cancelled."""
        await self._topology()
        self._keep_until = self._around.clock.now_ms() + round(self._around.settings.settle * 1000)
        unsubscribe = self._around.graph.subscribe(self._follow)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for alert in self._catalogue.alerts():
                    self.changed(alert.uuid)
                spawn(group, self._keep_house(), "alerts.housekeeping")
                spawn(group, self._repeat(), "alerts.repeat")
        finally:
            self._group = None
            self._watches.clear()
            unsubscribe()

    def changed(self, uuid: str) -> None:
        """A definition was created, changed or deleted."""
        if self._group is None:
            return
        _, task = self._watches.pop(uuid, (None, None))
        if task is not None:
            task.cancel()
        alert = self._catalogue.alert(uuid)
        if alert is None:
            return
        try:
            watch = Watch(alert, self._around, keep_until=self._keep_until)
        except UserError as wrong:
            # Another version may have stored it.
            self._around.complain(uuid, str(wrong))
            return
        self._watches[uuid] = (watch, spawn(self._group, watch.run(), f"alert.{uuid}"))

    async def _topology(self) -> None:
        """Wait for the graph: what is not there yet would seem to be gone."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while True:
            if self._is_ready() or loop.time() > end:
                return
            await asyncio.sleep(_LOOK)

    def _follow(self, events: Sequence[Event]) -> None:
        for watch, _ in self._watches.values():
            watch.follow(events)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(self._resend)
            silent: set[str] = set()
            for alert in self._catalogue.alerts():
                for action in filter(self._around.notifier.repeats, actions_of(alert)):
                    if action not in silent and not await self._tell_again(alert, action):
                        # Once is enough: else the others hear too late, and take the rest for resolved.
                        silent.add(action)

    async def _tell_again(self, alert: Alert, action: str) -> bool:
        """Tell a receiver that an alert still fires, if it does; False = it does not answer."""
        last = self._catalogue.last(alert.uuid)
        if last is None or last.state != "firing" or last.notified_at < last.fired_at:
            return True
        if self._around.clock.now_ms() < alert.muted_until or self._catalogue.alert(alert.uuid) != alert:
            return True
        return await self._around.notifier.repeat(_again(alert, last, action))

    async def _keep_house(self) -> None:
        settings, clock = self._around.settings, self._around.clock
        while True:
            try:
                now = clock.now_ms()
                for alert in self._catalogue.alerts():
                    if is_expired(alert, now):
                        await self._definitions.delete(alert.uuid)
                for key in [*self._catalogue.surplus(settings.max_transitions, now - settings.keep_days * _DAY_MS)]:
                    await self._around.history.delete(key)
            except SourceLost as lost:
                log.debug("housekeeping waits for the bus", reason=str(lost))
            await asyncio.sleep(_KEEP_HOUSE)


def _again(alert: Alert, last: Transition, action: str) -> Notice:
    return Notice(f"{transition_key(last)}.again", action, message_of(alert, last), last.at, alert.created_by)
