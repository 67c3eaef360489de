# SPDX-License-Identifier: Apache-2.0
"""The agent's shell: definitions in, statuses out, across restarts and an absent bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from netsonde.captures.agent import CaptureAgent
from netsonde.captures.engines._api import Point, TapCounters
from netsonde.captures.settings import CaptureSettings
from netsonde.model.captures import AgentCaptureStatus, Capture, CaptureTargets, NodeStatus
from netsonde.observe import Health
from unit.captures.fakes import FakeEngine, FakeStore, ManualTime, until
from unit.captures.host import Host, vm_capture


class Bench:
    """An agent with its stores."""

    def __init__(self, host: Host, engine: FakeEngine, time: ManualTime) -> None:
        self.definitions: FakeStore[Capture] = FakeStore()
        self.targets: FakeStore[CaptureTargets] = FakeStore()
        self.statuses: FakeStore[AgentCaptureStatus] = FakeStore()
        self.health = Health("captures")
        settings = CaptureSettings(status_interval=0.01, reconcile_interval=0.05, retry_first=0.01)
        self.agent = CaptureAgent(
            host.graph, self.definitions, self.targets, self.statuses, {"packet": engine}, settings, time.clock()
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.agent.run(self.health), name="agent under test")
        await until(lambda: self.health.state == "running")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def node(self, uuid: str = "c1") -> NodeStatus | None:
        status = self.statuses.entries.get(f"{uuid}.h1")
        return status[0].nodes[0] if status is not None and status[0].nodes else None

    def sees(self, state: str) -> Callable[[], bool]:
        return lambda: getattr(self.node(), "state", "") == state


@pytest.fixture
def bench(host: Host, engine: FakeEngine, time: ManualTime) -> Bench:
    return Bench(host, engine, time)


async def test_a_definition_waits_then_its_tap_is_reported(bench: Bench, host: Host, engine: FakeEngine) -> None:
    async with bench.running():
        await bench.definitions.put("c1", vm_capture())
        await until(lambda: "c1.h1" in bench.statuses.entries)
        assert bench.statuses.entries["c1.h1"][0].matching == 0
        host.plug("tap0")
        host.name_vm("tap0")
        engine.say(engine.event("started", "tap0", armed_before_up=True))
        await until(bench.sees("active"))


async def test_counters_are_reported_later_and_only_when_they_change(
    bench: Bench, host: Host, engine: FakeEngine
) -> None:
    async with bench.running():
        await bench.definitions.put("c1", vm_capture())
        host.plug("tap0")
        host.name_vm("tap0")
        await until(bench.sees("starting"))
        engine.counted = {Point("c1", None, 10): TapCounters(4, 0, 400)}
        await until(lambda: getattr(bench.node(), "packets_received", 0) == 4)
        writes = bench.statuses.writes
        await bench.definitions.put("c2", vm_capture("c2", "G.V('none')"))
        await until(lambda: "c2.h1" in bench.statuses.entries)
        assert bench.statuses.writes == writes + 1


async def test_a_deleted_definition_takes_tap_and_report_away(bench: Bench, host: Host, engine: FakeEngine) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    await bench.definitions.put("c1", vm_capture())
    async with bench.running():
        await until(bench.sees("starting"))
        await bench.definitions.delete("c1")
        await until(lambda: not bench.statuses.entries)
        assert engine.running == {}


async def test_what_was_deleted_while_the_agent_was_away_is_cleaned_up(bench: Bench, engine: FakeEngine) -> None:
    await bench.statuses.put("gone.h1", AgentCaptureStatus("gone", "h1", 1, 1, [], 0))
    await bench.statuses.put("gone.h2", AgentCaptureStatus("gone", "h2", 1, 1, [], 0))
    async with bench.running():
        await until(lambda: list(bench.statuses.entries) == ["gone.h2"])


async def test_taps_survive_a_new_run_and_orphans_end_in_it(bench: Bench, host: Host, engine: FakeEngine) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    await bench.definitions.put("c1", vm_capture())
    await bench.definitions.put("c2", vm_capture("c2", "G.V().Has('Name', 'tap0')"))
    async with bench.running():
        await until(lambda: len(engine.running) == 2)
    await bench.definitions.delete("c2")
    async with bench.running():
        await until(lambda: len(engine.running) == 1)
        assert (engine.starts, list(engine.running)) == (2, [Point("c1", None, 10)])


async def test_a_capture_that_had_reached_its_limit_is_not_resumed(
    bench: Bench, host: Host, engine: FakeEngine
) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    done = NodeStatus("tap0", "t", "tap0", "h1", "finished", "100 packets")
    await bench.statuses.put("c1.h1", AgentCaptureStatus("c1", "h1", 1, 1, [done], 0))
    await bench.definitions.put("c1", msgspec.structs.replace(vm_capture(), max_packets=100))
    async with bench.running():
        await until(lambda: "c1" in bench.agent.reconciler.definitions())
        assert engine.starts == 0


async def test_targets_of_this_host_only_are_followed(bench: Bench, host: Host, engine: FakeEngine) -> None:
    host.plug("eth0")
    await bench.definitions.put("c1", vm_capture(query="G.V().Has('Name', 'x').Limit(1)"))
    await bench.targets.put("c1.h2", CaptureTargets("c1", "h2", ["eth0"]))
    async with bench.running():
        await bench.targets.put("c1.h1", CaptureTargets("c1", "h1", ["eth0"]))
        await until(lambda: engine.interfaces == ["eth0"])
        await bench.targets.delete("c1.h1")
        await until(lambda: getattr(bench.statuses.entries.get("c1.h1", [None])[0], "matching", 1) == 0)


async def test_a_report_that_the_bus_did_not_take_is_sent_again(bench: Bench, host: Host, engine: FakeEngine) -> None:
    async with bench.running():
        bench.statuses.away = True
        await bench.definitions.put("c1", vm_capture())
        await until(lambda: bench.statuses.refused > 0)
        bench.statuses.away = False
        await until(lambda: "c1.h1" in bench.statuses.entries)


async def test_a_retry_comes_by_itself(bench: Bench, host: Host, engine: FakeEngine, time: ManualTime) -> None:
    engine.refuse = "busy"
    host.plug("tap0")
    host.name_vm("tap0")
    await bench.definitions.put("c1", vm_capture())
    async with bench.running():
        await until(bench.sees("failed"))
        engine.refuse = ""
        time.move(60)
        await until(lambda: engine.interfaces == ["tap0"])


async def test_closing_waits_until_the_engine_has_stopped_its_taps(
    bench: Bench, host: Host, engine: FakeEngine
) -> None:
    await bench.definitions.put("c1", vm_capture())
    async with bench.running():
        host.plug("tap0")
        host.name_vm("tap0")
        stopped = engine.event("stopped", "tap0")
        closing = asyncio.get_running_loop().create_task(bench.agent.close(), name="closing")
        await until(lambda: not engine.running)
        await bench.definitions.put("c2", vm_capture("c2", "G.V().Has('Name', 'tap0')"))
        assert not closing.done()
        engine.say(stopped)
        await closing
        assert (engine.running, bench.agent.reconciler.definitions()) == ({}, {})
