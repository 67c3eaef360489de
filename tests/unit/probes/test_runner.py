# SPDX-License-Identifier: Apache-2.0
"""Probes under supervision: a failing one degrades itself only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from netsonde.errors import SourceLost, UserError
from netsonde.observe import Health
from netsonde.probes import runner as runner_module
from netsonde.probes.runner import ProbeRunner

Work = Callable[[Health], Awaitable[None]]


class FakeProbe:
    def __init__(self, name: str, work: Work, needs: tuple[str, ...] = ()) -> None:
        self.name = name
        self.needs = needs
        self._work = work
        self.runs = 0

    async def run(self, health: Health) -> None:
        self.runs += 1
        await self._work(health)


async def steady(health: Health) -> None:
    health.running()
    await asyncio.Event().wait()


async def lost(_: Health) -> None:
    raise SourceLost("the daemon went away")


async def crash(_: Health) -> None:
    raise KeyError("a bug")


@asynccontextmanager
async def running(*probes: FakeProbe) -> AsyncIterator[ProbeRunner]:
    runner = ProbeRunner(probes, retry_delay=0.01)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(runner.run())
        await asyncio.wait_for(runner.ready(), 20)
        yield runner
        task.cancel()


async def test_crashing_probe_is_started_again_and_leaves_the_others_running() -> None:
    again = asyncio.Event()
    bad = FakeProbe("bad", crash)

    async def count(health: Health) -> None:
        again.set() if bad.runs > 1 else None
        await crash(health)

    bad._work = count
    async with running(bad, FakeProbe("good", steady)) as runner:
        await asyncio.wait_for(again.wait(), 20)
        assert runner.healths["good"].state == "running"
        assert runner.healths["bad"].state == "failed"
        assert runner.healths["bad"].reason == "KeyError: 'a bug'"
        assert runner.healths["bad"].failures >= 1


async def test_lost_source_is_the_reason_shown() -> None:
    async with running(FakeProbe("ovsdb", lost)) as runner:
        assert (runner.healths["ovsdb"].state, runner.healths["ovsdb"].reason) == ("failed", "the daemon went away")


async def test_probe_starts_after_those_that_it_needs() -> None:
    order: list[str] = []

    async def first(health: Health) -> None:
        await asyncio.sleep(0)
        order.append("host")
        await steady(health)

    async def second(health: Health) -> None:
        order.append("netlink")
        await steady(health)

    async with running(FakeProbe("netlink", second, ("host",)), FakeProbe("host", first)):
        assert order == ["host", "netlink"]


class HungDaemon(FakeProbe):
    daemon = "/run/hung.sock"


async def test_daemon_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "DAEMON_PATIENCE", 0.01)
    asked = asyncio.Event()

    async def hang(_: Health) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with running(HungDaemon("docker", hang), FakeProbe("host", steady)) as runner:
        assert asked.is_set()
        assert {name: health.state for name, health in runner.healths.items()} == {
            "docker": "starting",
            "host": "running",
        }


async def test_probe_of_the_kernel_is_waited_for_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "DAEMON_PATIENCE", 0.0)
    passed = asyncio.Event()

    async def late(health: Health) -> None:
        await passed.wait()
        await steady(health)

    async def pass_on(_: Health) -> None:
        asyncio.get_running_loop().call_later(0.02, passed.set)
        await asyncio.Event().wait()

    async with running(FakeProbe("netns", late), HungDaemon("docker", pass_on)) as runner:
        assert runner.healths["netns"].state == "running"


async def test_need_that_is_not_enabled_is_a_user_error() -> None:
    with pytest.raises(UserError, match="netlink needs probe host"):
        ProbeRunner([FakeProbe("netlink", steady, ("host",))])


async def test_stopped_probes_say_so() -> None:
    async with running(FakeProbe("good", steady)) as runner:
        pass
    assert runner.healths["good"].state == "stopped"
