# SPDX-License-Identifier: Apache-2.0
"""Workflows over stores in memory, and an engine whose scripts are Python functions of the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from netsonde.aio import spawn
from netsonde.aio.clock import Clock
from netsonde.api.inside import InsideApi
from netsonde.errors import UserError
from netsonde.model.checks import CheckChange
from netsonde.model.elements import Json
from netsonde.model.workflows import Job, Workflow
from netsonde.observe import Health
from netsonde.scripts.host import Host
from netsonde.scripts.limits import ScriptLimits
from netsonde.workflows.service import WorkflowService
from netsonde.workflows.settings import WorkflowSettings
from unit.captures.fakes import FakeLease, FakeStore
from unit.checks.fakes import HeldCaptures

Script = Callable[[Host, list[Json]], Awaitable[Json]]


def lend(user: str, owner: str | None, thing: str) -> str:
    """Let everybody have workflows called, which act for that user."""
    return user


async def give_back(host: Host, arguments: list[Json]) -> Json:
    return arguments


async def ask(host: Host, arguments: list[Json]) -> Json:
    """Ask for the path that is the first argument."""
    answer = await host.request("GET", str(arguments[0]), "", {})
    return [answer.status, answer.body]


async def wait_for_ever(host: Host, arguments: list[Json]) -> Json:
    host.progress(0.5, "waiting")
    await asyncio.Event().wait()
    return None


async def throw(host: Host, arguments: list[Json]) -> Json:
    host.log("before")
    raise UserError("the script failed, line 3: no such thing", hint="look there")


@dataclass
class FakeEngine:
    """Knows its scripts by their source."""

    scripts: dict[str, Script] = field(
        default_factory=lambda: {"back": give_back, "ask": ask, "wait": wait_for_ever, "throw": throw}
    )
    limits: list[ScriptLimits] = field(default_factory=list)

    async def call(
        self, source: str, arguments: list[Json], host: Host, limits: ScriptLimits, *, owner: str = ""
    ) -> msgspec.Raw:
        self.limits.append(limits)
        return msgspec.Raw(msgspec.json.encode(await self.scripts[source](host, arguments)))

    async def check(self, source: str) -> None:
        if source not in self.scripts:
            raise UserError("the script failed, line 1: SyntaxError", text=source)

    async def tend(self) -> None:
        await asyncio.Event().wait()


@dataclass
class HeldChecks:
    """Checks whose results a test makes up."""

    listeners: list[Callable[[CheckChange], None]] = field(default_factory=list)

    def subscribe(self, listener: Callable[[CheckChange], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, change: CheckChange) -> None:
        for listener in self.listeners:
            listener(change)


class Workflows:
    """A service over all of these; `running` lets it do what it does by itself."""

    def __init__(
        self,
        settings: WorkflowSettings | None = None,
        *,
        now_ms: int = 1_000,
        host: str = "a1",
        like: "Workflows | None" = None,
    ) -> None:
        """`like` has the stores that this one shares: another analyzer, or the same in another life."""
        self.engine = FakeEngine()
        self.inside = InsideApi()
        self.checks = HeldChecks()
        self.captures = HeldCaptures()
        self.definitions: FakeStore[Workflow] = like.definitions if like else FakeStore()
        self.jobs: FakeStore[Job] = like.jobs if like else FakeStore()
        self.health = Health("workflows")
        self.lease = FakeLease()
        self.service = WorkflowService(
            self.definitions,
            self.jobs,
            host=host,
            api=self.inside,
            scripts=self.engine,
            python=self.engine,
            checks=self.checks,
            captures=self.captures,
            lease=self.lease,
            settings=settings or WorkflowSettings(),
            counters=self.health,
            clock=Clock(lambda: now_ms),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Workflows"]:
        """Run the service until the end of the block, from when everything stored is read."""
        async with asyncio.TaskGroup() as group:
            health = Health("run", on_change=lambda _: read.set())
            read = asyncio.Event()
            task = spawn(group, self.service.run(health), "workflows")
            await read.wait()
            try:
                yield self
            finally:
                task.cancel()
