# SPDX-License-Identifier: Apache-2.0
"""Runs scripts in a few processes, started when they are needed and ended when they are not.

A process serves one owner and never another: a script that broke out of its engine would meet only its like.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from netsonde.errors import UserError
from netsonde.model.elements import Json
from netsonde.scripts import frames
from netsonde.scripts.host import Host, Nobody
from netsonde.scripts.limits import EXPRESSION, ScriptFailed, ScriptLimits, ScriptStopped
from netsonde.scripts.process import Isolate

_IDLE: Final = 60.0
"""Seconds for which a process waits for its next script."""
_MOST_RUNS: Final = 1_000
"""Scripts of one process: what an engine forgot to give back goes with it."""


_UNCONFINED: Final = (
    "the kernel forbids scripts no system calls (seccomp is absent): one that breaks out can start processes and reach "
    "networks; let the analyzer call seccomp(2), on x86-64 or ARM64"
)


class Counters(Protocol):
    """Part of `observe.Health`."""

    def count(self, counter: str, by: int = 1) -> None: ...
    def gauge(self, counter: str, value: int) -> None: ...
    def remark(self, reason: str) -> None: ...


class Busy(UserError):
    """Too many scripts run or wait already."""


@dataclass(slots=True)
class _Idle:
    owner: str
    isolate: Isolate
    since: float


class Scripts:
    """Up to `places` scripts run at once; up to `waiting` wait for a place, more are refused.

    A process runs up to `runs` of them. As many processes as there are places may wait for their owner's next script.
    """

    def __init__(
        self,
        counters: Counters,
        *,
        places: int = 4,
        waiting: int = 64,
        runs: int = _MOST_RUNS,
        make: Callable[[], Isolate] = Isolate,
    ) -> None:
        self._counters = counters
        self._places = asyncio.Semaphore(places)
        self._most_idle = places
        self._most_waiting = waiting
        self._waiting = 0
        self._most_runs = runs
        self._make = make
        self._idle: list[_Idle] = []

    async def call(
        self, source: str, arguments: list[Json], host: Host, limits: ScriptLimits, *, owner: str = ""
    ) -> msgspec.Raw:
        """Call a script that is one function; return its result as JSON.

        Raises ScriptFailed when it throws, ScriptStopped when it goes beyond a limit, Busy, SourceLost.
        """
        return await self._run("call", source, arguments, host, limits, owner)

    async def evaluate(
        self,
        expression: str,
        bindings: Mapping[str, Json],
        *,
        host: Host | None = None,
        limits: ScriptLimits = EXPRESSION,
        owner: str = "",
    ) -> Json:
        """Return the value of a script's last statement; `bindings` are names that it may use. Raises as `call`."""
        raw = await self._run("evaluate", expression, dict(bindings), host or Nobody(), limits, owner)
        value: Json = msgspec.json.decode(raw)
        return value

    async def check(self, source: str) -> None:
        """Read a function without running it; raises ScriptFailed with the place of a mistake."""
        await self._run("check", source, [], Nobody(), EXPRESSION, "")

    async def close(self) -> None:
        """End what waits; runs end with their callers."""
        idle, self._idle = self._idle, []
        for one in idle:
            await one.isolate.kill()

    async def tend(self, interval: float = 5.0) -> None:
        """End processes that nobody needs, until cancelled; then all of them."""
        try:
            while True:
                await asyncio.sleep(interval)
                await self._end_idle(asyncio.get_running_loop().time() - _IDLE)
        finally:
            await self.close()

    async def _end_idle(self, since: float) -> None:
        tired = [one for one in self._idle if one.since <= since]
        self._idle = [one for one in self._idle if one.since > since]
        for one in tired:
            await one.isolate.kill()

    async def _run(
        self,
        kind: Literal["call", "evaluate", "check"],
        source: str,
        arguments: object,
        host: Host,
        limits: ScriptLimits,
        owner: str,
    ) -> msgspec.Raw:
        given = msgspec.json.encode(arguments).decode()
        if len(given) + len(source) > limits.result_bytes:
            raise UserError(f"the script and its arguments have more than {limits.result_bytes} bytes")
        run = frames.Run(kind, source, given, limits.memory_mib, limits.result_bytes)
        async with self._place(), self._isolate(f"{owner}/{limits.memory_mib}") as isolate:
            self._counters.count("scripts")
            try:
                return await isolate.run(run, host, limits)
            except ScriptFailed:
                self._counters.count("scripts_failed")
                raise
            except ScriptStopped:
                self._counters.count("scripts_stopped")
                raise

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= self._most_waiting:
            self._counters.count("scripts_refused")
            raise Busy(f"{self._waiting} scripts wait already", hint="try again when some have ended")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    @asynccontextmanager
    async def _isolate(self, owner: str) -> AsyncIterator[Isolate]:
        isolate = self._take(owner)
        if isolate is None:
            isolate = self._make()
            await isolate.start()
        if not isolate.is_confined:
            self._counters.remark(_UNCONFINED)
        try:
            yield isolate
        finally:
            if isolate.is_alive and isolate.runs < self._most_runs:
                self._idle.append(_Idle(owner, isolate, asyncio.get_running_loop().time()))
                if len(self._idle) > self._most_idle:
                    await self._idle.pop(0).isolate.kill()
            else:
                await isolate.kill()

    def _take(self, owner: str) -> Isolate | None:
        for one in self._idle:
            if one.owner == owner and one.isolate.is_alive:
                self._idle.remove(one)
                return one.isolate
        return None
