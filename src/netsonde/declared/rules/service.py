# SPDX-License-Identifier: Apache-2.0
"""Rules of one kind: what the API creates, changes and shows, and the task that applies them.

Source: a bucket; the merged graph.
Writes: the bucket, compare-and-set; the graph, through what is declared.
"""

import asyncio
import uuid as uuids
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.aio.tasks import HealthSink
from netsonde.declared.rules.definitions import check_edge_rule, check_node_rule
from netsonde.declared.rules.effects import Effect, Ground, effect_of
from netsonde.declared.rules.readers import Readers
from netsonde.declared.settings import DeclaredSettings
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.graph import Event, Graph
from netsonde.model.rules import EdgeRule, EdgeRuleView, NodeRule, NodeRuleView, Rule, RulePreview
from netsonde.model.stores import Store, follow
from netsonde.observe import logger

log = logger("declared.rules")

View = TypeVar("View", NodeRuleView, EdgeRuleView)
_MOST_DELETED = 1000


class _Known(Generic[Rule]):
    """A rule as it is stored, and what it does."""

    def __init__(self, rule: Rule, revision: int) -> None:
        self.rule: Rule = rule
        self.revision = revision
        self.effect: Effect | None = None
        self.problem = ""


class _Rules(Generic[Rule, View]):
    """Implements what the API asks of rules; `run` follows the bucket and applies until cancelled."""

    _noun: str
    _view: type[View]
    _check: Callable[[Rule, DeclaredSettings], None]

    def __init__(
        self,
        graph: Graph,
        store: Store[Rule],
        ground: Ground,
        settings: DeclaredSettings,
        clock: Clock | None = None,
    ) -> None:
        self._graph = graph
        self._store: Store[Rule] = store
        self._ground = ground
        self._settings = settings
        self._clock = clock or Clock()
        self._known: dict[str, _Known[Rule]] = {}
        self._deleted: dict[str, int] = {}
        """Revisions of rules that are gone: an echo of an earlier write must not bring them back."""
        self._leaving: dict[str, deque[Effect]] = {}
        """What earlier versions of rules did and is not taken back yet; a rule writes nothing before that is done."""
        self._readers = Readers()
        self._unwritten: dict[str, None] = {}
        self._changed = asyncio.Event()
        self._expiry_changed = asyncio.Event()
        self._is_current = asyncio.Event()

    def views(self) -> Sequence[View]:
        """Return every rule, the oldest first."""
        return [self._view_of(known) for known in sorted(self._known.values(), key=lambda one: one.rule.created_at)]

    def view(self, uuid: str) -> View | None:
        known = self._known.get(uuid)
        return None if known is None else self._view_of(known)

    async def create(self, rule: Rule) -> View:
        """Check, name and store a rule; it works when this returns. Raises UserError."""
        rule = msgspec.structs.replace(rule, uuid=str(uuids.uuid4()), created_at=self._clock.now_ms())
        self._checked(rule)
        if len(self._known) >= self._settings.max_rules:
            raise UserError(
                f"there are {self._settings.max_rules} {self._noun}s already",
                hint="delete some, or raise the setting declared.max_rules",
            )
        revision = await self._store.create(rule.uuid, rule)
        return self._accepted(rule, revision)

    async def replace(self, previous: Rule, rule: Rule) -> View:
        """Store a changed rule; raises UserError, NotFound, or Conflict when it is not `previous` any more."""
        known = self._known.get(previous.uuid)
        if known is None:
            raise NotFound(f"there is no {self._noun} {previous.uuid}", hint="it was deleted meanwhile")
        if known.rule != previous:
            raise Conflict(f"the {self._noun} was changed meanwhile", hint="read it again and repeat")
        self._checked(rule)
        return self._accepted(rule, await self._store.update(rule.uuid, rule, known.revision))

    async def delete(self, uuid: str) -> None:
        """Delete a rule, and take back what it did. Raises NotFound."""
        if uuid not in self._known:
            raise NotFound(f"there is no {self._noun} {uuid[:100]}", hint=f"GET /api/{self._noun} lists them")
        await self._store.delete(uuid)
        self._forget(uuid)

    async def preview(self, rule: Rule) -> RulePreview:
        """Return what a rule would do now, looking at the graph in portions; raises UserError as `create` would."""
        rule = msgspec.structs.replace(rule, uuid="preview", created_at=self._clock.now_ms())
        self._checked(rule)
        effect = effect_of(rule, self._graph, self._ground, self._clock)
        while effect.look():  # noqa: ASYNC110  others have their turn in between
            await asyncio.sleep(0)
        return effect.preview()

    async def ready(self) -> None:
        """Wait until all rules have been read and applied once."""
        await self._is_current.wait()

    async def run(self, health: HealthSink) -> None:
        unsubscribe = self._graph.subscribe(self._follow_graph)
        self._begin_anew()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._follow_store(health), f"{self._noun}s.definitions")
                spawn(group, self._write(), f"{self._noun}s.write")
                spawn(group, self._expire(), f"{self._noun}s.expiry")
        except* SourceLost as lost:
            raise SourceLost(str(lost.exceptions[0])) from lost
        finally:
            unsubscribe()

    def _begin_anew(self) -> None:
        """Judge what is known from an earlier run again: what happened to the graph since then was missed."""
        for known in self._known.values():
            self._withdraw(known)
            self._start(known)

    def _checked(self, rule: Rule) -> None:
        type(self)._check(rule, self._settings)
        if 0 < rule.expires_at <= self._clock.now_ms():
            raise UserError("ExpiresAt is in the past", hint="send X-Resource-TTL: 1h")

    def _follow_graph(self, events: Sequence[Event]) -> None:
        concerned = self._readers.concerned(events)
        if not concerned:
            return
        gone = {event.element.id for event in events if event.kind == "deleted"}
        for uuid in concerned:
            effect = self._known[uuid].effect
            if effect is not None and effect.follow(events, gone):
                self._unwritten[uuid] = None
        if self._unwritten:
            self._changed.set()

    async def _write(self) -> None:
        """Write what rules want, a turn of the loop after they came to want it, and a turn for each portion."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._unwritten:
                uuid = next(iter(self._unwritten))
                del self._unwritten[uuid]
                self._write_now(uuid)
                await asyncio.sleep(0)

    def _want(self, uuid: str) -> None:
        self._unwritten[uuid] = None
        self._changed.set()

    def _write_now(self, uuid: str) -> None:
        if self._take_back(uuid):
            self._want(uuid)
            return
        known = self._known.get(uuid)
        if known is None or known.effect is None:
            return
        before = known.effect.reason
        if known.effect.write():
            self._want(uuid)
        if known.effect.reason != before:
            log.warning("a rule does less than it says", rule=uuid, reason=known.effect.reason)

    async def _follow_store(self, health: HealthSink) -> None:
        def current() -> None:
            self._is_current.set()
            health.running()

        await follow(
            self._store,
            known=self._known,
            put=lambda uuid, rule, revision: self._accept(msgspec.structs.replace(rule, uuid=uuid), revision),
            gone=self._forget,
            current=current,
        )

    def _accepted(self, rule: Rule, revision: int) -> View:
        self._accept(rule, revision)
        return self._view_of(self._known.get(rule.uuid) or _Known(rule, revision))

    def _accept(self, rule: Rule, revision: int) -> None:
        before = self._known.get(rule.uuid)
        if revision <= max(before.revision if before else 0, self._deleted.get(rule.uuid, 0)):
            return
        if before is not None:
            self._withdraw(before)
        known = self._known[rule.uuid] = _Known(rule, revision)
        self._start(known)
        self._expiry_changed.set()

    def _start(self, known: _Known[Rule]) -> None:
        known.effect, known.problem = None, ""
        self._readers.drop(known.rule.uuid)
        try:
            self._checked(known.rule)
            known.effect = effect_of(known.rule, self._graph, self._ground, self._clock)
            if known.effect.reads is not None:
                self._readers.put(known.rule.uuid, known.effect.reads)
        except UserError as wrong:
            # Written by a later version, or its time is just over.
            known.problem = str(wrong)
        self._write_now(known.rule.uuid)

    def _forget(self, uuid: str) -> None:
        known = self._known.pop(uuid, None)
        if known is None:
            return
        self._readers.drop(uuid)
        self._deleted[uuid] = known.revision
        while len(self._deleted) > _MOST_DELETED:
            del self._deleted[next(iter(self._deleted))]
        self._withdraw(known)

    def _withdraw(self, known: _Known[Rule]) -> None:
        """Begin to take back what a rule did; the rest is taken back as rules are written, in portions."""
        if known.effect is None:
            return
        uuid = known.rule.uuid
        self._leaving.setdefault(uuid, deque()).append(known.effect)
        known.effect = None
        if self._take_back(uuid):
            self._want(uuid)

    def _take_back(self, uuid: str) -> bool:
        """Take back a portion of what earlier versions of a rule did; tell whether there is more."""
        leaving = self._leaving.get(uuid)
        while leaving:
            if leaving[0].withdraw():
                return True
            leaving.popleft()
        self._leaving.pop(uuid, None)
        return False

    async def _expire(self) -> None:
        """Delete rules whose time is over; every analyzer does, and the first one counts."""
        while True:
            self._expiry_changed.clear()
            now = self._clock.now_ms()
            ends = [(one.rule.expires_at, uuid) for uuid, one in self._known.items() if one.rule.expires_at]
            for uuid in [uuid for end, uuid in ends if end <= now]:
                # Its effect ends in time, whether the bus is there or not.
                self._forget(uuid)
                with suppress(SourceLost):
                    await self._store.delete(uuid)
            next_end = min((end for end, _ in ends if end > now), default=None)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_end is None else (next_end - now) / 1000):
                    await self._expiry_changed.wait()

    def _view_of(self, known: _Known[Rule]) -> View:
        facts: dict[str, Any] = msgspec.structs.asdict(known.rule)
        effect = known.effect
        count, reason = (0, known.problem) if effect is None else (effect.count, effect.reason)
        return self._view(**facts, count=count, reason=reason)


class NodeRules(_Rules[NodeRule, NodeRuleView]):
    """Rules that add nodes, and that lay metadata upon nodes."""

    _noun = "noderule"
    _view = NodeRuleView
    _check = staticmethod(check_node_rule)


class EdgeRules(_Rules[EdgeRule, EdgeRuleView]):
    """Rules that link nodes."""

    _noun = "edgerule"
    _view = EdgeRuleView
    _check = staticmethod(check_edge_rule)
