# SPDX-License-Identifier: Apache-2.0
"""Alerts and checks that call workflows, put together as the analyzer does it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netsonde.access.gate import Forbidden, Gate
from netsonde.access.lending import Lending
from netsonde.access.tokens import create_token
from netsonde.aio.clock import Clock
from netsonde.analyzer.calls import LateCalls
from netsonde.analyzer.verdicts import notices_of
from netsonde.api.app import create_app
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
from unit.access.gates import NOW_S, Held
from unit.alerts import fakes
from unit.alerts.fakes import new_graph
from unit.api.fakes import Fakes
from unit.captures.fakes import FakeLease, FakeStore, until
from unit.workflows.fakes import Workflows, ask, lend

BACK = Workflow(name="tell", source="back", parameters=[Parameter("notice")])
DOWN = Alert(name="down", expression="G.V().Has('State', 'DOWN')", actions=["workflow:tell"], created_by="bob")


def verdict_of(check: str, user: str) -> Notice:
    """Return what is told of a check that a user set up."""
    [notice] = notices_of(
        Check(check, "vms", actions=["workflow:tell"], created_by=user),
        CheckResult(check, "vms", "n1", "t1", "tap1", "h1", "cap1", 1000, ended_at=2000, verdict="fail"),
    )
    return notice


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


async def test_an_alert_calls_the_workflow_that_it_names_for_its_creator_with_the_notice() -> None:
    workflows, calls = Workflows(), LateCalls()
    asked: list[tuple[str, str | None, str]] = []

    def acting(user: str, owner: str | None, thing: str) -> str:
        asked.append((user, owner, thing))
        return user

    async with told(workflows, calls) as outbox, asyncio.TaskGroup() as group:
        held = fakes.Held(new_graph(), notifier=outbox)  # type: ignore[arg-type]
        alerts = held.service()
        running = group.create_task(alerts.run(held.health), name="alerts")
        calls.bind(NamedCalls(workflows.service, "notice", acting))
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
    assert (job.called_by, job.result) == ("notice for bob", [notice])
    assert asked == [("bob", "alice", "the workflow 'tell'")]


async def test_a_verdict_calls_a_workflow_that_is_read_only_later() -> None:
    workflows, calls = Workflows(), LateCalls()
    notice = verdict_of("c1", "bob")
    async with told(workflows, calls) as outbox:
        await workflows.service.create(BACK, "alice")
        await outbox.post(notice)
        await until(lambda: "workflows are not there yet" in str(outbox.undelivered("c1")))
        calls.bind(NamedCalls(workflows.service, "notice", lend))
        await until(lambda: [job.state for job in workflows.service.jobs()] == ["done"])


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A gate that knows the tokens `admin`, `operator`, `injector` and `reader`, each with the role of its name."""
    held = Held(tmp_path)
    for role in ("admin", "operator", "injector", "reader"):
        create_token(held.tokens, role, frozenset({role}), now_s=NOW_S, lasts_s=3600)
    return held.gate(backends=("token",), policy=("p, injector, workflow.call, write, allow",))


@pytest.mark.parametrize(
    ("creator", "owner", "actor"),
    [
        ("operator", "admin", "operator"),
        ("admin", "operator", "operator"),
        ("admin", "admin", "admin"),
        ("operator", None, "operator"),
    ],
)
async def test_a_workflow_acts_for_who_may_do_less_of_its_owner_and_who_has_it_called(
    gate: Gate, creator: str, owner: str | None, actor: str
) -> None:
    theirs = None if owner is None else f"token {owner}"
    assert Lending(gate).between_now(f"token {creator}", theirs, "it") == f"token {actor}"


@pytest.mark.parametrize(
    ("creator", "owner", "why"),
    [
        ("token reader", None, "it needs the right workflow.call write"),
        ("token operator", "token injector", "has the right injectpacket write, and not alert read"),
        ("", "token admin", "nobody here knows what that user may do"),
        ("token admin", "token gone", "is nobody here any more"),
    ],
)
async def test_a_workflow_that_could_act_for_neither_is_not_called(
    gate: Gate, creator: str, owner: str | None, why: str
) -> None:
    with pytest.raises(Forbidden, match=why):
        Lending(gate).between_now(creator, owner, "it")


async def test_who_set_a_check_up_is_judged_when_the_workflow_is_called(gate: Gate) -> None:
    workflows, calls = Workflows(), LateCalls()
    calls.bind(NamedCalls(workflows.service, "notice", Lending(gate).between_now))
    async with told(workflows, calls) as outbox:
        await workflows.service.create(BACK, "token admin")
        await outbox.post(verdict_of("c1", "token reader"))
        await until(lambda: "needs the right workflow.call write" in str(outbox.undelivered("c1")))
        await outbox.post(verdict_of("c2", ""))
        await until(lambda: "nobody here knows what that user may do" in str(outbox.undelivered("c2")))
        assert [*workflows.service.jobs()] == []
        await outbox.post(verdict_of("c3", "token operator"))
        await until(lambda: [job.state for job in workflows.service.jobs()] == ["done"])
        assert [job.acts_for for job in workflows.service.jobs()] == ["token operator"]


async def test_a_bundled_workflow_asks_with_the_rights_of_who_had_it_called(gate: Gate) -> None:
    """A workflow that came with the program has no owner: its requests were refused once one had to log in."""
    fakes = Fakes.new()
    fakes.gate = gate
    workflows = fakes.workflows
    bundled = next(one for one in workflows.service.views() if one.bundled and one.name == "CheckMTU")
    workflows.engine.scripts[bundled.source] = ask
    app: Any = create_app(fakes.services())
    workflows.inside.bind(app)
    calls = NamedCalls(workflows.service, "notice", Lending(gate).between_now)
    async with workflows.running():
        await calls.call("CheckMTU", {"source": "/api/whoami", "destination": "x"}, "token operator")
        [job] = workflows.service.jobs()
    result: Any = job.result
    assert (job.acts_for, result[0], json.loads(result[1])["User"]) == ("token operator", 200, "token operator")


async def test_what_is_not_read_yet_may_be_called_later() -> None:
    calls = NamedCalls(Workflows().service, "notice", lend)
    with pytest.raises(SourceLost, match="not read yet"):
        await calls.call("tell", {}, "bob")
