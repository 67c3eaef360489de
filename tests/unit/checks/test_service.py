# SPDX-License-Identifier: Apache-2.0
"""Checks of an analyzer: definitions, their captures, results that are stored and told, verdicts on nodes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from netsonde.aio import spawn
from netsonde.checks.attachments import check_of
from netsonde.checks.facts import Packet
from netsonde.checks.service import CheckService
from netsonde.checks.settings import CheckSettings
from netsonde.checks.steps._api import Outcome, Scene, Sender, Step
from netsonde.checks.steps._registry import STEPS
from netsonde.errors import Conflict, NotFound, SourceLost, UserError
from netsonde.graph import Batch, Graph
from netsonde.model.captures import Capture, CaptureView, NodeStatus
from netsonde.model.checks import Check, CheckChange, CheckResult, CheckStep, result_key
from netsonde.model.flows import FlowRequest, PacketRequest
from unit.captures.fakes import ManualTime, until
from unit.checks.fakes import GUEST, Held

CHECK = Check(name="vms", gremlin_query="G.V()", steps=[CheckStep("dhcp")])


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.checks.judging._KEEP_UP", 0.01)
    monkeypatch.setattr("netsonde.checks.judging._RECALL_INTERVAL", 0.01)


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def held(time: ManualTime) -> Held:
    graph = Graph("a1", "analyzer.a1", time.clock().now_ms)
    return Held(graph, time.clock(), CheckSettings(max_results=5, max_checks=2))


@pytest.fixture
async def service(held: Held) -> AsyncIterator[CheckService]:
    made = held.service()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run(held.health), name="checks")
        await until(lambda: held.health.state == "running")
        yield made
        running.cancel()


def main_capture(held: Held) -> CaptureView:
    return next(view for view in held.captures.views() if view.gremlin_query == "G.V()")


def appear(held: Held, node_id: str = "n1") -> NodeStatus:
    batch = Batch()
    batch.put_node(node_id, "test", {"Name": "tap1", "Type": "tuntap", "ExtID": {"attached-mac": GUEST}})
    held.graph.apply(batch)
    return NodeStatus(node_id, "t1", "tap1", "h1", "active", since=held.clock.now_ms(), armed_before_up=True)


async def test_a_check_makes_the_captures_that_it_needs(service: CheckService, held: Held) -> None:
    path = CheckStep("path", 0, {"Through": "G.V().Has('Name', 'd1')"})
    made = await service.create(msgspec.structs.replace(CHECK, steps=[*CHECK.steps, path], first_packets=50))
    await until(lambda: len(held.captures.by_id) == 2)
    main, passed = held.captures.views()
    assert (main.gremlin_query, main.first_packets, main.raw_packet_limit) == ("G.V()", 50, 0)
    assert (passed.gremlin_query, passed.first_packets) == ("G.V().Has('Name', 'd1')", 0)
    assert {check_of(main), check_of(passed)} == {made.uuid}
    view = service.view(made.uuid)
    assert view is not None
    assert (view.captures, view.state, view.reason) == ([main.uuid, passed.uuid], "waiting", "no node matches")


async def test_captures_go_with_their_check_and_strangers_stay(service: CheckService, held: Held) -> None:
    stranger = await held.captures.create(Capture(gremlin_query="G.V()", name="mine"))
    made = await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 2)
    await service.delete(made.uuid)
    await until(lambda: list(held.captures.by_id) == [stranger.uuid])
    assert held.definitions.entries == {}


async def test_a_new_run_has_a_capture_of_its_own(service: CheckService, held: Held) -> None:
    made = await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    first = main_capture(held)
    again = await service.start(made.uuid)
    assert again.run_at > made.run_at
    await until(lambda: list(held.captures.by_id) not in ([], [first.uuid]))
    changed = await service.replace(stored(service, made.uuid), msgspec.structs.replace(CHECK, description="x"))
    assert changed.run_at == again.run_at


def stored(service: CheckService, uuid: str) -> Check:
    view = service.view(uuid)
    assert view is not None
    return Check(**{one.name: getattr(view, one.name) for one in msgspec.structs.fields(Check)})


async def test_a_captured_interface_gets_a_result_that_is_stored_and_shown(service: CheckService, held: Held) -> None:
    told: list[CheckChange] = []
    service.subscribe(told.append)
    made = await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    held.captures.activate(main_capture(held).uuid, appear(held))
    await until(lambda: bool(held.results.entries))
    (key, (result, _)) = next(iter(held.results.entries.items()))
    assert (key, result.verdict) == (result_key(result), "waiting")
    assert held.results.ttls[key] == 30 * 86_400
    node = held.graph.node("n1")
    assert node is not None
    assert node.metadata["Check"] == {"vms": {"Verdict": "waiting", "At": result.started_at}}
    await until(
        lambda: any(change.kind == "Updated" and change.view.verdicts["waiting"] for change in told if change.view)
    )
    assert [change.result for change in told if change.kind == "Result"] == [result]
    assert service.results(made.uuid, node="n1", verdict="waiting") == [result]
    assert service.results(made.uuid, verdict="pass") == []
    assert service.verdicts() == {"vms": {"waiting": 1, "pass": 0, "fail": 0, "unknown": 0}}


async def test_a_silent_guest_is_asked_and_its_verdict_followed_once(
    service: CheckService, held: Held, time: ManualTime
) -> None:
    followed: list[tuple[str, str, str]] = []
    # One that fails keeps no other from its news.
    service.follow_verdicts(refuse)

    async def follow(check: Check, result: CheckResult) -> None:
        followed.append((check.name, result.verdict, result.sentence))

    service.follow_verdicts(follow)
    target = CheckStep("gateway", 0, {"Address": "10.0.0.1"})
    await service.create(msgspec.structs.replace(CHECK, steps=[target], active="unsettled"))
    await until(lambda: bool(held.captures.by_id))
    held.captures.activate(main_capture(held).uuid, appear(held))
    await until(lambda: bool(service.verdicts()["vms"]["waiting"]))
    time.move(15)
    await until(lambda: bool(held.injector.asked))
    await until(lambda: held.health.counters["inquiries"] == 1)
    time.move(2)
    await until(lambda: bool(followed))
    ((name, verdict, sentence),) = followed
    assert (name, verdict, sentence.endswith(": nobody answered")) == ("vms", "fail", True)
    assert [one.created_by for one in held.injector.asked] == ["check vms"]


async def test_a_verdict_is_stored_when_what_follows_from_it_is_on_its_way(
    service: CheckService, held: Held, time: ManualTime
) -> None:
    stored: list[list[bool]] = []

    async def follow(check: Check, result: CheckResult) -> None:
        stored.append([one.ended_at > 0 for one, _ in held.results.entries.values()])
        if len(stored) < 3:
            raise SourceLost("the bus is away")

    service.follow_verdicts(follow)
    await service.create(CHECK)
    await until(lambda: bool(held.captures.by_id))
    held.captures.activate(main_capture(held).uuid, appear(held))
    await until(lambda: bool(held.results.entries))
    time.move(20)
    await until(lambda: any(one.ended_at for one, _ in held.results.entries.values()))
    assert stored == [[False]] * 3


async def test_a_mistake_in_the_inquiry_of_one_step_is_its_own_verdict_and_others_are_judged(
    service: CheckService, held: Held, time: ManualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(wanted: object, scene: Scene, sender: Sender) -> Outcome:
        raise KeyError("a reply without a source")

    monkeypatch.setitem(cast("dict[str, Step[Any]]", STEPS), "dns", replace(STEPS["dns"], inquiry=mistaken))
    steps = [CheckStep("gateway", 0, {"Address": "10.0.0.1"}), CheckStep("dns", 0, {"Server": "10.0.0.1"})]
    made = await service.create(msgspec.structs.replace(CHECK, steps=steps, active="unsettled"))
    await until(lambda: bool(held.captures.by_id))
    held.captures.activate(main_capture(held).uuid, appear(held))
    await until(lambda: bool(service.verdicts()["vms"]["waiting"]))
    time.move(15)
    await until(lambda: held.health.counters.get("inquiries_failed") == 1 and bool(held.injector.asked))
    time.move(2)
    await until(lambda: bool(service.results(made.uuid)[0].ended_at))
    result = service.results(made.uuid)[0]
    assert [one.verdict for one in result.steps] == ["fail", "unknown"]
    assert "internal error in the step dns (KeyError): the analyzer's log has it" in result.steps[1].sentence
    assert (held.health.counters["step_mistakes"], held.health.state) == (1, "running")


async def test_who_begins_to_judge_reads_what_was_injected_before(service: CheckService, held: Held) -> None:
    await service.create(CHECK)
    await until(lambda: held.injector.is_read)


async def test_verdicts_are_on_a_node_again_when_it_comes_back(service: CheckService, held: Held) -> None:
    made = await service.create(CHECK)
    await held.results.put("k", result_of(made.uuid))
    await until(lambda: bool(service.results(made.uuid)))
    appear(held)
    node = held.graph.node("n1")
    assert node is not None
    assert node.metadata["Check"] == {"vms": {"Verdict": "fail", "At": 2, "Sentence": "why"}}
    await service.delete(made.uuid)
    node = held.graph.node("n1")
    assert node is not None
    assert "Check" not in node.metadata


async def refuse(check: Check, result: CheckResult) -> None:
    raise ValueError(result.sentence)


def result_of(check: str, node: str = "n1", started: int = 1, ended_at: int = 2) -> CheckResult:
    facts = ("vms", node, "t1", "tap1", "h1", "cap0")
    return CheckResult(check, *facts, started, ended_at=ended_at, verdict="fail", sentence="why")


async def test_the_oldest_results_and_those_of_deleted_checks_go(held: Held, time: ManualTime) -> None:
    uuid = "11111111-0000-0000-0000-000000000000"
    await held.definitions.put(uuid, msgspec.structs.replace(CHECK, uuid=uuid))
    for started in range(8):
        await held.results.put(f"{uuid}.n1.{started}", result_of(uuid, started=started))
    await held.results.put("gone.n1.9", result_of("gone", started=9))
    service = held.service()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run(held.health), name="checks")
        await until(lambda: len(held.results.entries) == 5)
        running.cancel()
    assert sorted(held.results.entries) == [f"{uuid}.n1.{started}" for started in range(3, 8)]


async def test_results_are_bounded_in_bytes_too(
    service: CheckService, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await service.create(CHECK)
    found = [msgspec.structs.replace(result_of(made.uuid, started=one), sentence="x" * 1000) for one in range(5)]
    monkeypatch.setattr("netsonde.checks.catalogue.MOST_BYTES", 3000)
    for result in found:
        await held.results.put(result_key(result), result)
    await until(lambda: [one.started_at for one in service.results(made.uuid)] == [4, 3])


async def test_what_nobody_judged_in_time_is_ended(service: CheckService, held: Held, time: ManualTime) -> None:
    made = await service.create(CHECK)
    time.move(3600)
    await held.results.put("k", result_of(made.uuid, started=1, ended_at=0))
    await until(lambda: any(result.ended_at for result in service.results(made.uuid)))
    assert service.results(made.uuid)[0].sentence == "nobody was there to judge it in time"


async def test_an_echo_of_what_was_thought_before_takes_no_verdict_back(service: CheckService, held: Held) -> None:
    made = await service.create(CHECK)
    ended = result_of(made.uuid, started=5, ended_at=9)
    waits = msgspec.structs.replace(ended, verdict="waiting", ended_at=0)
    later = result_of(made.uuid, started=6, ended_at=0)
    for result in (ended, waits, later):
        await held.results.put(result_key(result), result)
    await until(lambda: later in service.results(made.uuid))
    assert service.results(made.uuid) == [later, ended]


async def test_a_run_anew_may_begin_when_the_run_before_began(service: CheckService, held: Held) -> None:
    made = await service.create(CHECK)
    ended = result_of(made.uuid, started=5, ended_at=9)
    again = msgspec.structs.replace(ended, verdict="waiting", ended_at=0, run_at=ended.run_at + 1)
    for result in (ended, again):
        await held.results.put(result_key(result), result)
    await until(lambda: service.results(made.uuid) == [again])


class Losable:
    """A lease that is lost for a moment whenever `lost` is set."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def do_work() -> None:
            await work()

        while True:
            async with asyncio.TaskGroup() as group:
                job = spawn(group, do_work(), "job")
                await self.lost.wait()
                self.lost.clear()
                job.cancel()


