# SPDX-License-Identifier: Apache-2.0
"""Runs: which interfaces are judged, from when on, and when their verdict is final."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from netsonde.checks.attachments import owner_of
from netsonde.checks.catalogue import Catalogue
from netsonde.checks.examiner import Examiner
from netsonde.checks.facts import FlowSeen, Packet
from netsonde.checks.run import CONFIRM_MS, LAG_MS
from netsonde.checks.steps._api import Outcome, Step
from netsonde.checks.steps._registry import STEPS
from netsonde.graph import Batch, Graph
from netsonde.model.captures import Capture, CaptureStatus, CaptureView, NodeStatus
from netsonde.model.checks import Active, Check, CheckResult, CheckStep, Injected
from netsonde.model.injections import ProbeResult
from netsonde.observe import Health
from unit.captures.fakes import ManualTime
from unit.checks.fakes import GUEST, NS, Packets

CHECK = Check("u1", "vms", gremlin_query="G.V()", steps=[CheckStep("dhcp")], within=5_000, run_at=1)


class Scene:
    """An examiner on a graph, with short hands for what it is told."""

    def __init__(self) -> None:
        self.time = ManualTime()
        self.graph = Graph("a1", "analyzer.a1", self.time.clock().now_ms)
        self.catalogue = Catalogue()
        self.told: list[CheckResult] = []
        self.health = Health("checks")
        self.examiner = Examiner(
            self.graph,
            now_ms=self.time.clock().now_ms,
            latest=self.catalogue.latest,
            tell=self._tell,
            counters=self.health,
            max_runs=3,
        )
        self.graph.subscribe(self.examiner.follow)
        self.examiner.define(CHECK)

    def appear(self, node_id: str = "n1", **metadata: Any) -> None:
        batch = Batch()
        batch.put_node(
            node_id, "test", {"Name": "tap1", "Type": "tuntap", "ExtID": {"attached-mac": GUEST}, **metadata}
        )
        self.graph.apply(batch)

    def go(self, node_id: str = "n1") -> None:
        batch = Batch()
        batch.delete_node(node_id)
        self.graph.apply(batch)

    def capture(self, capture: str = "cap0", node_id: str = "n1", **more: Any) -> None:
        """Report that the check's capture is active on a node."""
        given: dict[str, Any] = {"since": self.time.clock().now_ms(), "armed_before_up": True, "state": "active"}
        node = NodeStatus(node_id, "t1" if node_id == "n1" else f"t-{node_id}", "tap1", "h1", **{**given, **more})
        self.examiner.captured("u1", view(capture, node), fresh=True)

    def packets(self, *packets: Packet) -> None:
        self.examiner.packets(packets)
        self.examiner.tick()

    def later(self, seconds: float, *, confirmed: bool = True) -> None:
        """Let time pass; what agents keep is read again when that is wished, and brings nothing new."""
        self.time.move(seconds)
        self.examiner.tick()
        for (capture, _), tids in self.examiner.take_recalls().items() if confirmed else ():
            self.examiner.confirmed(capture, tids, self.time.clock().now_ms())
        self.examiner.tick()

    @property
    def last(self) -> CheckResult:
        return self.told[-1]

    def make(self) -> Packets:
        """Return a maker of packets of the interface that appears now."""
        return Packets(start_ns=int(self.time.seconds * NS))

    def _tell(self, result: CheckResult) -> None:
        self.told.append(result)
        self.catalogue.put_result(result)


