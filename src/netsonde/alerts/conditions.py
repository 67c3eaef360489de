# SPDX-License-Identifier: Apache-2.0
"""Ways to look at a condition: follow it from change to change, or ask for it, at a pace.

A query of nodes by filters and moves is followed: the cost of a change does not depend on the graph. Any other query
on the graph is asked anew after changes that can matter to it, one at a time for all alerts together, and after each
there is a pause of three times what it took: alerts take a quarter of a processor at the most. What asks agents or
history is asked at intervals.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from netsonde.alerts.machine import Seen
from netsonde.alerts.stores import Queries, Scripts
from netsonde.alerts.values import of_elements, of_result, of_value
from netsonde.errors import UserError
from netsonde.graph import Event, Graph
from netsonde.query import Kind, Matcher, Plan, compile_standing, interest_of, parse
from netsonde.query.steps._api import Fetch

T = TypeVar("T")

_CLIENT: Final = "alerts"
"""Whom the queue of long queries treats as one."""
_REST: Final = 3.0
_SHOWN: Final = 100
"""Nodes that are remembered of what passed between two looks."""


class Condition(Protocol):
    """What an alert watches."""

    changed: asyncio.Event
    """Set when it may have something else to say."""
    at_intervals: bool
    """Whether nothing tells when that is, so that it has to be asked at intervals."""

    async def look(self) -> Seen:
        """Raises UserError or SourceLost when it cannot be judged."""
        ...

    def follow(self, events: Sequence[Event]) -> None:
        """Take the changes of the graph."""

    def forget(self) -> None:
        """Forget what held for a moment only."""


class Turns:
    """Lets those who ask take turns: computing one after the other with rests, waiting a few at once."""

    def __init__(self) -> None:
        self._computing = asyncio.Lock()
        self._not_before = 0.0
        self.waiting = asyncio.Semaphore(4)

    async def compute(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns; the next one's turn comes after a multiple of the time that it took."""
        loop = asyncio.get_running_loop()
        async with self._computing:
            if (rest := self._not_before - loop.time()) > 0:
                await asyncio.sleep(rest)
            began = loop.time()
            try:
                return await work()
            finally:
                ended = loop.time()
                self._not_before = ended + _REST * (ended - began)


class Followed:
    """Nodes by a standing query."""

    at_intervals = False

    def __init__(self, plan: Plan, graph: Graph) -> None:
        self.changed = asyncio.Event()
        self.changed.set()
        self._graph = graph
        self._matcher = Matcher(compile_standing(plan), graph)
        self._passed: Seen | None = None
        """What held for a moment between two looks."""

    async def look(self) -> Seen:
        self.changed.clear()
        passed, self._passed = self._passed, None
        now = self._now()
        if passed is None or now.holds:
            return now
        self.changed.set()
        return passed

    def follow(self, events: Sequence[Event]) -> None:
        before = bool(self._matcher.matching)
        gained, lost = self._matcher.update(events)
        matching = self._matcher.matching
        if gained and not before:
            self._passed = self._now(_SHOWN)
        if gained or lost or any(event.is_node and event.element.id in matching for event in events):
            self.changed.set()

    def forget(self) -> None:
        self._passed = None

    def _now(self, most: int | None = None) -> Seen:
        nodes = map(self._graph.node, sorted(self._matcher.matching)[:most])
        return of_elements([node for node in nodes if node is not None])


class Asked:
    """Any query, asked anew."""

    def __init__(self, text: str, plan: Plan, queries: Queries, turns: Turns, *, at_changes: bool) -> None:
        self.changed = asyncio.Event()
        self.changed.set()
        self._text = text
        self._queries = queries
        self._turns = turns
        self.at_intervals = fetches(plan)
        self._concerns = interest_of(plan) if at_changes and not self.at_intervals else _never

    async def look(self) -> Seen:
        self.changed.clear()
        if self.at_intervals:
            async with self._turns.waiting:
                return await self._ask()
        return await self._turns.compute(self._ask)

    async def _ask(self) -> Seen:
        return await self._queries.answer(self._text, None, of_result, client=_CLIENT, packets=False)

    def follow(self, events: Sequence[Event]) -> None:
        if not self.changed.is_set() and any(map(self._concerns, events)):
            self.changed.set()

    def forget(self) -> None:
        """It sees no moments."""


class Scripted:
    """An expression in JavaScript."""

    at_intervals = False

    def __init__(self, text: str, scripts: Scripts, turns: Turns, *, at_changes: bool) -> None:
        self.changed = asyncio.Event()
        self.changed.set()
        self._text = text
        self._scripts = scripts
        self._turns = turns
        self._at_changes = at_changes

    async def look(self) -> Seen:
        self.changed.clear()
        value = await self._turns.compute(lambda: self._scripts.evaluate(self._text))
        try:
            return of_value(value)
        except RecursionError as deep:
            raise UserError("the value of the expression is nested too deeply", hint="return less of it") from deep

    def follow(self, events: Sequence[Event]) -> None:
        if self._at_changes:
            self.changed.set()

    def forget(self) -> None:
        """It sees no moments."""


def condition_of(
    text: str, language: str, graph: Graph, queries: Queries, scripts: Scripts | None, turns: Turns, *, at_changes: bool
) -> Condition:
    """Return what watches an expression. Raises UserError for one that cannot be watched."""
    if language == "javascript":
        if scripts is None:
            raise UserError("JavaScript cannot be run here", hint="write the expression as a query")
        return Scripted(text, scripts, turns, at_changes=at_changes)
    plan = parse(text)
    if at_changes and is_followed(plan):
        return Followed(plan, graph)
    return Asked(text, plan, queries, turns, at_changes=at_changes)


def is_followed(plan: Plan) -> bool:
    """Tell whether changes can be followed without asking anew."""
    return plan.kind is Kind.NODES and not fetches(plan) and bool(compile_standing(plan).levels)


def fetches(plan: Plan) -> bool:
    """Tell whether a query asks agents or history."""
    return any(isinstance(step.operation, Fetch) for step in plan.steps)


def _never(event: Event) -> bool:
    return False
