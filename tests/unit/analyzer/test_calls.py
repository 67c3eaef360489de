# SPDX-License-Identifier: Apache-2.0
"""Alerts and checks that call workflows, put together as the analyzer does it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netsonde.aio.clock import Clock
from netsonde.analyzer.calls import LateCalls
from netsonde.analyzer.verdicts import notices_of
from netsonde.errors import NotFound, SourceLost
from netsonde.model.alerts import Alert
from netsonde.model.checks import Check, CheckResult
from netsonde.model.notices import Notice
from netsonde.model.workflows import Parameter, Workflow
from netsonde.notify.building import senders
from netsonde.notify.outbox import Outbox
from netsonde.notify.settings import NotifySettings
from netsonde.observe import Health
from netsonde.workflows.calling import NamedCalls
from unit.alerts.fakes import Held, new_graph
from unit.captures.fakes import FakeLease, FakeStore, until
from unit.workflows.fakes import Workflows

BACK = Workflow(name="tell", source="back", parameters=[Parameter("notice")])
DOWN = Alert(name="down", expression="G.V().Has('State', 'DOWN')", actions=["workflow:tell"])


@asynccontextmanager
async def told(workflows: Workflows, calls: LateCalls) -> AsyncIterator[Outbox]:
    """Run an outbox that calls these workflows."""
    settings, health = NotifySettings(), Health("notices")
    store: FakeStore[Notice] = FakeStore()
    outbox = Outbox(
        store,
        senders(settings, workflows=calls),
        lease=FakeLease(),
        settings=settings,
        counters=health,
        clock=Clock(lambda: 2000),
        first_delay=0.001,
    )
    async with workflows.running(), asyncio.TaskGroup() as group:
        running = group.create_task(outbox.run(health), name="notices")
        yield outbox
        running.cancel()


async def test_an_alert_calls_the_workflow_that_it_names_for_its_owner_with_the_notice() -> None:
    workflows, calls = Workflows(), LateCalls()
    async with told(workflows, calls) as outbox, asyncio.TaskGroup() as group:
        held = Held(new_graph(), notifier=outbox)  # type: ignore[arg-type]
        alerts = held.service()
        running = group.create_task(alerts.run(held.health), name="alerts")
        calls.bind(NamedCalls(workflows.service, "notice"))
        with pytest.raises(NotFound, match="'tell' not found"):
            await alerts.create(DOWN)
        await workflows.service.create(BACK, "alice")
        made = await alerts.create(DOWN)
        held.put("eth0", State="DOWN")
        await until(lambda: [job.state for job in workflows.service.jobs()] == ["done"])
        [job] = workflows.service.jobs()
        running.cancel()
    [notice] = job.params
    assert isinstance(notice, dict)
    assert (notice["UUID"], notice["Name"], notice["State"]) == (made.uuid, "down", "firing")
    assert (job.called_by, job.result) == ("notice for alice", [notice])


async def test_a_verdict_calls_a_workflow_that_is_read_only_later() -> None:
    workflows, calls = Workflows(), LateCalls()
    [notice] = notices_of(
        Check("c1", "vms", actions=["workflow:tell"]),
        CheckResult("c1", "vms", "n1", "t1", "tap1", "h1", "cap1", 1000, ended_at=2000, verdict="fail"),
    )
    async with told(workflows, calls) as outbox:
        await workflows.service.create(BACK, "alice")
        await outbox.post(notice)
        await until(lambda: "workflows are not there yet" in str(outbox.undelivered("c1")))
        calls.bind(NamedCalls(workflows.service, "notice"))
        await until(lambda: [job.state for job in workflows.service.jobs()] == ["done"])


async def test_what_is_not_read_yet_may_be_called_later() -> None:
    calls = NamedCalls(Workflows().service, "notice")
    with pytest.raises(SourceLost, match="not read yet"):
        await calls.call("tell", {})
