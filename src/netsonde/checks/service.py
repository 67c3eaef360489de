# SPDX-License-Identifier: Apache-2.0
"""Checks of an analyzer: what the API creates, changes, starts anew and shows.

Source: the buckets `checks` and `check-results`.
Writes: the bucket `checks`; verdicts on the nodes of its own graph; under a lease what `judging` writes.
"""

import asyncio
import uuid as uuids
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.checks.attachments import check_of
from netsonde.checks.catalogue import Catalogue
from netsonde.checks.definitions import checked, needs_new_runs, refuse_duplicate, through
from netsonde.checks.judging import Judging
from netsonde.checks.mishaps import Counters
from netsonde.checks.overlay import Overlay
from netsonde.checks.settings import CheckSettings
from netsonde.checks.stores import Captures, Injector, LeaseRunner, Reports
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.graph import Event, Graph
from netsonde.model.captures import CaptureChange
from netsonde.model.checks import Check, CheckChange, CheckResult, CheckView, Verdict
from netsonde.model.elements import Node
from netsonde.model.stores import Reading, Store, follow
from netsonde.observe import Listeners, logger

log = logger("checks")

_COALESCE = 0.2

Listener = Callable[[CheckChange], None]
Follower = Callable[[Check, CheckResult], Awaitable[None]]


