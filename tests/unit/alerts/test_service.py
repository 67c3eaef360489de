# SPDX-License-Identifier: Apache-2.0
"""Alerts of an analyzer: what is refused, when they fire, whom they tell, what survives."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from netsonde.aio.clock import Clock
from netsonde.alerts.service import AlertService
from netsonde.alerts.values import of_result
from netsonde.api.editing import definition_of
from netsonde.errors import Conflict, NotFound, UserError
from netsonde.graph import Batch, SnapshotGraph
from netsonde.model.alerts import Alert, AlertChange, Transition, transition_key
from netsonde.model.elements import Json, Node
from netsonde.model.notices import Notice
from unit.alerts.fakes import QUICK, FakeScripts, GraphQueries, Held, PastGraphs, new_graph
from unit.captures.fakes import FakeLease, until

DOWN = Alert(name="down", expression="G.V().Has('State', 'DOWN')", action="http://old/", actions=["http://new/"])


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.alerts.watching._AGAIN", 0.001)
    monkeypatch.setattr("netsonde.alerts.watching._PATIENCE", 0.001)
    monkeypatch.setattr("netsonde.alerts.judging._KEEP_HOUSE", 0.001)
    monkeypatch.setattr("netsonde.alerts.judging._LOOK", 0.001)


@pytest.fixture
def held() -> Held:
    return Held(new_graph())


@asynccontextmanager
async def running(held: Held) -> AsyncIterator[AlertService]:
    made = held.service()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run(held.health), name="alerts")
        await until(lambda: held.health.state == "running")
        yield made
        task.cancel()
        held.health.stopped()


@pytest.fixture
async def service(held: Held) -> AsyncIterator[AlertService]:
    async with running(held) as made:
        yield made


def state_of(service: AlertService, uuid: str) -> str:
    view = service.view(uuid)
    return "" if view is None else view.state


def problem_of(service: AlertService, uuid: str) -> str:
    view = service.view(uuid)
    return "" if view is None else view.problem


async def test_an_alert_fires_when_a_node_matches_and_is_resolved_when_none_does(
    service: AlertService, held: Held
) -> None:
    uuid = (await service.create(DOWN)).uuid
    held.put("eth0", State="UP")
    held.put("eth1", State="DOWN")
    await until(lambda: state_of(service, uuid) == "firing")
    held.put("eth1", State="UP")
    await until(lambda: state_of(service, uuid) == "resolved")
    told = [(one.action, one.message.state) for one in held.notifier.posted.values()]
    assert told == [("http://old/", "firing"), ("http://new/", "firing"), ("http://new/", "resolved")]
    message = next(iter(held.notifier.posted.values())).message
    assert (message.uuid, message.name, message.summary) == (uuid, "down", "1 node: eth1")
    assert isinstance(message.reason_data, list)
    assert [one["ID"] for one in message.reason_data if isinstance(one, dict)] == ["eth1"]


async def test_what_matched_for_a_moment_is_told(service: AlertService, held: Held) -> None:
    uuid = (await service.create(DOWN)).uuid
    await until(lambda: held.health.counters.get("evaluations", 0) > 0)
    held.put("eth1", State="DOWN")
    held.put("eth1", State="UP")
    await until(lambda: state_of(service, uuid) == "resolved")
    assert held.notifier.states == ["firing", "firing", "resolved"]


async def test_what_matched_for_a_moment_while_another_expression_held_the_alert_fires_no_second_time(
    service: AlertService, held: Held
) -> None:
    held.put("held", Kept="yes")
    held.put("eth1", State="DOWN")
    uuid = (await service.create(msgspec.structs.replace(DOWN, hold="G.V().HasKey('Kept')"))).uuid
    # It has fired by its expression, and was looked at by that which holds it.
    await until(lambda: held.health.counters.get("evaluations") == 2)
    held.put("eth1", State="UP")
    held.put("eth2", State="DOWN")
    held.put("eth2", State="UP")
    held.drop("held")
    # It is resolved, and was looked at by its expression again.
    await until(lambda: held.health.counters["evaluations"] >= 4)
    held.put("eth3", State="DOWN")
    await until(lambda: any(one.summary == "1 node: eth3" for one in service.history(uuid)))
    fired = [one.summary for one in service.history(uuid) if one.state == "firing"]
    assert fired == ["1 node: eth3", "1 node: eth1"]


async def test_an_alert_that_fires_again_is_looked_at_by_what_holds_it_again(service: AlertService, held: Held) -> None:
    uuid = (await service.create(msgspec.structs.replace(DOWN, hold="G.V().HasKey('Kept')"))).uuid

    async def fire_and_be_let_go(times: int) -> None:
        looks = held.health.counters.get("evaluations", 0)
        held.put("eth1", State="DOWN")
        await until(lambda: [one.state for one in service.history(uuid)].count("resolved") == times)
        held.put("eth1", State="UP")
        await until(lambda: held.health.counters["evaluations"] >= looks + 3)

    await fire_and_be_let_go(1)
    await fire_and_be_let_go(2)
    assert state_of(service, uuid) == "resolved"


async def test_a_change_elsewhere_is_no_reason_to_ask_anew(service: AlertService, held: Held) -> None:
    await service.create(msgspec.structs.replace(DOWN, expression="G.V().Has('State', 'DOWN').Count()"))
    await until(lambda: len(held.queries.asked) == 1)
    held.put("eth0", State="UP")
    await until(lambda: len(held.queries.asked) == 2)
    for number in range(50):
        held.put("eth0", State="UP", MTU=number)
        await asyncio.sleep(0)
    held.put("eth0", State="DOWN")
    await until(lambda: held.notifier.states == ["firing", "firing"])
    assert len(held.queries.asked) == 3


async def test_a_count_of_nothing_does_not_fire(service: AlertService, held: Held) -> None:
    uuid = (await service.create(msgspec.structs.replace(DOWN, expression="G.V().Count()"))).uuid
    await until(lambda: len(held.queries.asked) == 1)
    assert state_of(service, uuid) == "inactive"


async def test_a_flow_alert_asks_at_intervals_and_tells_of_new_flows_only(service: AlertService, held: Held) -> None:
    alert = msgspec.structs.replace(DOWN, expression="G.Flows()", action="", actions=["http://new/"])
    uuid = (await service.create(alert)).uuid
    held.queries.flows.found = [{"UUID": "f1", "Metric": {"ABBytes": 1}}]
    await until(lambda: state_of(service, uuid) == "firing")
    held.queries.flows.found = [{"UUID": "f1", "Metric": {"ABBytes": 2}}]
    asked = len(held.queries.asked)
    await until(lambda: len(held.queries.asked) > asked + 2)
    assert held.notifier.states == ["firing"]


async def test_an_alert_that_flows_hold_is_resolved_when_there_are_none(service: AlertService, held: Held) -> None:
    held.queries.flows.found = [{"UUID": "f1"}]
    uuid = (await service.create(msgspec.structs.replace(DOWN, hold="G.Flows()"))).uuid
    held.put("eth1", State="DOWN")
    await until(lambda: state_of(service, uuid) == "firing")
    asked = len(held.queries.asked)
    await until(lambda: len(held.queries.asked) > asked + 1)
    held.queries.flows.found = []
    await until(lambda: state_of(service, uuid) == "resolved")


async def test_flows_in_another_order_are_no_news(service: AlertService, held: Held) -> None:
    alert = msgspec.structs.replace(DOWN, expression="G.Flows()", action="", actions=["http://new/"])
    held.queries.flows.found = [{"UUID": "f2", "Last": 2}, {"UUID": "f1", "Last": 1}]
    uuid = (await service.create(alert)).uuid
    await until(lambda: state_of(service, uuid) == "firing")
    held.queries.flows.found = [{"UUID": "f1", "Last": 3}, {"UUID": "f2", "Last": 2}]
    asked = len(held.queries.asked)
    await until(lambda: len(held.queries.asked) > asked + 2)
    assert held.notifier.states == ["firing"]


@pytest.mark.parametrize("query", ["G.E()", "G.V().HasKey('Name').Limit(3)"])
async def test_a_restart_that_finds_elements_in_another_order_finds_the_same(query: str) -> None:
    async def seen(*names: str) -> str:
        graph, batch = new_graph(), Batch()
        for name in ("a", *names):
            batch.put_node(name, "test", {"Name": name})
            batch.put_edge(f"a-{name}", "a", name, "test", {"RelationType": "layer2"})
        graph.apply(batch)
        return (await GraphQueries(graph).answer(query, None, of_result)).fingerprint

    assert await seen("b", "c") == await seen("c", "b")


async def test_counters_that_exporters_tell_of_a_node_are_no_news(service: AlertService, held: Held) -> None:
    uuid = (await service.create(DOWN)).uuid
    held.put("br0", State="DOWN", SFlow={"Metric": {"IfInOctets": 1}})
    await until(lambda: held.notifier.states == ["firing", "firing"])
    looks = held.health.counters["evaluations"]
    held.put("br0", State="DOWN", SFlow={"Metric": {"IfInOctets": 2}})
    await until(lambda: held.health.counters["evaluations"] > looks)
    held.put("br0", State="DOWN", Owner="net")
    await until(lambda: "net" in str(service.history(uuid)[0].reason_data))
    assert held.notifier.states == ["firing"] * 4


async def test_a_query_that_fails_resolves_nothing_and_is_shown(service: AlertService, held: Held) -> None:
    held.put("eth0", State="DOWN")
    uuid = (await service.create(msgspec.structs.replace(DOWN, expression="G.V().Count()"))).uuid
    await until(lambda: state_of(service, uuid) == "firing")
    held.queries.away = True
    held.drop("eth0")
    await until(lambda: bool((view := service.view(uuid)) and view.problem))
    assert state_of(service, uuid) == "firing"
    held.queries.away = False
    await until(lambda: state_of(service, uuid) == "resolved")
    view = service.view(uuid)
    assert view is not None
    assert view.problem == ""


async def test_a_script_fires_by_a_true_value() -> None:
    held = Held(new_graph(), scripts=FakeScripts([]))
    assert held.scripts is not None
    async with running(held) as service:
        alert = msgspec.structs.replace(DOWN, expression="JSON.parse(Gremlin('G.V()')).length > 3")
        made = await service.create(alert)
        assert made.language == "javascript"
        await until(lambda: held.health.counters.get("evaluations", 0) > 0)
        assert state_of(service, made.uuid) == "inactive"
        held.scripts.value = {"too": "many"}
        held.put("eth0")
        await until(lambda: state_of(service, made.uuid) == "firing")


@pytest.mark.parametrize("mistake", [RecursionError("too deep"), ValueError("rubbish")])
async def test_an_alert_that_crashes_says_so_and_others_are_judged(
    held: Held, mistake: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    held.scripts = FakeScripts(crash=mistake)
    async with running(held) as service:
        monkeypatch.setattr("netsonde.alerts.watching.log.exception", lambda event, **_: lines.append(event))
        bad = (await service.create(msgspec.structs.replace(DOWN, expression="1 + 1"))).uuid
        await until(lambda: "internal error" in problem_of(service, bad))
        failed = held.health.counters["evaluations_failed"]
        good = (await service.create(DOWN)).uuid
        held.put("eth0", State="DOWN")
        await until(lambda: state_of(service, good) == "firing")
        await until(lambda: held.health.counters["evaluations_failed"] > failed + 2)
        held.scripts.crash = None
        await until(lambda: problem_of(service, bad) == "")
    assert lines == ["an alert crashed"]


async def test_a_value_that_is_nested_too_deeply_is_the_alerts_own_problem(held: Held) -> None:
    deep: list[Json] = []
    for _ in range(2 * sys.getrecursionlimit()):
        deep = [deep]
    held.scripts = FakeScripts(value=deep)
    async with running(held) as service:
        uuid = (await service.create(msgspec.structs.replace(DOWN, expression="1 + 1"))).uuid
        await until(lambda: "nested too deeply" in problem_of(service, uuid))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expression": " "}, "Expression is empty"),
        ({"expression": "G.V().Hass('x')"}, "there is no step named 'Hass'"),
        ({"expression": "nodes.length", "language": "gremlin"}, "a query starts with G"),
        ({"expression": "nodes.length"}, "JavaScript cannot be run here"),
        ({"hold": "G.V("}, "never closed"),
        ({"trigger": "duration:soon"}, "Trigger 'duration:soon' is not understood"),
        ({"trigger": "duration:1ms"}, "between 1 second and a day"),
        ({"actions": ["ftp://x"]}, "Action 'ftp://x' is not understood"),
        ({"for_ms": -1}, "For must be between 0"),
        ({"labels": {"a-b": "c"}}, "label 'a-b'"),
    ],
)
async def test_what_cannot_work_is_refused_when_it_is_created(
    service: AlertService, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        await service.create(msgspec.structs.replace(DOWN, **wrong))
    assert said in refused.value.message
    assert service.views() == []


async def test_an_echo_that_comes_after_the_deletion_is_no_news(service: AlertService, held: Held) -> None:
    told: list[AlertChange] = []
    service.subscribe(told.append)
    made = await service.create(DOWN)
    # Nobody has heard of the creation by then.
    await service.delete(made.uuid)
    await held.definitions.put("last", DOWN)
    await until(lambda: service.view("last") is not None)
    assert [change.kind for change in told] == ["Added", "Deleted", "Added"]


@pytest.mark.parametrize("field", ["expression", "hold"])
async def test_an_alert_on_what_is_in_packets_is_refused(service: AlertService, field: str) -> None:
    wrong = msgspec.structs.replace(DOWN, **{field: "G.Flows().RawPackets()"})
    with pytest.raises(UserError, match="may not see what is in packets"):
        await service.create(wrong)
    with pytest.raises(UserError, match="may not see what is in packets"):
        await service.rehearse(wrong, T0, T0 + 1000, 1000)


async def test_an_alert_that_another_version_stored_sees_no_packets(service: AlertService, held: Held) -> None:
    stored = msgspec.structs.replace(DOWN, expression="G.Flows().RawPackets()", language="gremlin")
    await held.definitions.put("old", stored)
    await until(lambda: "may not see what is in packets" in "".join(view.problem for view in service.views()))


async def test_there_is_a_bound_on_alerts(service: AlertService) -> None:
    for _ in range(QUICK.max_alerts):
        await service.create(DOWN)
    with pytest.raises(UserError, match="3 alerts already"):
        await service.create(DOWN)


async def test_an_absent_alert_is_told(service: AlertService) -> None:
    with pytest.raises(NotFound):
        await service.delete("x")


async def test_a_changed_expression_is_watched_and_its_language_found_anew(service: AlertService, held: Held) -> None:
    made = await service.create(DOWN)
    held.put("eth0", State="UP")
    before = Alert(**{name: getattr(made, name) for name in Alert.__struct_fields__})
    await service.replace(before, msgspec.structs.replace(before, expression="G.V().Has('State', 'UP')"))
    await until(lambda: state_of(service, made.uuid) == "firing")
    with pytest.raises(Conflict):
        await service.replace(before, before)


async def test_a_restart_keeps_the_state_and_tells_nothing_twice(held: Held) -> None:
    held.put("eth0", State="DOWN")
    async with running(held) as service:
        uuid = (await service.create(DOWN)).uuid
        await until(lambda: state_of(service, uuid) == "firing")
    held.put("eth0", State="DOWN")
    evaluated = held.health.counters["evaluations"]
    async with running(held) as service:
        await until(lambda: held.health.counters["evaluations"] > evaluated)
        assert state_of(service, uuid) == "firing"
        held.drop("eth0")
        await until(lambda: state_of(service, uuid) == "resolved")
    assert held.notifier.states == ["firing", "firing", "resolved"]


async def test_what_was_posted_before_a_crash_is_posted_under_the_same_id(held: Held) -> None:
    held.put("eth0", State="DOWN")
    async with running(held) as service:
        uuid = (await service.create(DOWN)).uuid
        await until(lambda: state_of(service, uuid) == "firing")
    # The process died after posting the notices and before it stored the transition.
    held.history.entries.clear()
    async with running(held) as service:
        await until(lambda: state_of(service, uuid) == "firing")
    assert held.notifier.states == ["firing", "firing"]


async def test_while_the_bus_is_away_a_transition_waits(service: AlertService, held: Held) -> None:
    uuid = (await service.create(DOWN)).uuid
    held.notifier.away = True
    held.put("eth0", State="DOWN")
    await until(lambda: held.health.counters.get("transitions_delayed", 0) > 0)
    assert state_of(service, uuid) == "inactive"
    held.notifier.away = False
    await until(lambda: state_of(service, uuid) == "firing")


async def test_of_two_analyzers_one_judges_and_both_tell_their_subscribers(held: Held) -> None:
    other = Held(held.graph, definitions=held.definitions, history=held.history, notifier=held.notifier)
    other.lease = FakeLease()
    other.lease.free.clear()
    async with running(held) as first, running(other) as second:
        heard: list[AlertChange] = []
        second.subscribe(heard.append)
        uuid = (await first.create(DOWN)).uuid
        held.put("eth0", State="DOWN")
        await until(lambda: any(one.kind == "Transition" for one in heard))
        assert state_of(second, uuid) == "firing"
    assert held.notifier.states == ["firing", "firing"]


async def test_nothing_is_judged_before_the_topology_is_there(held: Held) -> None:
    held.ready = False
    async with running(held) as service:
        await service.create(DOWN)
        for _ in range(20):
            await asyncio.sleep(0)
        assert "evaluations" not in held.health.counters
        held.ready = True
        await until(lambda: held.health.counters.get("evaluations", 0) > 0)


async def test_receivers_that_must_be_told_again_are(held: Held) -> None:
    held.resend = 0.001
    held.put("eth0", State="DOWN")
    async with running(held) as service:
        await service.create(msgspec.structs.replace(DOWN, actions=["alertmanager+http://am"]))
        await until(lambda: len(held.notifier.repeated) > 1)
    assert {one.action for one in held.notifier.repeated} == {"alertmanager+http://am"}
    assert {one.message.state for one in held.notifier.repeated} == {"firing"}


async def test_a_receiver_that_does_not_answer_holds_up_the_others_once_a_round(held: Held) -> None:
    dead, alive = "alertmanager+http://dead", "alertmanager+http://alive"
    held.resend = 0.001
    held.notifier.silent = {dead}
    held.put("eth0", State="DOWN")
    async with running(held) as service:
        for name in ("one", "two", "three"):
            await service.create(msgspec.structs.replace(DOWN, name=name, action="", actions=[dead, alive]))
        await until(lambda: service.states()["firing"] == 3)
        held.notifier.repeated.clear()
        await until(lambda: [one.action for one in held.notifier.repeated].count(dead) > 2)
    rounds = "".join("d" if one.action == dead else "a" for one in held.notifier.repeated)
    assert set(rounds.split("d")) == {"", "aaa"}


async def test_what_is_resolved_while_others_are_told_again_is_not_told_again(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def repeat(notice: Notice) -> bool:
        told.append(notice.action.rpartition("/")[2])
        held.put("eth0", State="UP")
        await until(lambda: state_of(service, ending) == "resolved")
        return True

    async with running(held) as service:
        held.put("eth0", State="DOWN")
        actions = ["alertmanager+http://first", "alertmanager+http://second"]
        ending = (await service.create(msgspec.structs.replace(DOWN, create_time="2026", actions=actions))).uuid
        lasting = msgspec.structs.replace(DOWN, expression="G.V()", create_time="2027")
        await service.create(msgspec.structs.replace(lasting, actions=["alertmanager+http://last"]))
        await until(lambda: service.states()["firing"] == 2)
        monkeypatch.setattr(held.notifier, "repeat", repeat)
    held.resend = 0.001
    async with running(held) as service:
        await until(lambda: "last" in told)
    assert told[: told.index("last")] == ["first"]


async def test_who_was_told_is_not_told_again_while_the_alert_is_muted(held: Held) -> None:
    held.resend = 0.001
    held.put("eth0", State="DOWN")
    wanted = msgspec.structs.replace(DOWN, actions=["alertmanager+http://am"])
    async with running(held) as service:
        made = await service.create(wanted)
        await until(lambda: len(held.notifier.repeated) > 1)
        told = definition_of(made, Alert)
        await service.replace(told, msgspec.structs.replace(told, muted_until=held.clock.now_ms() + 60_000))
        held.notifier.repeated.clear()
        other = await service.create(wanted)
        await until(lambda: len(held.notifier.repeated) > 2)
    assert {one.message.uuid for one in held.notifier.repeated} == {other.uuid}


async def test_history_is_bounded_and_the_last_state_stays(held: Held) -> None:
    old = [
        Transition("u", "down", number, number, "firing" if number % 2 else "resolved", "inactive")
        for number in range(1, 6)
    ]
    for one in old:
        held.history.entries[transition_key(one)] = (one, one.number)
    stray = Transition("gone", "gone", 1, Clock().now_ms(), "firing", "inactive")
    held.history.entries[transition_key(stray)] = (stray, 9)
    held.definitions.entries["u"] = (msgspec.structs.replace(DOWN, uuid="u"), 1)
    held.put("eth0", State="DOWN")
    async with running(held) as service:
        await until(lambda: len(held.history.entries) == 1)
        await until(lambda: len(service.history("u")) == 1)
    (kept,) = held.history.entries
    assert kept.startswith("u.")


async def test_history_is_bounded_in_bytes_too(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsonde.alerts.catalogue.MOST_BYTES", 3000)
    now = Clock().now_ms()
    for number in range(1, 6):
        one = Transition("u", "down", number, now + number, "resolved", "firing", reason_data="x" * 1000)
        held.history.entries[transition_key(one)] = (one, number)
    held.definitions.entries["u"] = (msgspec.structs.replace(DOWN, uuid="u"), 1)
    held.settings = replace(QUICK, max_transitions=100)
    async with running(held) as service:
        await until(lambda: [one.number for one in service.history("u")] == [5, 4, 3])
    assert len(held.history.entries) == 3


async def test_an_alert_whose_time_is_over_deletes_itself(held: Held) -> None:
    async with running(held) as service:
        ends = held.clock.now_ms() + 50
        await service.create(msgspec.structs.replace(DOWN, expires_at=ends))
        await until(lambda: service.views() == [])


T0 = 1_700_000_000_000


def past(moment: int) -> SnapshotGraph:
    """Down in the second quarter and in the last one of 4000 s."""
    down = (moment - T0) // 1_000_000 % 2 == 1
    node = Node("eth0", {"Name": "eth0", "State": "DOWN" if down else "UP"}, "h", "o", 1, 1, None, 1)
    return SnapshotGraph([node], [])


async def test_a_dry_run_says_how_often_it_would_have_fired_and_tells_nobody() -> None:
    held = Held(new_graph(), past=PastGraphs(past))
    async with running(held) as service:
        found = await service.rehearse(DOWN, T0, T0 + 3_999_000, 10_000)
    assert (found.fired, found.notices, found.looks, found.complete) == (2, 3, 400, True)
    assert [(one.at - T0, one.state) for one in found.transitions] == [
        (1_000_000, "firing"),
        (2_000_000, "resolved"),
        (3_000_000, "firing"),
    ]
    assert held.notifier.posted == {}
    assert held.history.entries == {}


async def test_a_dry_run_stops_when_its_time_is_up() -> None:
    held = Held(new_graph(), past=PastGraphs(past), settings=replace(QUICK, dry_run_seconds=1e-9))
    async with running(held) as service:
        found = await service.rehearse(DOWN, T0, T0 + 3_999_000, 10_000)
    assert (found.looks, found.complete, found.end) == (1, False, T0)


@pytest.mark.parametrize(
    ("alert", "times", "said"),
    [
        (DOWN, (T0, T0 + 10_000_000, 1000), "10001 looks"),
        (DOWN, (5, 9, 0), "5 to 9 is no time"),
        (DOWN, (T0, T0, 0), "ends before it begins"),
        (msgspec.structs.replace(DOWN, expression="G.At('-1h').V()"), (T0, T0 + 10_000, 1000), "says its time itself"),
    ],
)
async def test_a_dry_run_that_cannot_be_is_refused(
    service: AlertService, alert: Alert, times: tuple[int, int, int], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        await service.rehearse(alert, *times)
    assert said in refused.value.message