async def test_a_verdict_of_a_time_without_bus_is_stored_by_who_leads_again(held: Held, time: ManualTime) -> None:
    held.lease = lease = Losable()
    service = held.service()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run(held.health), name="checks")
        await until(lambda: held.health.state == "running")
        uuid = (await service.create(CHECK)).uuid
        await until(lambda: len(held.captures.by_id) == 1)
        held.captures.activate(main_capture(held).uuid, appear(held))
        await until(lambda: bool(held.results.entries))
        held.results.away = True
        time.move(20)
        await until(lambda: bool(service.results(uuid)[0].ended_at))
        lease.lost.set()
        await until(lambda: not lease.lost.is_set())
        held.results.away = False
        await until(lambda: [one.ended_at > 0 for one, _ in held.results.entries.values()] == [True])
        running.cancel()
    assert [one.verdict for one, _ in held.results.entries.values()] == ["fail"]


async def test_an_expired_check_is_deleted(service: CheckService, held: Held, time: ManualTime) -> None:
    soon = held.clock.now_ms() + 1000
    await service.create(msgspec.structs.replace(CHECK, expires_at=soon))
    time.move(2)
    await until(lambda: not held.definitions.entries)


async def test_what_is_kept_is_read_again_after_a_gap(service: CheckService, held: Held) -> None:
    await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    uuid = main_capture(held).uuid
    held.captures.activate(uuid, appear(held))
    for queue in held.reports.passing.values():
        queue.put_nowait(None)
    await until(lambda: len(held.reports.asked) == 2)
    assert sorted(held.reports.asked, key=repr) == [
        FlowRequest(capture_ids=[uuid], limit=100_000),
        PacketRequest(uuid, ["t1"], limit=100_000),
    ]