def view(uuid: str, *nodes: NodeStatus) -> CaptureView:
    fields = {one.name: getattr(Capture(uuid, "G.V()"), one.name) for one in msgspec.structs.fields(Capture)}
    return CaptureView(**{**fields, "owner": owner_of(CHECK)}, status=CaptureStatus("active", 0, nodes=[*nodes]))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_interface_waits_until_it_has_its_lease(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.capture()
    scene.later(0)
    assert (scene.last.verdict, scene.last.ended_at) == ("waiting", 0)
    scene.packets(*make.lease(0.25))
    result = scene.last
    assert (result.verdict, result.node_name, result.capture_id, result.steps[0].after_ms) == (
        "pass",
        "tap1",
        "cap0",
        250,
    )
    assert result.steps[0].evidence.packets == [0, 1, 3]
    assert result.steps[0].evidence.nodes == ["n1"]
    assert result.ended_at == scene.time.clock().now_ms()


def test_packets_may_come_before_the_report_of_the_capture(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.packets(*make.lease())
    scene.capture()
    scene.later(0)
    assert scene.last.verdict == "pass"


def test_a_failure_is_told_when_no_packet_can_come_any_more(scene: Scene) -> None:
    scene.appear()
    scene.capture()
    scene.later(5 + LAG_MS / 1000 - 0.1)
    assert scene.last.verdict == "waiting"
    scene.later(0.2)
    assert (scene.last.verdict, scene.last.sentence) == (
        "fail",
        "tap1 asked for no lease within 5 s; it sent nothing at all",
    )


def test_an_absence_is_told_only_after_kept_packets_were_read_again(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.capture()
    scene.later(5 + LAG_MS / 1000, confirmed=False)
    assert not scene.last.ended_at
    assert scene.examiner.take_recalls() == {("cap0", "h1"): {"t1"}}
    scene.packets(*make.lease(4.9))
    assert scene.last.verdict == "pass"


def test_an_agent_that_confirms_nothing_leaves_an_absence_unknown(scene: Scene) -> None:
    scene.appear()
    scene.capture()
    scene.later(5 + LAG_MS / 1000, confirmed=False)
    scene.later(CONFIRM_MS / 1000, confirmed=False)
    assert scene.last.verdict == "unknown"
    assert scene.last.sentence.endswith("(the agent of h1 did not confirm it)")


def test_what_was_read_before_it_was_wished_confirms_nothing(scene: Scene) -> None:
    scene.appear()
    scene.capture()
    before = scene.time.clock().now_ms()
    scene.later(5 + LAG_MS / 1000, confirmed=False)
    scene.examiner.confirmed("cap0", ["t1"], before)
    scene.examiner.tick()
    early = scene.last.ended_at
    scene.later(0)
    assert (early, scene.last.verdict) == (0, "fail")


def test_a_report_that_comes_late_does_not_shift_the_clock(scene: Scene) -> None:
    scene.appear("n2")
    scene.capture(node_id="n2")
    scene.appear()
    appeared = scene.time.clock().now_ms()
    scene.time.move(3)
    scene.capture(since=appeared)
    scene.later(2 + LAG_MS / 1000)
    assert {result.node_id for result in scene.told if result.ended_at} == {"n1", "n2"}


def test_a_host_whose_clock_is_behind_is_judged_by_its_own_time(scene: Scene) -> None:
    scene.time.move(-3600)
    scene.appear()
    behind = scene.time.clock().now_ms()
    make = scene.make()
    scene.time.move(3600)
    scene.capture(since=behind)
    scene.later(3)
    assert not scene.last.ended_at
    scene.packets(*make.lease(4))
    assert scene.last.verdict == "pass"


def test_an_interface_is_judged_once(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.capture()
    scene.packets(*make.lease())
    told = len(scene.told)
    scene.capture()
    scene.later(10)
    assert (len(scene.told), scene.examiner.runs()) == (told, 0)


def test_an_interface_that_comes_back_is_judged_again(scene: Scene) -> None:
    scene.appear()
    scene.capture()
    scene.packets(*scene.make().lease())
    scene.go()
    scene.later(5)
    make = scene.make()
    scene.appear()
    scene.packets(*make.lease(0.5))
    scene.capture()
    assert scene.examiner.recalls == {("cap0", "h1"): {"t1"}}
    scene.later(0)
    assert (scene.last.verdict, scene.last.steps[0].after_ms) == ("pass", 500)
    assert scene.last.started_at == scene.time.clock().now_ms()


def test_the_report_of_a_predecessor_opens_no_run(scene: Scene) -> None:
    before = scene.time.clock().now_ms()
    scene.later(60)
    scene.appear()
    scene.capture(since=before)
    scene.later(0)
    assert scene.told == []


def test_an_interface_that_goes_ends_its_run_as_unknown(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.capture()
    scene.packets(make.dhcp(0.1, "Discover"))
    scene.go()
    scene.later(0)
    assert scene.last.verdict == "unknown"
    assert scene.last.sentence.endswith("no server answered (the interface went away meanwhile)")
    assert scene.last.ended_at


def test_an_interface_that_was_there_before_is_judged_from_the_capture_on(scene: Scene) -> None:
    scene.appear()
    scene.time.move(3600)
    scene.capture(armed_before_up=False)
    make = scene.make()
    scene.packets(*make.lease(1))
    assert (scene.last.verdict, scene.last.steps[0].after_ms) == ("pass", 1000)


def test_lost_packets_make_an_absence_unknown(scene: Scene) -> None:
    scene.appear()
    scene.capture(packets_dropped=4)
    scene.later(8)
    assert scene.last.verdict == "unknown"
    assert scene.last.sentence.endswith("(4 packets were lost by the capture)")


def test_packets_beyond_the_limit_are_counted(scene: Scene) -> None:
    scene.examiner.define(msgspec.structs.replace(CHECK, first_packets=2, run_at=2))
    scene.appear()
    make = scene.make()
    scene.capture()
    scene.packets(*(make.asks(0.1) for _ in range(5)))
    scene.later(8)
    assert "(3 packets after the first 2 were not judged)" in scene.last.sentence
    assert scene.health.counters["packets_not_judged"] == 3


def test_a_repeated_packet_counts_once(scene: Scene) -> None:
    make = scene.make()
    scene.appear()
    scene.capture()
    once = make.asks(0.1)
    scene.packets(once, once)
    scene.later(8)
    assert scene.last.sentence.endswith("it sent 1 other packet")


def test_packets_of_an_agent_that_was_started_again_count_although_their_numbers_begin_anew(scene: Scene) -> None:
    make, again = scene.make(), scene.make()
    scene.appear()
    scene.capture()
    scene.packets(*(make.dhcp(0.1 * number, "Discover") for number in range(4)))
    scene.capture(state="starting", reason="it is starting again")
    scene.packets(*again.lease(1))
    assert scene.last.verdict == "pass"


def test_a_wish_to_run_again_ends_the_run_and_opens_another(scene: Scene) -> None:
    scene.appear()
    scene.capture()
    scene.later(1)
    scene.examiner.define(msgspec.structs.replace(CHECK, run_at=2))
    assert (scene.last.verdict, bool(scene.last.ended_at)) == ("unknown", True)
    scene.time.move(1)
    scene.capture("cap1", armed_before_up=False)
    scene.later(0)
    assert (scene.last.capture_id, scene.last.run_at, scene.last.verdict) == ("cap1", 2, "waiting")


def test_an_unfinished_run_is_taken_up_where_another_analyzer_left_it(scene: Scene) -> None:
    make = scene.make()
    started = scene.time.clock().now_ms()
    scene.appear()
    scene.catalogue.put_result(CheckResult("u1", "vms", "n1", "t1", "tap1", "h1", "cap0", started, run_at=1))
    scene.time.move(1)
    scene.capture(armed_before_up=False)
    scene.packets(*make.lease(0.5))
    assert (scene.last.started_at, scene.last.verdict) == (started, "pass")


def test_a_wish_to_run_again_while_nobody_judged_is_not_judged_by_the_time_of_the_run_before(scene: Scene) -> None:
    scene.appear()
    begun = scene.time.clock().now_ms()
    scene.catalogue.put_result(CheckResult("u1", "vms", "n1", "t1", "tap1", "h1", "cap0", begun, run_at=0))
    scene.time.move(60)
    scene.capture("cap1", armed_before_up=False)
    scene.later(1)
    assert (scene.last.started_at, scene.last.verdict) == (begun + 60_000, "waiting")


def test_too_many_runs_are_put_off_and_counted(scene: Scene) -> None:
    for number in range(5):
        scene.appear(f"n{number}")
        scene.capture(node_id=f"n{number}")
    assert (scene.examiner.runs(), scene.health.counters["runs_put_off"]) == (3, 2)
    scene.later(8)
    scene.capture(node_id="n4", since=scene.time.clock().now_ms() - 8000)
    assert scene.examiner.is_judging("u1", "n4")


def test_a_definition_of_another_version_is_left_out(scene: Scene) -> None:
    scene.examiner.define(msgspec.structs.replace(CHECK, uuid="u2", steps=[CheckStep("of tomorrow")]))
    scene.appear()
    scene.capture()
    assert scene.examiner.runs() == 1


@pytest.fixture
def on_path(scene: Scene) -> Callable[..., None]:
    """Let the check demand a path over br and d1; return what reports a flow of the first packet on an interface."""
    path = CheckStep("path", 0, {"Through": "G.V().Has('Name', 'd1')"})
    scene.examiner.define(msgspec.structs.replace(CHECK, steps=[*CHECK.steps, path], run_at=2))
    scene.appear()
    nodes = [NodeStatus(f"p{tid}", tid, tid, "h1", "active") for tid in ("br", "d1")]
    scene.examiner.captured_path("u1", view("cap9", *nodes))
    scene.capture()

    def seen(tid: str, vlan: int = 0) -> None:
        at = int(scene.time.seconds * NS)
        scene.examiner.flows([FlowSeen("f1" if tid == "t1" else f"x{tid}", "track", tid, at, vlan)])

    return seen


def test_a_failure_names_where_the_packets_got_lost(scene: Scene, on_path: Callable[..., None]) -> None:
    scene.packets(scene.make().dhcp(0, "Discover"))
    on_path("br", 2)
    on_path("t1")
    scene.later(8)
    dhcp, path = scene.last.steps
    assert dhcp.sentence.endswith("reached br, was not seen on d1: no relay or wrong VLAN 2")
    assert path.sentence.endswith("reached br, was not seen on d1")
    assert dhcp.evidence.nodes == ["n1", "pbr"]


def test_a_whole_path_passes_when_its_last_flow_is_reported(scene: Scene, on_path: Callable[..., None]) -> None:
    scene.packets(scene.make().dhcp(0, "Discover"))
    on_path("t1")
    on_path("br")
    scene.later(0)
    before = scene.last.steps[1].verdict
    on_path("d1")
    scene.later(0)
    assert (before, scene.last.steps[1].verdict) == ("waiting", "pass")


def test_a_path_is_found_anew_when_the_interface_gets_on_its_switch(scene: Scene, on_path: Callable[..., None]) -> None:
    scene.packets(scene.make().dhcp(0, "Discover"))
    on_path("t1")
    on_path("br")
    batch = Batch()
    batch.put_node("pbr", "test", {"Name": "br", "Type": "bridge"})
    batch.put_edge(None, "pbr", "n1", "test", {"RelationType": "layer2"})
    scene.graph.apply(batch)
    scene.later(8)
    # d1 is on another switch: no way leads there.
    assert scene.last.steps[1].verdict == "pass"


def test_many_searches_for_paths_are_spread_over_ticks(
    scene: Scene, on_path: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsonde.checks.examiner._SEARCHES", 1)
    scene.examiner.tick()
    scene.appear("n2")
    scene.appear("n3")
    scene.capture(node_id="n2")
    scene.capture(node_id="n3")
    looked_at = [scene.examiner.tick() for _ in range(3)]
    assert looked_at == [1, 1, 0]


REPLY = ProbeResult(0, 5 * NS, 2_000_000, "reply", "10.0.0.1", "")
PASSED = Outcome("pass", "it answers", 9 * NS, injections=(Injected("i1", "icmp4", "10.0.0.1", 1, [REPLY]),))


def allow(scene: Scene, active: Active, *steps: CheckStep) -> None:
    scene.examiner.define(msgspec.structs.replace(CHECK, active=active, steps=[*steps] or [CheckStep("icmp")]))
    scene.appear()
    scene.capture()


def answer(scene: Scene, outcome: Outcome = PASSED) -> None:
    """Let the packets of the one step that wishes them be injected."""
    ((run, inquiry),) = scene.examiner.take_inquiries()
    scene.examiner.answered(run, inquiry, outcome)
    scene.examiner.tick()


def test_nothing_is_injected_unless_it_is_allowed(scene: Scene) -> None:
    allow(scene, "never")
    scene.later(7)
    assert (scene.last.verdict, scene.examiner.take_inquiries()) == ("unknown", [])


def test_a_step_without_evidence_in_time_is_asked_once_and_settled_by_the_answer(scene: Scene) -> None:
    allow(scene, "unsettled")
    scene.later(4)
    assert scene.examiner.take_inquiries() == []
    scene.later(3)
    assert (scene.last.verdict, scene.last.ended_at) == ("waiting", 0)
    answer(scene)
    assert (scene.last.verdict, scene.last.steps[0].sentence) == ("pass", "it answers")
    assert scene.last.steps[0].evidence.injections == [*PASSED.injections]
    assert scene.examiner.take_inquiries() == []


def test_what_the_traffic_settles_is_asked_only_if_that_is_always_wished(scene: Scene) -> None:
    make = scene.make()
    allow(scene, "unsettled")
    scene.packets(make.ping(1, 1), make.ping(1, 1, reply=True))
    assert (scene.last.verdict, scene.examiner.take_inquiries()) == ("pass", [])


def test_always_means_that_both_have_to_pass(scene: Scene) -> None:
    make = scene.make()
    allow(scene, "always")
    scene.packets(make.ping(1, 1), make.ping(1, 1, reply=True))
    assert scene.last.verdict == "waiting"
    answer(scene, Outcome("fail", "1 of 3 pings were answered", 9 * NS))
    assert (scene.last.verdict, scene.last.sentence) == ("fail", "1 of 3 pings were answered")


def test_what_could_not_be_injected_leaves_the_verdict_and_adds_the_reason(scene: Scene) -> None:
    allow(scene, "unsettled")
    scene.later(7)
    answer(scene, Outcome("unknown", "nothing could be injected: no gateway is known"))
    assert (scene.last.verdict, scene.last.sentence) == (
        "unknown",
        "tap1 pinged nothing; nothing could be injected: no gateway is known",
    )


def test_a_lost_question_is_told_with_its_packet_and_place(scene: Scene) -> None:
    make = scene.make()
    allow(scene, "unsettled")
    scene.later(7)
    scene.examiner.marks.add("n1", ("icmp", 1, "10.0.0.1"), "i1")
    scene.packets(make.ping(7, 1))
    lost = Outcome("fail", "ping of 10.0.0.1, injected at tap1", 9 * NS, lost="nothing came back")
    answer(scene, replace(lost, injections=PASSED.injections))
    assert scene.last.verdict == "waiting"
    scene.later(1.1)
    step = scene.last.steps[0]
    assert (step.verdict, step.sentence) == ("fail", "ping of 10.0.0.1, injected at tap1: nothing came back")
    assert (step.evidence.packets, step.evidence.flows) == ([0], ["f1"])


def test_injected_packets_are_not_the_guests(scene: Scene) -> None:
    make = scene.make()
    unexpected = CheckStep("unexpected", 0, {"Protocols": ["ARP"]})
    allow(scene, "unsettled", unexpected)
    scene.examiner.marks.add("n1", ("icmp", 1, "10.0.0.1"), "i1")
    scene.packets(make.ping(1, 1), make.ping(1, 1, reply=True))
    scene.later(7)
    assert (scene.last.verdict, scene.last.steps[0].sentence) == ("pass", "nothing unexpected among 0 packets of tap1")


def test_the_mtu_is_asked_for_as_soon_as_there_is_a_lease(scene: Scene) -> None:
    make = scene.make()
    allow(scene, "unsettled", CheckStep("mtu"))
    scene.packets(*make.lease(0.2))
    answer(scene)
    assert (scene.last.verdict, scene.last.ended_at > 0) == ("pass", True)


def test_the_mtu_has_a_second_chance_when_it_was_asked_for_too_early(scene: Scene) -> None:
    make = scene.make()
    allow(scene, "unsettled", CheckStep("mtu"))
    scene.packets(*make.lease(0.2))
    answer(scene, Outcome("unknown", "not yet"))
    assert (scene.last.verdict, scene.examiner.take_inquiries()) == ("waiting", [])
    scene.later(7)
    answer(scene)
    assert scene.last.verdict == "pass"


def test_an_interface_that_goes_away_is_asked_no_more(scene: Scene) -> None:
    allow(scene, "unsettled")
    scene.later(7)
    ((run, inquiry),) = scene.examiner.take_inquiries()
    scene.go()
    scene.examiner.tick()
    assert (scene.last.verdict, inquiry.is_void) == ("unknown", True)
    scene.examiner.answered(run, inquiry, PASSED)
    assert scene.examiner.tick() == 0


class Mistaken:
    """A judge that cannot bear answers."""

    def packet(self, packet: Packet, *, own: bool) -> None:
        if not own:
            raise IndexError("no such option")

    def outcome(self, now_ns: int, *, over: bool) -> Outcome:
        return Outcome("pass" if over else "waiting")


def test_a_judge_that_fails_costs_its_step_the_verdict_and_nobody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(STEPS["gateway"], judge=lambda wanted, around: Mistaken())
    monkeypatch.setitem(cast("dict[str, Step[Any]]", STEPS), "gateway", broken)
    scene.examiner.define(msgspec.structs.replace(CHECK, steps=[CheckStep("gateway"), CheckStep("dhcp")]))
    for node in ("n1", "n2"):
        scene.appear(node)
        scene.capture(node_id=node)
    scene.packets(*scene.make().lease(0.25))
    result = scene.catalogue.latest("u1", "n1")
    assert result is not None
    assert (result.verdict, [step.verdict for step in result.steps]) == ("unknown", ["unknown", "pass"])
    assert result.sentence == "internal error in the step gateway (IndexError): the analyzer's log has it"
    scene.later(10)
    assert (scene.last.node_id, scene.last.steps[0].verdict, scene.health.counters["step_mistakes"]) == (
        "n2",
        "pass",
        1,
    )


def test_a_step_that_cannot_begin_is_unknown_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(wanted: object, around: object) -> Mistaken:
        raise TypeError("no such parameter")

    monkeypatch.setitem(cast("dict[str, Step[Any]]", STEPS), "dhcp", replace(STEPS["dhcp"], judge=broken))
    scene.examiner.define(CHECK)
    scene.appear()
    scene.capture()
    scene.later(0)
    assert (scene.last.verdict, bool(scene.last.ended_at)) == ("unknown", True)
