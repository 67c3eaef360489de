# SPDX-License-Identifier: Apache-2.0
"""Taps follow definitions: at once, once, and no longer than wanted."""

from collections.abc import Callable

import msgspec

from netsonde.captures.engines._api import Point, TapCounters
from netsonde.captures.reconciler import GONE, Reconciler
from netsonde.captures.settings import CaptureSettings
from netsonde.graph import Batch
from netsonde.model.captures import AgentCaptureStatus, NodeStatus
from unit.captures.fakes import FakeEngine, ManualTime
from unit.captures.host import Host, vm_capture


def report(reconciler: Reconciler, uuid: str = "c1") -> AgentCaptureStatus:
    status = reconciler.status(uuid)
    assert status is not None
    return status


def only_node(reconciler: Reconciler) -> NodeStatus:
    (node,) = report(reconciler).nodes
    return node


def test_the_batch_that_makes_a_node_match_starts_its_tap(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    assert engine.running == {}
    host.name_vm("tap0")
    node = host.graph.node("tap0")
    assert node is not None
    assert list(engine.running) == [Point("c1", None, 10)]
    assert engine.running[Point("c1", None, 10)][1:] == ("tap0", node.metadata["TID"])


def test_an_id_written_before_its_interface_appears_starts_it_with_the_interface(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture())
    host.name_vm("tap0")
    host.plug("tap0")
    assert engine.interfaces == ["tap0"]


def test_interfaces_that_are_there_already_are_captured(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.define(vm_capture())
    assert engine.interfaces == ["tap0"]


def test_an_interface_in_a_namespace_is_named_by_its_inode(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture(query="G.V().Has('Type', 'tuntap')"))
    host.plug("eth0", owner="ns1", ifindex=3)
    assert list(engine.running) == [Point("c1", 77, 3)]


def test_a_device_that_becomes_known_later_is_captured_then(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture(query="G.V().Has('Name', 'late')"))
    host.plug("late", owner="unknown")
    assert (report(reconciler).matching, report(reconciler).capturable, engine.interfaces) == (1, 0, [])
    host.plug("late", owner="h1")
    assert (report(reconciler).capturable, engine.interfaces) == (1, ["late"])


def test_the_look_back_is_armed_while_any_definition_wants_something(
    reconciler: Reconciler, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture())
    reconciler.define(vm_capture("c2", "G.V('tap9')"))
    reconciler.undefine("c2")
    reconciler.define(msgspec.structs.replace(vm_capture(), paused=True))
    reconciler.define(msgspec.structs.replace(vm_capture(), expires_at=1_002_000))
    time.move(2)
    reconciler.tick()
    assert engine.arms == [True, False, True, False]
    reconciler.undefine("c1")
    assert engine.forgotten == ["c2", "c1"]


def test_a_tap_goes_from_starting_to_active_with_what_its_engine_tells(
    reconciler: Reconciler, host: Host, engine: FakeEngine, changes: list[str]
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    assert only_node(reconciler).state == "starting"
    changes.clear()
    reconciler.handle(engine.event("started", "tap0", lookback_packets=7, armed_before_up=True))
    reconciler.handle(engine.event("first_packet", "tap0"))
    node = only_node(reconciler)
    assert (node.state, node.lookback_packets, node.armed_before_up, node.first_packet_at) == ("active", 7, True, 5000)
    assert set(changes) == {"c1"}


def test_counters_are_read_without_touching_the_graph(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    revision = host.graph.revision
    engine.counted = {
        Point("c1", None, 10): TapCounters(5, 1, 500, 2, 3, 4, 6),
        Point("other", None, 10): TapCounters(9),
    }
    assert reconciler.count() == {"c1"}
    assert reconciler.count() == set()
    node = only_node(reconciler)
    assert (node.packets_received, node.packets_dropped, node.bytes_received) == (5, 1, 500)
    assert (node.packets_not_kept, node.flows_evicted, node.streams_refused, node.fragments_lost) == (2, 3, 4, 6)
    assert host.graph.revision == revision


def test_nodes_list_their_captures_for_old_clients(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    assert host.captures_of("tap0") is None
    reconciler.handle(engine.event("started", "tap0"))
    assert host.captures_of("tap0") == [{"ID": "c1", "State": "active", "Name": "vms"}]
    reconciler.undefine("c1")
    assert host.captures_of("tap0") is None


def test_a_deleted_definition_stops_everything_and_is_not_resurrected(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.undefine("c1")
    host.plug("tap1")
    host.name_vm("tap1")
    reconciler.reconcile()
    assert (engine.running, reconciler.status("c1")) == ({}, None)


def test_a_vanished_interface_is_stopped_and_its_successor_captured(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0", ifindex=10)
    host.name_vm("tap0")
    host.unplug("tap0")
    assert engine.running == {}
    host.name_vm("tap0")
    host.plug("tap0", ifindex=11)
    assert list(engine.running) == [Point("c1", None, 11)]


def test_an_interface_that_gets_another_index_under_its_id_is_captured_anew(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0", ifindex=10)
    host.name_vm("tap0")
    host.plug("tap0", ifindex=20)
    assert list(engine.running) == [Point("c1", None, 20)]


def test_a_node_that_ceases_to_match_is_stopped_after_the_grace_time(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    host.annotate("tap0", "ovsdb", {})
    time.move(1.9)
    assert 0 < reconciler.tick() <= 0.11
    assert engine.interfaces == ["tap0"]
    time.move(0.2)
    reconciler.tick()
    assert engine.interfaces == []


def test_a_node_that_matches_again_within_the_grace_time_goes_on(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    host.annotate("tap0", "ovsdb", {})
    host.name_vm("tap0")
    time.move(10)
    reconciler.tick()
    assert (engine.interfaces, engine.starts) == (["tap0"], 1)


def test_a_definition_may_keep_what_ceases_to_match(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(msgspec.structs.replace(vm_capture(), stop_on_unmatch=False))
    host.plug("tap0")
    host.name_vm("tap0")
    host.annotate("tap0", "ovsdb", {})
    time.move(100)
    reconciler.tick()
    assert engine.interfaces == ["tap0"]
    host.unplug("tap0")
    assert engine.interfaces == []


def test_what_ceases_to_match_before_it_could_be_tapped_is_given_up(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(msgspec.structs.replace(vm_capture(), stop_on_unmatch=False))
    engine.refuse = "Operation not permitted"
    host.plug("tap0")
    host.name_vm("tap0")
    host.annotate("tap0", "ovsdb", {})
    time.move(100)
    assert reconciler.tick() > 1
    assert report(reconciler).nodes == []


def test_a_kept_tap_that_fails_later_is_given_up(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(msgspec.structs.replace(vm_capture(), stop_on_unmatch=False))
    host.plug("tap0")
    host.name_vm("tap0")
    host.annotate("tap0", "ovsdb", {})
    reconciler.handle(engine.event("failed", "tap0", reason="link is down"))
    time.move(100)
    assert reconciler.tick() > 1
    assert (report(reconciler).nodes, host.captures_of("tap0")) == ([], None)


def test_pausing_stops_and_resuming_starts(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.define(msgspec.structs.replace(vm_capture(), paused=True))
    assert engine.interfaces == []
    reconciler.define(vm_capture())
    assert engine.interfaces == ["tap0"]
    reconciler.define(msgspec.structs.replace(vm_capture(), paused=True))
    assert engine.interfaces == []


def test_a_capture_whose_time_is_over_stops_without_being_told(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.define(msgspec.structs.replace(vm_capture(), expires_at=1_003_000))
    assert reconciler.tick() == 3.0
    time.move(3)
    reconciler.tick()
    assert engine.interfaces == []


def test_a_failed_start_is_retried_with_growing_delays_and_its_reason_kept(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    engine.refuse = "Operation not permitted"
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    node = only_node(reconciler)
    assert (node.state, node.reason) == ("failed", "Operation not permitted")
    assert host.captures_of("tap0") == [
        {"ID": "c1", "State": "error", "Name": "vms", "Error": "Operation not permitted"}
    ]
    first = reconciler.tick()
    time.move(first)
    second = reconciler.tick()
    assert (engine.starts, first < second) == (2, True)
    engine.refuse = ""
    time.move(second)
    reconciler.tick()
    assert (engine.interfaces, only_node(reconciler).state) == (["tap0"], "failed")
    reconciler.handle(engine.event("started", "tap0"))
    assert (only_node(reconciler).state, only_node(reconciler).reason) == ("active", "")


def test_a_failed_tap_is_retried_at_once_when_its_node_changes(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    engine.refuse = "not yet"
    reconciler.define(vm_capture(query="G.V().Has('Type', 'tuntap')"))
    host.plug("tap0")
    starts = engine.starts
    engine.refuse = ""
    host.annotate("tap0", "other", {"State": "UP"})
    assert (engine.starts, engine.interfaces) == (starts + 1, ["tap0"])


def test_a_failed_tap_is_retried_when_its_namespace_can_be_entered(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    engine.refuse = "unknown namespace"
    reconciler.define(vm_capture(query="G.V().Has('Type', 'tuntap')"))
    host.plug("eth0", owner="ns1")
    engine.refuse = ""
    reconciler.retry_namespace(78)
    assert engine.interfaces == []
    reconciler.retry_namespace(77)
    assert engine.interfaces == ["eth0"]


def test_a_failure_told_later_is_retried_too(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture(query="G.V().Has('Type', 'tuntap')"))
    host.plug("tap0")
    reconciler.handle(engine.event("failed", "tap0", reason="no memory"))
    assert only_node(reconciler).reason == "no memory"
    time.move(1)
    reconciler.tick()
    assert engine.starts == 2


def test_a_finished_tap_stays_finished_until_the_definition_changes(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    limited = msgspec.structs.replace(vm_capture(), max_packets=100)
    reconciler.define(limited)
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.handle(engine.event("finished", "tap0", reason="100 packets"))
    time.move(100)
    reconciler.reconcile()
    assert (engine.starts, only_node(reconciler).state, only_node(reconciler).reason) == (1, "finished", "100 packets")
    reconciler.define(msgspec.structs.replace(limited, max_packets=200))
    assert engine.starts == 2


def test_what_a_former_run_had_finished_is_not_captured_again(
    make_reconciler: Callable[[], Reconciler], host: Host, engine: FakeEngine
) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler = make_reconciler()
    done = NodeStatus("tap0", "tid", "tap0", "h1", "finished", "100 packets", since=3)
    reconciler.remember_finished("c1", [done, msgspec.structs.replace(done, node_id="tap1", reason=GONE)])
    reconciler.define(vm_capture())
    assert engine.starts == 0
    assert (only_node(reconciler).state, only_node(reconciler).since) == ("finished", 3)
    host.plug("tap1")
    host.name_vm("tap1")
    assert engine.interfaces == ["tap1"]


def test_an_interface_that_the_engine_lost_but_the_graph_keeps_is_tapped_again(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.handle(engine.event("link_gone", "tap0"))
    assert only_node(reconciler).reason == GONE
    time.move(1)
    reconciler.tick()
    assert (engine.starts, only_node(reconciler).state) == (2, "starting")


def test_a_tap_that_runs_again_by_itself_is_not_started_once_more(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.handle(engine.event("link_gone", "tap0"))
    reconciler.handle(engine.event("started", "tap0"))
    time.move(1)
    reconciler.tick()
    assert (engine.starts, only_node(reconciler).state) == (1, "active")


def test_targets_of_an_analyzer_are_captured_beside_own_matches(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.set_targets("c1", ["eth0"])
    reconciler.define(vm_capture(query="G.V().HasNot('Driver').Limit(1)"))
    assert engine.interfaces == []
    host.plug("eth0")
    host.plug("eth1")
    assert engine.interfaces == ["eth0"]
    reconciler.set_targets("c1", ["eth1"])
    assert "eth1" in engine.interfaces
    reconciler.set_targets("c1", [])
    assert (report(reconciler).matching, report(reconciler).reason) == (0, "")


def test_two_nodes_of_one_device_make_one_tap(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    reconciler.define(vm_capture(query="G.V().HasKey('IfIndex')"))
    host.plug("a", ifindex=5)
    host.plug("b", ifindex=5)
    assert (engine.starts, report(reconciler).capturable) == (1, 1)


def test_two_captures_share_an_interface_and_end_apart(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    reconciler.define(vm_capture("c1"))
    reconciler.define(vm_capture("c2", "G.V().Has('Name', 'tap0')"))
    host.plug("tap0")
    host.name_vm("tap0")
    for uuid in ("c1", "c2"):
        point = Point(uuid, None, 10)
        assert point in engine.running
    reconciler.undefine("c1")
    assert list(engine.running) == [Point("c2", None, 10)]


def test_only_options_of_the_tap_start_it_anew(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.define(vm_capture())
    reconciler.define(msgspec.structs.replace(vm_capture(), name="renamed"))
    assert engine.starts == 1
    reconciler.define(msgspec.structs.replace(vm_capture(), bpf_filter="icmp"))
    assert engine.starts == 2


def test_a_changed_query_moves_the_capture(
    reconciler: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    host.plug("tap0")
    host.plug("tap1")
    reconciler.define(vm_capture(query="G.V().Has('Name', 'tap0')"))
    reconciler.define(vm_capture(query="G.V().Has('Name', 'tap1')"))
    assert engine.interfaces == ["tap0", "tap1"]
    time.move(2.1)
    reconciler.tick()
    assert engine.interfaces == ["tap1"]


def test_a_query_that_this_agent_cannot_read_is_a_reason_not_a_crash(
    reconciler: Reconciler, host: Host, engine: FakeEngine
) -> None:
    reconciler.define(vm_capture(query="G.V().FromTheFuture()"))
    assert "FromTheFuture" in report(reconciler).reason
    assert engine.arms == []


def test_an_engine_that_this_agent_lacks_is_a_reason(reconciler: Reconciler, host: Host) -> None:
    reconciler.define(msgspec.structs.replace(vm_capture(), type="ebpf"))
    assert "ebpf" in report(reconciler).reason
    host.plug("tap0")
    host.name_vm("tap0")
    assert only_node(reconciler).state == "failed"


def test_a_renamed_interface_goes_on_under_its_new_name(reconciler: Reconciler, host: Host, engine: FakeEngine) -> None:
    reconciler.define(vm_capture())
    host.plug("tap0", ifindex=10)
    host.name_vm("tap0")
    batch = Batch()
    batch.put_node("tap0", "netlink", {"Name": "wan0", "Type": "tuntap", "IfIndex": 10})
    host.graph.apply(batch)
    assert (engine.starts, only_node(reconciler).name) == (1, "wan0")


def test_closing_stops_every_tap(make_reconciler: Callable[[], Reconciler], host: Host, engine: FakeEngine) -> None:
    reconciler = make_reconciler()
    reconciler.define(vm_capture(query="G.V().Has('Type', 'tuntap')"))
    host.plug("tap0")
    reconciler.close()
    host.plug("tap1")
    assert (engine.running, engine.arms) == ({}, [True, False])


def test_an_agent_that_can_capture_no_packets_says_so_before_anything_matches(
    host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    hindered = Reconciler(
        host.graph,
        {"packet": engine, "sflow": engine, "ebpf": engine},
        CaptureSettings(),
        time.clock(),
        lambda _: None,
        hindrance="no right",
    )
    hindered.define(vm_capture())
    hindered.define(msgspec.structs.replace(vm_capture(), uuid="c2", type="sflow"))
    # Exporters send to a socket of no special kind.
    assert (report(hindered).reason, report(hindered, "c2").reason) == ("no right", "")
    hindered.define(msgspec.structs.replace(vm_capture(), uuid="c3", type="ebpf"))
    assert report(hindered, "c3").reason == ""
    without = Reconciler(host.graph, {}, CaptureSettings(), time.clock(), lambda _: None, hindrance="no right")
    without.define(vm_capture())
    assert report(without).reason == "no right"
