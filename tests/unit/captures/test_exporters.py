# SPDX-License-Identifier: Apache-2.0
"""The counters that sFlow exporters tell stand on the node where a capture hears of them."""

import msgspec
import pytest

from netsonde.captures.engines._api import Point, TapCounters, ToldCounters
from netsonde.captures.exporters import OWNER, Reading
from netsonde.captures.reconciler import Reconciler
from netsonde.model.elements import Metadata
from unit.captures.fakes import FakeEngine, ManualTime
from unit.captures.host import Host, vm_capture

POINT = Point("c1", None, 10)


def told(octets: int, *, grown: int = 0, flows: int = 0, agent: str = "127.0.0.1", more: int = 0) -> ToldCounters:
    interfaces = [(agent, 3, {"IfInOctets": octets, "IfInErrors": 0})]
    interfaces += [("192.0.2.1", 3, {"IfInOctets": more})] if more else []
    return ToldCounters(interfaces, {"IfInOctets": octets + more}, {"IfInOctets": grown}, {"OvsDpNFlows": flows})


@pytest.fixture
def listening(reconciler: Reconciler, host: Host, engine: FakeEngine) -> Reconciler:
    host.plug("tap0")
    host.name_vm("tap0")
    reconciler.define(msgspec.structs.replace(vm_capture(), polling_interval=5))
    reconciler.handle(engine.event("started", "tap0"))
    return reconciler


def hear(engine: FakeEngine, records: int, counters: ToldCounters) -> None:
    engine.counted = {POINT: TapCounters(counter_records=records)}
    engine.heard = {POINT: counters}


def shown(host: Host) -> Metadata | None:
    layer = host.graph.layer("tap0", OWNER)
    found = layer.get("SFlow") if layer else None
    assert found is None or isinstance(found, dict)
    return found


def test_the_first_counters_are_shown_at_once(listening: Reconciler, host: Host, engine: FakeEngine) -> None:
    hear(engine, 1, told(840))
    listening.count()
    assert shown(host) == {
        "IfMetrics": {"3": {"IfInOctets": 840}},
        "Metric": {"IfInOctets": 840, "Start": 1_000_000, "Last": 1_000_000},
        "LastUpdateMetric": {"Start": 1_000_000, "Last": 1_000_000},
    }


def test_later_ones_are_shown_each_interval_with_what_they_grew_by(
    listening: Reconciler, host: Host, engine: FakeEngine, time: ManualTime
) -> None:
    hear(engine, 1, told(840))
    listening.count()
    time.move(4)
    hear(engine, 2, told(1000, grown=160))
    listening.count()
    before = shown(host)
    assert before is not None
    assert before["Metric"] == {"IfInOctets": 840, "Start": 1_000_000, "Last": 1_000_000}
    time.move(1)
    listening.count()
    after = shown(host)
    assert after is not None
    assert after["LastUpdateMetric"] == {"IfInOctets": 160, "Start": 1_000_000, "Last": 1_005_000}


def test_counters_go_when_the_capture_ends(listening: Reconciler, host: Host, engine: FakeEngine) -> None:
    hear(engine, 1, told(840))
    listening.count()
    listening.undefine("c1")
    assert shown(host) is None


def test_our_own_note_makes_no_capture_look_at_the_node_again(
    listening: Reconciler, host: Host, engine: FakeEngine
) -> None:
    hear(engine, 1, told(840))
    listening.count()
    assert engine.starts == 1


def test_a_level_is_told_as_it_is_and_a_counter_as_it_grew() -> None:
    reading = Reading(0)
    reading.show(told(10, flows=7), 1, 1000)
    assert reading.show(told(15, grown=5, flows=4), 2, 2000)["LastUpdateMetric"] == {
        "IfInOctets": 5,
        "OvsDpNFlows": 4,
        "Start": 1000,
        "Last": 2000,
    }


def test_a_tap_that_was_started_anew_has_grown_since_then() -> None:
    reading = Reading(0)
    reading.show(told(100, grown=90), 9, 1000)
    metric = reading.show(told(120, grown=20), 2, 2000)["LastUpdateMetric"]
    assert metric == {"IfInOctets": 20, "Start": 1000, "Last": 2000}


def test_interfaces_of_several_exporters_are_told_apart() -> None:
    interfaces = Reading(0).show(told(10, more=20), 1, 1000)["IfMetrics"]
    assert interfaces == {"127.0.0.1/3": {"IfInOctets": 10}, "192.0.2.1/3": {"IfInOctets": 20}}