class CheckService:
    """Implements what the API asks of checks; `run` keeps it up to date until cancelled."""

    def __init__(
        self,
        graph: Graph,
        definitions: Store[Check],
        results: Store[CheckResult],
        *,
        captures: Captures,
        reports: Reports,
        injector: Injector,
        lease: LeaseRunner,
        settings: CheckSettings,
        counters: Counters,
        clock: Clock | None = None,
        check_action: Callable[[str], None] = lambda action: None,
    ) -> None:
        """`check_action` raises UserError for a receiver of verdicts that is unknown or not allowed."""
        self._graph = graph
        self._definitions = definitions
        self._results = results
        self._captures = captures
        self._injector = injector
        self._lease = lease
        self._settings = settings
        self._check_action = check_action
        self._clock = clock or Clock()
        self._catalogue = Catalogue()
        self._overlay = Overlay(graph)
        self._listeners: Listeners[CheckChange] = Listeners("checks")
        self._followers: list[Follower] = []
        self._reading = Reading("checks", "results")
        self._dirty: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._judging = Judging(
            graph,
            self._catalogue,
            definitions,
            results,
            captures=captures,
            reports=reports,
            injector=injector,
            settings=settings,
            counters=counters,
            clock=self._clock,
            keep=self._keep,
            decided=self._decide,
        )

    def views(self) -> Sequence[CheckView]:
        """Return every check, the oldest first."""
        captures = self._captures.views()
        return [self._catalogue.view(check, captures) for check in self._catalogue.checks()]

    def view(self, uuid: str) -> CheckView | None:
        check = self._catalogue.check(uuid)
        return None if check is None else self._catalogue.view(check, self._captures.views())

    def results(self, uuid: str, *, node: str = "", verdict: Verdict | None = None) -> Sequence[CheckResult]:
        """Return the results of a check, the newest first: of one node (id), with one verdict."""
        return [
            result
            for result in self._catalogue.results(uuid)
            if node in ("", result.node_id) and verdict in (None, result.verdict)
        ]

    def verdicts(self) -> dict[str, dict[str, int]]:
        """Return, by the name of each check, how many interfaces have which verdict."""
        return {check.name: self._catalogue.verdicts(check.uuid) for check in self._catalogue.checks()}

    async def create(self, check: Check) -> CheckView:
        """Check, name and store a definition; raises UserError, or Conflict for a name that is taken."""
        now, uuid = self._clock.now_ms(), str(uuids.uuid4())
        if len(self._catalogue.checks()) >= self._settings.max_checks:
            raise UserError(
                f"there are {self._settings.max_checks} checks already",
                hint="delete one, or raise the setting check.max_checks",
            )
        name = check.name or f"check-{uuid[:8]}"
        check = msgspec.structs.replace(check, uuid=uuid, name=name, created_at=now, run_at=now)
        self._validate(check)
        return self._accept(check, await self._definitions.create(uuid, check))

    async def replace(self, previous: Check, check: Check) -> CheckView:
        """Store a changed definition; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        revision = self._revision(previous.uuid)
        if self._catalogue.check(previous.uuid) != previous:
            raise Conflict(f"the check {previous.uuid} was changed meanwhile", hint="read it again and repeat")
        run_at = self._next_run(previous) if needs_new_runs(previous, check) else previous.run_at
        check = msgspec.structs.replace(
            check, uuid=previous.uuid, name=check.name or previous.name, created_at=previous.created_at, run_at=run_at
        )
        self._validate(check)
        return self._accept(check, await self._definitions.update(check.uuid, check, revision))

    async def start(self, uuid: str) -> CheckView:
        """Judge the interfaces that are there anew, by what they send from now on. Raises NotFound, Conflict."""
        revision, check = self._revision(uuid), self._catalogue.check(uuid)
        assert check is not None
        again = msgspec.structs.replace(check, run_at=self._next_run(check))
        return self._accept(again, await self._definitions.update(uuid, again, revision))

    async def delete(self, uuid: str) -> None:
        """Delete a check; its captures and results go with it. Raises NotFound."""
        self._revision(uuid)
        await self._definitions.delete(uuid)
        self._forget(uuid)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell each change of a definition, of its counts, and each result."""
        return self._listeners.add(listener)

    def follow_verdicts(self, follower: Follower) -> Callable[[], None]:
        """Tell each final verdict, with its check, on the one analyzer that judged it, before it is stored.

        What follows from a verdict hangs here, and outlives a crash: a verdict is told again when it cannot be stored,
        or the follower raises SourceLost. (`subscribe` tells every analyzer, and again after a restart.) Returns what
        ends it.
        """
        self._followers.append(follower)

        def unfollow() -> None:
            if follower in self._followers:
                self._followers.remove(follower)

        return unfollow

    async def run(self, health: HealthSink) -> None:
        unsubscribe = [self._graph.subscribe(self._follow_graph), self._captures.subscribe(self._follow_capture)]
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_definitions(health), "checks.definitions")
                spawn(group, self._follow_results(health), "checks.results")
                spawn(group, self._tell_counts(), "checks.notify")
                spawn(group, self._lease.run(self._lead), "checks.lease")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            for end in unsubscribe:
                end()

    async def _lead(self) -> None:
        await self._reading.done()
        await self._captures.ready()
        await self._injector.ready()
        await self._judging.run()

    async def _follow_definitions(self, health: HealthSink) -> None:
        await follow(
            self._definitions,
            known=[check.uuid for check in self._catalogue.checks()],
            put=lambda uuid, check, revision: self._take(msgspec.structs.replace(check, uuid=uuid), revision),
            gone=self._forget,
            current=lambda: self._reading.read("checks", health),
        )

    async def _follow_results(self, health: HealthSink) -> None:
        async for entry in self._results.watch():
            if entry.kind == "current":
                self._reading.read("results", health)
            elif entry.value is not None:
                self._keep(entry.value)
            else:
                gone = self._catalogue.remove_result(entry.key)
                if gone is not None:
                    if self._catalogue.latest(gone.check, gone.node_id) is None:
                        self._overlay.hide(gone)
                    self._mark_dirty(gone.check)

    def _validate(self, check: Check) -> None:
        checked(check, now_ms=self._clock.now_ms())
        refuse_duplicate(check, self._catalogue.checks())
        for query in (check.gremlin_query, *through(check)):
            self._captures.preview(query)
        for action in check.actions:
            self._check_action(action)

    def _next_run(self, check: Check) -> int:
        return max(self._clock.now_ms(), check.run_at + 1)

    def _revision(self, uuid: str) -> int:
        if self._catalogue.check(uuid) is None:
            raise NotFound(f"there is no check {uuid[:100]}", hint="GET /api/check lists them")
        return self._catalogue.revision(uuid)

    def _accept(self, check: Check, revision: int) -> CheckView:
        self._take(check, revision)
        view = self.view(check.uuid)
        if view is None:
            raise NotFound(f"the check {check.uuid} was deleted meanwhile")
        return view

    def _take(self, check: Check, revision: int) -> None:
        """Take a definition unless it is no news: an echo may come after the deletion."""
        is_new = self._catalogue.check(check.uuid) is None
        if not self._catalogue.put(check, revision):
            return
        view = self.view(check.uuid)
        assert view is not None
        if is_new:
            for result in self._catalogue.latest_of(check.uuid):
                self._overlay.show(result)
        self._listeners.tell(CheckChange("Added" if is_new else "Updated", view))
        self._judging.changed(check.uuid)

    def _forget(self, uuid: str) -> None:
        view = self.view(uuid)
        if view is None:
            return
        self._catalogue.remove(uuid)
        for result in self._catalogue.latest_of(uuid):
            self._overlay.hide(result)
        self._listeners.tell(CheckChange("Deleted", view))
        self._judging.changed(uuid)

    def _keep(self, result: CheckResult) -> None:
        """Take a result, of our own or of another analyzer; told once, since what is written comes back."""
        is_orphan = self._catalogue.check(result.check) is None
        if (is_orphan and self._reading.is_done) or self._catalogue.has(result) or self._catalogue.is_outdated(result):
            return
        if self._catalogue.put_result(result) and not is_orphan:
            self._overlay.show(result)
        if self._reading.is_done:
            self._listeners.tell(CheckChange("Result", result=result))
            self._mark_dirty(result.check)

    async def _decide(self, result: CheckResult) -> None:
        check = self._catalogue.check(result.check)
        if check is None:
            return
        for follower in tuple(self._followers):
            try:
                await follower(check, result)
            except SourceLost:
                raise
            except Exception:
                # What follows from a verdict must not keep it from being stored.
                log.exception("a follower of verdicts failed", follower=repr(follower))

    def _follow_graph(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind == "added" and isinstance(event.element, Node):
                self._overlay.came(event.element.id)
        self._judging.follow(events)

    def _follow_capture(self, change: CaptureChange) -> None:
        uuid = check_of(change.view)
        if uuid:
            self._judging.captured(uuid, change)
            self._mark_dirty(uuid)

    def _mark_dirty(self, uuid: str) -> None:
        self._dirty[uuid] = None
        self._changed.set()

    async def _tell_counts(self) -> None:
        """Tell of checks whose counts or captures changed, a few times a second at most."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            dirty, self._dirty = self._dirty, {}
            for uuid in dirty:
                view = self.view(uuid)
                if view is not None:
                    self._listeners.tell(CheckChange("Updated", view))
            await asyncio.sleep(_COALESCE)