async def test_others_have_their_turn_while_kept_packets_are_read(
    service: CheckService, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, seen = 0, list[int]()

    def read(batch: bytes, captures: list[str]) -> list[Packet]:
        seen.append(turns)
        return []

    monkeypatch.setattr("netsonde.checks.judging.packets_of", read)
    held.reports.packets_kept = [b""] * 5
    await service.create(CHECK)
    await until(lambda: bool(held.captures.by_id))
    held.captures.activate(main_capture(held).uuid, appear(held))
    await until(lambda: bool(held.results.entries))
    await held.reports.passing["packets"].put(None)
    while len(seen) < 5:
        turns += 1
        await asyncio.sleep(0)
    assert len(set(seen)) == 5


async def test_a_host_that_does_not_answer_holds_up_no_other(
    service: CheckService, held: Held, time: ManualTime
) -> None:
    made = await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    held.reports.silent.add("h1")
    there = msgspec.structs.replace(appear(held, "n2"), node_tid="t2", host="h2")
    held.captures.activate(main_capture(held).uuid, appear(held), there)
    await until(lambda: len(service.results(made.uuid)) == 2)
    time.move(CHECK.within / 1000 + 1)
    await until(lambda: bool(service.results(made.uuid, node="n2")[0].ended_at))
    assert (service.results(made.uuid, node="n2")[0].verdict, service.results(made.uuid, node="n1")[0].ended_at) == (
        "fail",
        0,
    )


async def test_a_stored_check_of_another_version_does_not_keep_others_from_work(held: Held) -> None:
    await held.definitions.put("u9", msgspec.structs.replace(CHECK, name="x", steps=[CheckStep("of tomorrow")]))
    service = held.service()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(service.run(held.health), name="checks")
        await until(lambda: held.health.state == "running")
        made = await service.create(CHECK)
        await until(lambda: [check_of(view) for view in held.captures.views()] == [made.uuid])
        running.cancel()


async def test_a_report_that_is_none_is_counted_and_the_next_is_heard(service: CheckService, held: Held) -> None:
    await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    for _ in range(2):
        held.reports.passing["packets"].put_nowait(b"rubbish")
        held.reports.passing["flows"].put_nowait(b"rubbish")
    await until(lambda: held.health.counters.get("packets_unreadable") == 2)
    await until(lambda: held.health.counters.get("flows_unreadable") == 2)


async def test_captures_that_are_refused_are_tried_again(service: CheckService, held: Held) -> None:
    held.captures.refuse = "no room"
    await service.create(CHECK)
    await until(lambda: held.health.counters.get("captures_refused") == 1)
    held.captures.refuse = ""
    await until(lambda: len(held.captures.by_id) == 1)


async def test_a_capture_that_is_refused_keeps_no_other_check_from_work(
    service: CheckService, held: Held, time: ManualTime
) -> None:
    held.captures.refuse, held.captures.refused_query = "no room", "G.V()"
    await service.create(CHECK)
    time.move(1)
    await service.create(msgspec.structs.replace(CHECK, name="other", gremlin_query="G.E()"))
    await until(lambda: [view.gremlin_query for view in held.captures.views()] == ["G.E()"])


async def test_an_echo_that_comes_after_the_deletion_is_no_news(service: CheckService, held: Held) -> None:
    made = await service.create(CHECK)
    # Of the creation nobody has heard by then.
    await service.delete(made.uuid)
    other = await service.create(CHECK)
    await until(lambda: len(held.captures.by_id) == 1)
    assert [view.uuid for view in service.views()] == [other.uuid]
    assert held.health.state == "running"


async def test_names_are_unique_and_given_when_there_is_none(service: CheckService) -> None:
    made = await service.create(CHECK)
    with pytest.raises(Conflict, match="there is a check 'vms' already"):
        await service.create(CHECK)
    unnamed = await service.create(msgspec.structs.replace(CHECK, name=""))
    assert unnamed.name == f"check-{unnamed.uuid[:8]}"
    with pytest.raises(UserError, match="there are 2 checks already"):
        await service.create(msgspec.structs.replace(CHECK, name="third"))
    with pytest.raises(Conflict, match="changed meanwhile"):
        await service.replace(msgspec.structs.replace(stored(service, made.uuid), name="x"), CHECK)


@pytest.mark.parametrize("act", [CheckService.start, CheckService.delete])
async def test_what_is_not_there_cannot_be_touched(
    service: CheckService, act: Callable[[CheckService, str], Awaitable[object]]
) -> None:
    with pytest.raises(NotFound):
        await act(service, "nobody")


async def test_a_query_that_no_capture_can_have_is_refused(service: CheckService) -> None:
    with pytest.raises(UserError, match="a query starts with G"):
        await service.create(msgspec.structs.replace(CHECK, gremlin_query="V()"))
