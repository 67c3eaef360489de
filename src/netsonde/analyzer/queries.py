# SPDX-License-Identifier: Apache-2.0
"""The query service of the API: plans run on the merged graph, the agents' tables and the history.

A short query is parsed, attempted and answered on the event loop within some milliseconds. A long one, a long text, or
a large answer gets a place of its own, behind a bounded queue (`query.workers`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar, cast

from netsonde.aio import spawn
from netsonde.api.services import QueryCheck
from netsonde.errors import UserError
from netsonde.graph import FrozenGraph, SnapshotGraph
from netsonde.model.elements import Json, Node
from netsonde.query import Kind, Limits, Plan, Result, Sources, compile_standing, parse
from netsonde.query.executor import at_place, attempt, computed, follow, result_of
from netsonde.query.explaining import explain
from netsonde.query.pace import Look, nothing
from netsonde.query.result import dump
from netsonde.query.sources import WorkflowSource
from netsonde.query.workers import Workers

T = TypeVar("T")
Gone = Callable[[], Awaitable[None]]
"""Waits for the client to go away, and raises then."""

_SHORT: Final = 1_000
"""Characters of a text, and members of its bindings, that are read within some milliseconds."""
_SMALL: Final = 500
"""Items of an answer that are encoded within some milliseconds."""
_NOTICEABLE: Final = 0.0005
"""Seconds of the event loop after which it turns before the next attempt."""


class QueryService:
    """Parses and runs queries against one set of sources."""

    def __init__(self, sources: Sources, limits: Limits, workers: Workers | None = None) -> None:
        self._sources = sources
        self._limits = limits
        self._workers = workers or Workers()
        self._attempts = asyncio.Lock()

    async def run(self, text: str, bindings: Mapping[str, Json] | None = None) -> Result:
        """Return the result of a query; a graph in it is a copy, or the live one."""
        return await self.answer(text, bindings, _kept)

    async def answer(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Callable[[Result, Look], T],
        *,
        client: str = "",
        gone: Gone | None = None,
        packets: bool = True,
        workflows: WorkflowSource | None = None,
    ) -> T:
        """Return what `into` makes of the result; for a large one it runs in a thread, and looks at the clock.

        `client` is whom the queue treats as one; `packets` whether it may see what is in packets, `workflows` those it
        may call. Raises UserError for any mistake and limit, Busy when too many long queries wait already, and
        whatever `gone` raises.
        """
        plan = result = None
        limits = self._limits if packets else replace(self._limits, packets=0)
        sources = self._sources if workflows is None else replace(self._sources, workflows=workflows)
        if _is_short(text, bindings):
            async with self._one_at_a_time():
                plan = parse(text, bindings)
                result = attempt(plan, sources, limits)
                if result is not None and result.size <= _SMALL:
                    return into(result, nothing)
        return await _unless(gone, self._at_place(text, bindings, into, plan, result, client, sources, limits))

    async def nodes(self, text: str) -> Sequence[Node]:
        """Return the nodes that a query gives; raises UserError for one that gives anything else."""
        found = await self.run(text)
        if found.kind is not Kind.NODES:
            raise UserError(f"it gives {found.kind.noun}, not nodes", hint="end it where nodes are chosen", text=text)
        return cast("Sequence[Node]", found.rows)

    async def graph_json(self) -> bytes:
        """Return the live graph as `{"Nodes":[…],"Edges":[…]}`, of one moment."""
        return await self.answer("G", None, _dumped)

    async def explain(
        self,
        text: str,
        bindings: Mapping[str, Json] | None = None,
        *,
        profile: bool = False,
        client: str = "",
        gone: Gone | None = None,
        packets: bool = True,
    ) -> Mapping[str, Json]:
        """Return what a query reads, gives and, with `profile`, costs, and why it finds nothing if it does."""

        limits = self._limits if packets else replace(self._limits, packets=0)

        async def explained() -> Mapping[str, Json]:
            async with self._workers.place(client, limits.seconds) as place:
                context = at_place(place, self._sources, limits)
                plan = await computed(context, partial(parse, text, bindings))
                return await explain(plan, context, profile=profile)

        return await _unless(gone, explained())

    def check(self, text: str) -> QueryCheck:
        plan = parse(text)
        local, reason = _local(plan)
        return QueryCheck(plan.kind.value, local=local, reason=reason, calls_workflow=plan.calls_workflow)

    @asynccontextmanager
    async def _one_at_a_time(self) -> AsyncIterator[None]:
        """Let the loop turn between two attempts that take noticeable time, so that what else is ready runs."""
        async with self._attempts:
            began = time.monotonic()
            try:
                yield
            finally:
                if time.monotonic() - began > _NOTICEABLE:
                    await asyncio.sleep(0)

    async def _at_place(
        self,
        text: str,
        bindings: Mapping[str, Json] | None,
        into: Callable[[Result, Look], T],
        plan: Plan | None,
        result: Result | None,
        client: str,
        sources: Sources,
        limits: Limits,
    ) -> T:
        async with self._workers.place(client, limits.seconds) as place:
            context = at_place(place, sources, limits)
            if plan is None:
                plan = await computed(context, partial(parse, text, bindings))
            if result is None or result.graph is not None:
                # A graph that was found live has changed since; rows have not, elements never do.
                result = result_of(plan, await follow(plan, context), context)
            return await computed(context, partial(into, result, context.check))


def _local(plan: Plan) -> tuple[bool, str]:
    """Return whether agents can judge a plan alone, as a standing query, and why not."""
    if plan.kind not in (Kind.NODES, Kind.PATHS):
        return False, f"it gives {plan.kind.noun}, not nodes"
    try:
        standing = compile_standing(plan)
    except UserError as refused:
        return False, refused.message
    return standing.local, standing.reason


def _dumped(result: Result, look: Look) -> bytes:
    return dump(result.graph or SnapshotGraph((), ()), look, result.remembered)


def _kept(result: Result, look: Look) -> Result:
    if not isinstance(result.graph, FrozenGraph):
        return result
    return replace(result, graph=SnapshotGraph(result.graph.nodes(), result.graph.edges()))


async def _unless(gone: Gone | None, work: Awaitable[T]) -> T:
    """Return the result of `work`, which is cancelled when the client goes away."""
    if gone is None:
        return await work
    try:
        async with asyncio.TaskGroup() as group:
            watching = spawn(group, _wait_for(gone), "client of a query")
            try:
                return await work
            finally:
                watching.cancel()
    except BaseExceptionGroup as failed:
        # The first failure, of the query or its client, ends the other; it is the one to tell.
        first = failed.exceptions[0]
        # The frame that raised the group holds it. Nor may the failure lead to the group, which leads back to it: what
        # is held in a ring keeps all rows that the query had, until garbage is looked for.
        failed.__traceback__ = None
    try:
        raise first
    finally:
        del first


async def _wait_for(gone: Gone) -> None:
    await gone()


def _is_short(text: str, bindings: Mapping[str, Json] | None) -> bool:
    sizes = (len(value) if isinstance(value, str | list) else 1 for value in (bindings or {}).values())
    return len(text) <= _SHORT and sum(sizes) <= _SHORT
