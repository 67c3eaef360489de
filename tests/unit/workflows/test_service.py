# SPDX-License-Identifier: Apache-2.0
"""Workflows: what is kept, called, triggered, cancelled and left behind, over an engine of Python functions."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.model.captures import Capture, NodeStatus
from netsonde.model.checks import CheckChange, CheckResult
from netsonde.model.elements import Json
from netsonde.model.workflows import Caller, Job, JobState, Parameter, Trigger, Workflow
from netsonde.scripts.host import Host
from netsonde.scripts.limits import ScriptStopped
from netsonde.scripts.pool import Busy
from netsonde.workflows.calling import NamedCalls
from netsonde.workflows.settings import WorkflowSettings
from unit.captures.fakes import until
from unit.workflows.fakes import Workflows, lend

ALICE = Caller("alice", [("authorization", "Bearer x")])
EVENT = Parameter("Event")


def a_workflow(source: str = "back", **fields: Any) -> Workflow:
    return Workflow(name=fields.pop("name", "mine"), source=source, **fields)


@pytest.fixture
async def workflows() -> AsyncIterator[Workflows]:
    async with Workflows().running() as running:
        yield running


async def test_a_call_runs_and_its_result_is_kept(workflows: Workflows) -> None:
    made = await workflows.service.create(a_workflow(parameters=[Parameter("a"), Parameter("b", default=2)]), "alice")
    job = workflows.service.call("mine", ["1"], ALICE)
    ended = await workflows.service.finished(job.uuid)
    assert (ended.state, ended.result, ended.called_by, ended.workflow) == ("done", ["1", 2], "alice", made.uuid)
    await until(lambda: workflows.jobs.entries[job.uuid][0].state == "done")


async def test_parameters_are_taken_by_name_and_by_type(workflows: Workflows) -> None:
    parameters = [Parameter("n", type="integer"), Parameter("on", type="boolean", default=True)]
    await workflows.service.create(a_workflow(parameters=parameters), "alice")
    job = workflows.service.call("mine", {"n": "7"}, ALICE)
    assert (await workflows.service.finished(job.uuid)).result == [7, True]
    assert workflows.service.call("mine", ["7", "false"], ALICE).params == [7, False]
    with pytest.raises(UserError, match="has no parameter 'm'"):
        workflows.service.call("mine", {"m": 1}, ALICE)
    with pytest.raises(UserError, match="more than 262144 bytes"):
        workflows.service.call("mine", ["x" * 300_000], ALICE)
    with pytest.raises(UserError, match="'n' is an integer"):
        workflows.service.call("mine", ["seven"], ALICE)


async def test_a_script_that_throws_leaves_its_log_and_reason(workflows: Workflows) -> None:
    await workflows.service.create(a_workflow("throw"), "alice")
    ended = await workflows.service.finished(workflows.service.call("mine", [], ALICE).uuid)
    assert (ended.state, ended.reason, ended.hint, ended.log) == (
        "failed",
        "the script failed, line 3: no such thing",
        "look there",
        ["before"],
    )


async def test_a_script_beyond_a_limit_is_told_from_one_that_throws(workflows: Workflows) -> None:
    async def flood(host: Host, arguments: list[Json]) -> Json:
        raise ScriptStopped("log", "it logged more than 5 lines")

    workflows.engine.scripts["flood"] = flood
    await workflows.service.create(a_workflow("flood", timeout=7), "alice")
    ended = await workflows.service.finished(workflows.service.call("mine", [], ALICE).uuid)
    assert (ended.state, ended.reason) == ("stopped", "the script was stopped: it logged more than 5 lines")
    assert workflows.engine.limits[-1].seconds == 7


async def test_a_crash_of_ours_ends_one_job_and_not_the_others(workflows: Workflows) -> None:
    async def crash(host: Host, arguments: list[Json]) -> Json:
        raise KeyError("ours")

    workflows.engine.scripts["crash"] = crash
    await workflows.service.create(a_workflow("crash"), "alice")
    await workflows.service.create(a_workflow("back", name="other"), "alice")
    ended = await workflows.service.finished(workflows.service.call("mine", [], ALICE).uuid)
    assert (ended.state, "internal error (KeyError)" in ended.reason) == ("failed", True)
    assert (await workflows.service.finished(workflows.service.call("other", [], ALICE).uuid)).state == "done"


async def test_a_running_and_a_waiting_job_can_be_cancelled() -> None:
    async with Workflows(WorkflowSettings(max_running=1)).running() as workflows:
        await workflows.service.create(a_workflow("wait"), "alice")
        running, waiting = (workflows.service.call("mine", [], ALICE).uuid for _ in range(2))
        await until(lambda: workflows.service.jobs()[0].progress + workflows.service.jobs()[1].progress == 0.5)
        for uuid in (waiting, running):
            assert (await workflows.service.cancel(uuid)).state == "cancelled"
        await workflows.service.create(a_workflow("back", name="next"), "alice")
        assert (await workflows.service.finished(workflows.service.call("next", [], ALICE).uuid)).state == "done"


async def test_a_job_that_is_cancelled_at_the_moment_of_its_turn_ends() -> None:
    async with Workflows(WorkflowSettings(max_running=1)).running() as workflows:
        await workflows.service.create(a_workflow("back"), "alice")
        job = workflows.service.call("mine", [], ALICE)
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            # It has its turn after the worker, and before the job that the worker then begins.
            cancelling = group.create_task(workflows.service.cancel(job.uuid))
        assert cancelling.result().state == "cancelled"
        assert (await workflows.service.finished(workflows.service.call("mine", [], ALICE).uuid)).state == "done"


async def test_another_analyzer_can_cancel_and_sees_the_end() -> None:
    first = Workflows()
    second = Workflows(host="a2", like=first)
    async with first.running(), second.running():
        await first.service.create(a_workflow("wait"), "alice")
        job = first.service.call("mine", [], ALICE)
        await until(lambda: second.service.job(job.uuid) is not None)
        await second.service.cancel(job.uuid)
        assert (await second.service.finished(job.uuid)).state == "cancelled"


async def test_who_cancels_a_job_that_has_just_ended_elsewhere_does_not_take_its_result() -> None:
    async with Workflows().running() as workflows:
        await workflows.service.create(a_workflow("back"), "alice")
        uuid = workflows.service.call("mine", ["kept"], ALICE).uuid
        await until(lambda: uuid in workflows.jobs.entries and workflows.jobs.entries[uuid][0].state == "done")
        done = workflows.jobs.entries[uuid][0]
        # Another analyzer writes what it knew last, and that somebody there wants it to end.
        late = msgspec.structs.replace(done, state="running", cancel=True, result=None, ended_at=0)
        await workflows.jobs.put(uuid, late)
        await until(lambda: workflows.jobs.entries[uuid][0] != late)
    assert workflows.jobs.entries[uuid][0] == done


async def test_jobs_of_a_killed_analyzer_are_interrupted_in_its_next_life() -> None:
    killed = Workflows()
    async with killed.running():
        await killed.service.create(a_workflow("wait"), "alice")
        job = killed.service.call("mine", [], ALICE)
        await until(lambda: job.uuid in killed.jobs.entries and killed.jobs.entries[job.uuid][0].state == "running")
    async with Workflows(like=killed).running() as again:
        told = again.service.job(job.uuid)
        assert told is not None
        assert (told.state, told.reason) == ("interrupted", "the analyzer a1 stopped while it ran")


@pytest.mark.parametrize("state", ["running", "waiting"])
async def test_jobs_of_an_analyzer_that_never_comes_back_are_interrupted(
    monkeypatch: pytest.MonkeyPatch, state: JobState
) -> None:
    monkeypatch.setattr("netsonde.workflows.service._HOUSEKEEPING", 0.001)
    workflows = Workflows(WorkflowSettings(seconds=10, max_running=2, max_waiting=4), now_ms=10_000_000)

    def job(uuid: str, began: int) -> Job:
        started_at = began if state == "running" else 0
        return Job(uuid, "w1", "mine", host="a2", created_at=began, started_at=started_at, state=state)

    lost, fresh = job("j1", 1), job("j2", 9_999_999)
    for one in (lost, fresh):
        await workflows.jobs.put(one.uuid, one)
    async with workflows.running():
        await until(lambda: workflows.jobs.entries["j1"][0].state == "interrupted")
    assert workflows.jobs.entries["j2"][0] == fresh


async def test_calls_beyond_the_queue_are_refused() -> None:
    workflows = Workflows(WorkflowSettings(max_waiting=1))
    workflows.service.call("CheckMTU", ["a", "b"], ALICE)
    with pytest.raises(Busy, match="1 calls wait already"):
        workflows.service.call("CheckMTU", ["a", "b"], ALICE)


async def test_another_part_may_call_later_when_too_many_wait() -> None:
    workflows = Workflows(WorkflowSettings(max_running=1, max_waiting=1))
    async with workflows.running():
        await workflows.service.create(a_workflow("wait"), "alice")
        first = workflows.service.call("mine", [], ALICE)
        await until(lambda: workflows.service.job(first.uuid).state == "running")  # type: ignore[union-attr]
        workflows.service.call("mine", [], ALICE)
        with pytest.raises(SourceLost, match="1 calls wait already"):
            await NamedCalls(workflows.service, "alert", lend).call("mine", {}, "bob")


async def test_ended_jobs_beyond_the_limit_go_oldest_first() -> None:
    workflows = Workflows(WorkflowSettings(max_jobs=1))
    for number in range(3):
        job = Job(f"j{number}", "w", "mine", "a1", created_at=number, state="done")
        await workflows.jobs.put(job.uuid, job)
    async with workflows.running():
        assert [job.uuid for job in workflows.service.jobs()] == ["j2", "j1", "j0"]
        await workflows.service._jobs.keep_house()
        await until(lambda: [job.uuid for job in workflows.service.jobs()] == ["j2"])


async def test_workflows_that_call_each_other_end(workflows: Workflows) -> None:
    with pytest.raises(UserError, match="called each other"):
        workflows.service.call("CheckMTU", ["a", "b"], Caller("alice", depth=3))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"name": " "}, "needs a Name"),
        ({"source": ""}, "needs a Source"),
        ({"source": "{"}, "SyntaxError"),
        ({"timeout": 1e6}, "Timeout must be from 0 to 300"),
        ({"language": "python"}, "workflow.python"),
        ({"parameters": [Parameter("a"), Parameter("a")]}, "two parameters are called 'a'"),
        ({"triggers": [Trigger("schedule", every="0.1s")]}, "trigger 1 (schedule): Every must be"),
        ({"triggers": [Trigger("schedule", every="5m", check="x")]}, "Check belongs to another kind"),
        ({"triggers": [Trigger("check", verdicts=["bad"])]}, "no verdict 'bad'"),
        ({"triggers": [Trigger("capture")]}, "must name a capture"),
        ({"triggers": [Trigger("check", params={"x": 1})]}, "has no parameter 'x'"),
        ({"name": "CheckMTU"}, "Duplicate workflow, name=CheckMTU"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(workflows: Workflows, wrong: Any, told: str) -> None:
    with pytest.raises(UserError) as refused:
        await workflows.service.create(msgspec.structs.replace(a_workflow(), **wrong), "alice")
    assert told in str(refused.value)


async def test_python_is_read_where_it_is_allowed() -> None:
    async with Workflows(WorkflowSettings(python=True)).running() as workflows:
        good = a_workflow("async def main(client): return 1", language="python")
        await workflows.service.create(good, "alice")
        with pytest.raises(UserError, match="no Python, line 1"):
            await workflows.service.create(a_workflow("async def", language="python", name="b"), "alice")


@pytest.mark.parametrize("source", ["-" * 100_000 + "1", "a" + ".a" * 50_000], ids=["memory", "recursion"])
async def test_python_that_is_nested_too_deeply_is_refused_with_the_reason(source: str) -> None:
    async with Workflows(WorkflowSettings(python=True)).running() as workflows:
        with pytest.raises(UserError, match="the Source is no Python"):
            await workflows.service.create(a_workflow(source, language="python"), "alice")


async def test_bundled_workflows_are_listed_and_stay_as_they_are(workflows: Workflows) -> None:
    names = [view.name for view in workflows.service.views() if view.bundled]
    assert names == ["CheckConnectivity", "CheckMTU", "FlowMatrix", "FlowValidation"]
    view = workflows.service.view("CheckMTU")
    assert view is not None
    with pytest.raises(UserError, match="cannot be deleted"):
        await workflows.service.delete(view.uuid)


async def test_a_change_made_meanwhile_is_a_conflict_and_a_deleted_workflow_is_gone(workflows: Workflows) -> None:
    made = await workflows.service.create(a_workflow(), "alice")
    [kept] = workflows.definitions.entries.values()
    changed = await workflows.service.replace(kept[0], a_workflow(title="new"), "bob")
    assert (changed.title, changed.created_by) == ("new", "bob")
    with pytest.raises(Conflict):
        await workflows.service.replace(kept[0], a_workflow(title="newer"), "alice")
    await workflows.service.delete(made.uuid)
    with pytest.raises(NotFound):
        workflows.service.call(made.uuid, [], ALICE)


def a_result(verdict: Any, ended_at: int = 5) -> CheckChange:
    result = CheckResult("c1", "vms", "n1", "t1", "tap1", "h1", "cap", 1, ended_at=ended_at, verdict=verdict)
    return CheckChange("Result", result=result)


async def test_a_verdict_calls_once_it_is_there_and_as_the_owner(workflows: Workflows) -> None:
    triggers = [Trigger("check", check="vms")]
    await workflows.service.create(a_workflow(parameters=[EVENT], triggers=triggers), "alice")
    for change in (a_result("pass"), a_result("waiting", 0), a_result("fail")):
        workflows.checks.tell(change)
    await until(lambda: len(workflows.service.jobs()) == 1)
    [job] = workflows.service.jobs()
    assert job.called_by == "check for alice"
    event: Any = job.params[0]
    assert event["Result"]["NodeName"] == "tap1"


async def test_a_capture_calls_for_each_interface_that_it_starts_on(workflows: Workflows) -> None:
    triggers = [Trigger("capture", capture="taps")]
    await workflows.service.create(a_workflow(parameters=[EVENT], triggers=triggers), "alice")
    made = await workflows.captures.create(Capture(name="taps"))
    first, second = (NodeStatus(f"n{n}", f"t{n}", f"tap{n}", "h1", "active") for n in (1, 2))
    workflows.captures.activate(made.uuid, first)
    workflows.captures.activate(made.uuid, first, second)
    await until(lambda: len(workflows.service.jobs()) == 2)
    events: list[Any] = [job.params[0] for job in workflows.service.jobs()]
    assert sorted(event["Node"]["Name"] for event in events) == ["tap1", "tap2"]


async def test_a_schedule_calls_and_goes_with_its_workflow(
    workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.workflows.triggers.interval_of", lambda every: 0.01)
    made = await workflows.service.create(a_workflow(triggers=[Trigger("schedule", every="1s")]), "alice")
    await until(lambda: len(workflows.service.jobs()) >= 2)
    await workflows.service.delete(made.uuid)
    assert workflows.health.counters.get("triggers_refused") is None


async def test_another_part_calls_by_name_for_a_user_and_hears_of_failures(workflows: Workflows) -> None:
    calls = NamedCalls(workflows.service, "alert", lend)
    await workflows.service.create(a_workflow(parameters=[EVENT, Parameter("notice")]), "alice")
    await workflows.service.create(a_workflow("throw", name="bad"), "alice")
    await calls.call("mine", {"notice": 1, "more": 2}, "bob")
    [job] = workflows.service.jobs()
    assert (job.params, job.called_by) == ([{"notice": 1, "more": 2}, 1], "alert for bob")
    with pytest.raises(UserError, match="the workflow 'bad' failed: the script failed"):
        await calls.call("bad", {}, "bob")
    with pytest.raises(NotFound):
        calls.check("none")


async def test_only_the_holder_of_the_lease_is_triggered() -> None:
    workflows = Workflows()
    workflows.lease.free.clear()
    async with workflows.running():
        await workflows.service.create(a_workflow(triggers=[Trigger("check")]), "alice")
        workflows.checks.tell(a_result("fail"))
        workflows.lease.free.set()
        workflows.checks.tell(a_result("fail"))
        await workflows.service.finished(workflows.service.call("mine", [], ALICE).uuid)
        assert [job.called_by for job in workflows.service.jobs()] == ["alice"]
