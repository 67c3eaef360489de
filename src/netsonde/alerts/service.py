# SPDX-License-Identifier: Apache-2.0
"""Alerts of an analyzer: what the API creates, changes, tries out and shows.

Source: the buckets `alerts` and `alert-history`.
Writes: the bucket `alerts`; under a lease what `judging` and `watching` write.
"""

import asyncio
import uuid as uuids
from collections.abc import Callable, Sequence

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.alerts.catalogue import Catalogue
from netsonde.alerts.conditions import Turns
from netsonde.alerts.definitions import checked
from netsonde.alerts.judging import Judging
from netsonde.alerts.rehearsal import period_of, rehearse
from netsonde.alerts.settings import AlertSettings
from netsonde.alerts.stores import LeaseRunner, Notifier, Queries, Scripts
from netsonde.alerts.watching import Counters, Surroundings
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.graph import Graph
from netsonde.model.alerts import Alert, AlertChange, AlertView, Rehearsal, Transition
from netsonde.model.notices import rfc3339
from netsonde.model.stores import Reading, Store, follow
from netsonde.observe import Listeners, logger

log = logger("alerts")

Listener = Callable[[AlertChange], None]


class AlertService:
    """Implements what the API asks of alerts; `run` keeps it up to date until cancelled."""

    def __init__(
        self,
        graph: Graph,
        definitions: Store[Alert],
        history: Store[Transition],
        *,
        queries: Queries,
        notifier: Notifier,
        lease: LeaseRunner,
        settings: AlertSettings,
        counters: Counters,
        is_ready: Callable[[], bool],
        scripts: Scripts | None = None,
        resend: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self._definitions = definitions
        self._history = history
        self._queries = queries
        self._scripts = scripts
        self._notifier = notifier
        self._lease = lease
        self._settings = settings
        self._clock = clock or Clock()
        self._catalogue = Catalogue()
        self._listeners: Listeners[AlertChange] = Listeners("alerts")
        self._reading = Reading("alerts", "history")
        around = Surroundings(
            graph=graph,
            queries=queries,
            scripts=scripts,
            notifier=notifier,
            history=history,
            settings=settings,
            counters=counters,
            clock=self._clock,
            turns=Turns(),
            keep=self._keep,
            last=self._catalogue.last,
            complain=self._complain,
        )
        self._judging = Judging(around, self._catalogue, definitions, is_ready=is_ready, resend=resend)

    def views(self) -> Sequence[AlertView]:
        """Return every alert, the oldest first."""
        return [self._catalogue.view(alert, self._notifier.undelivered) for alert in self._catalogue.alerts()]

    def view(self, uuid: str) -> AlertView | None:
        alert = self._catalogue.alert(uuid)
        return None if alert is None else self._catalogue.view(alert, self._notifier.undelivered)

    def history(self, uuid: str) -> Sequence[Transition]:
        """Return the transitions of an alert, the newest first."""
        return self._catalogue.history(uuid)

    def states(self) -> dict[str, int]:
        """Return how many alerts are in which state."""
        states: dict[str, int] = {"inactive": 0, "pending": 0, "firing": 0, "resolved": 0}
        for alert in self._catalogue.alerts():
            last = self._catalogue.last(alert.uuid)
            states["inactive" if last is None else last.state] += 1
        return states

    async def create(self, alert: Alert) -> AlertView:
        """Check and store a definition; raises UserError."""
        if len(self._catalogue.alerts()) >= self._settings.max_alerts:
            raise UserError(
                f"there are {self._settings.max_alerts} alerts already",
                hint="delete one, or raise the setting alert.max_alerts",
            )
        now, uuid = self._clock.now_ms(), str(uuids.uuid4())
        alert = msgspec.structs.replace(alert, uuid=uuid, create_time=alert.create_time or rfc3339(now))
        alert = await self._checked(alert)
        return self._accept(alert, await self._definitions.create(uuid, alert))

    async def replace(self, previous: Alert, alert: Alert) -> AlertView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        revision = self._revision(previous.uuid)
        if self._catalogue.alert(previous.uuid) != previous:
            raise Conflict(f"the alert {previous.uuid} was changed meanwhile", hint="read it again and repeat")
        language = alert.language
        if alert.expression != previous.expression and alert.language == previous.language:
            # The language was worked out from the expression before, unless it was said; so it is now.
            language = ""
        alert = msgspec.structs.replace(alert, uuid=previous.uuid, create_time=previous.create_time, language=language)
        alert = await self._checked(alert)
        return self._accept(alert, await self._definitions.update(alert.uuid, alert, revision))

    async def delete(self, uuid: str) -> None:
        """Delete an alert; its history goes with it. Raises NotFound."""
        self._revision(uuid)
        await self._definitions.delete(uuid)
        self._forget(uuid)

    async def rehearse(self, alert: Alert, start: int, end: int, step: int) -> Rehearsal:
        """Return what an alert would have done (Unix ms, ms), without storing or telling it. Raises UserError."""
        alert = await self._checked(msgspec.structs.replace(alert, uuid="dry-run"))
        period = period_of(start, end, step)
        return await rehearse(alert, self._queries, period, seconds=self._settings.dry_run_seconds)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell each change of a definition, and each transition, whichever analyzer made it."""
        return self._listeners.add(listener)

    async def run(self, health: HealthSink) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_definitions(health), "alerts.definitions")
                spawn(group, self._follow_history(health), "alerts.history")
                spawn(group, self._lease.run(self._lead), "alerts.lease")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost

    async def _lead(self) -> None:
        await self._reading.done()
        await self._judging.run()

    async def _checked(self, alert: Alert) -> Alert:
        alert = checked(alert, self._notifier.check, now_ms=self._clock.now_ms())
        if alert.language == "javascript":
            if self._scripts is None:
                raise UserError(
                    "Expression is no query, and JavaScript cannot be run here",
                    hint="a query begins with G: G.V().Has('State', 'DOWN')",
                )
            for text in filter(None, (alert.expression, alert.hold)):
                await self._scripts.check(text)
        return alert

    async def _follow_definitions(self, health: HealthSink) -> None:
        await follow(
            self._definitions,
            known=[alert.uuid for alert in self._catalogue.alerts()],
            put=lambda uuid, alert, revision: self._take(msgspec.structs.replace(alert, uuid=uuid), revision),
            gone=self._forget,
            current=lambda: self._reading.read("alerts", health),
        )

    async def _follow_history(self, health: HealthSink) -> None:
        async for entry in self._history.watch():
            if entry.kind == "current":
                self._reading.read("history", health)
            elif entry.value is not None:
                self._keep(entry.value)
            else:
                self._catalogue.remove_transition(entry.key)

    def _revision(self, uuid: str) -> int:
        if self._catalogue.alert(uuid) is None:
            raise NotFound(f"Alert '{uuid[:100]}' not found", hint="GET /api/alert lists them")
        return self._catalogue.revision(uuid)

    def _accept(self, alert: Alert, revision: int) -> AlertView:
        self._take(alert, revision)
        view = self.view(alert.uuid)
        if view is None:
            raise NotFound(f"the alert {alert.uuid} was deleted meanwhile")
        return view

    def _take(self, alert: Alert, revision: int) -> None:
        is_new = self._catalogue.alert(alert.uuid) is None
        if not self._catalogue.put(alert, revision):
            return
        view = self.view(alert.uuid)
        assert view is not None
        self._listeners.tell(AlertChange("Added" if is_new else "Updated", view))
        self._judging.changed(alert.uuid)

    def _forget(self, uuid: str) -> None:
        view = self.view(uuid)
        if view is not None:
            self._catalogue.remove(uuid)
            self._listeners.tell(AlertChange("Deleted", view))
            self._judging.changed(uuid)

    def _keep(self, transition: Transition) -> None:
        """Take a transition, of our own or of another analyzer; told once, since what is stored comes back."""
        if self._catalogue.put_transition(transition) and self._reading.has_read("history"):
            view = self.view(transition.alert)
            if view is not None:
                self._listeners.tell(AlertChange("Transition", view, transition))

    def _complain(self, uuid: str, problem: str) -> None:
        if self._catalogue.problems.get(uuid, "") == problem or self._catalogue.alert(uuid) is None:
            return
        self._catalogue.problems[uuid] = problem
        if problem:
            log.warning("an alert cannot be judged", alert=uuid, reason=problem)
        view = self.view(uuid)
        if view is not None:
            self._listeners.tell(AlertChange("Updated", view))
