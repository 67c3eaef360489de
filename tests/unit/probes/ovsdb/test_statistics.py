# SPDX-License-Identifier: Apache-2.0
"""Counters of interfaces without a network device, from updates as ovsdb-server tells them."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.errors import WireError
from netsonde.model.elements import Json, Node
from netsonde.model.topology import InterfaceMetric
from netsonde.probes.ovsdb.statistics import Statistics

COLUMN: Json = {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}}
SCHEMA: Json = {"tables": {"Interface": {"columns": {"name": {"type": "string"}, "statistics": COLUMN}}}}


class Request(msgspec.Struct):
    columns: list[str]
    where: list[tuple[str, str, str]]


class Lab:
    def __init__(self) -> None:
        self.now = 1000
        self.shown = True
        self.statistics = Statistics("h1", lambda: self.now, self.node_of)
        self.wanted = self.statistics.requests(SCHEMA)

    def node_of(self, uuid: str) -> Node | None:
        return Node(f"node-{uuid}", {"TID": "t"}, "h1", "agent.h1", 1, 1) if self.shown else None

    def tell(self, how: str, *, anew: bool = False, **counters: int) -> list[InterfaceMetric]:
        """Tell of row `u` a second later; of a change, the counters that differ."""
        self.now += 1000
        row: dict[str, Json] = {"statistics": ["map", [[name, value] for name, value in counters.items()]]}
        return self.statistics.take({"Interface": {"u": {how: row if counters else {}}}}, anew=anew)


def metric(since: int, until: int, **counters: int) -> list[InterfaceMetric]:
    return [InterfaceMetric("node-u", "t", "h1", since, until, counters)]


def test_interfaces_of_another_host_are_all_counted_here() -> None:
    wanted = Statistics("h1", lambda: 1, lambda _: None).requests(SCHEMA, everything=True)
    assert wanted == {"Interface": [{"columns": ["statistics"]}]}


def test_only_interfaces_without_a_network_device_are_asked_for() -> None:
    asked = msgspec.convert(Lab().wanted, dict[str, list[Request]])["Interface"]
    assert [request.columns for request in asked] == [["statistics"]]
    kinds = {kind for request in asked for _, _, kind in request.where}
    assert {"dpdk", "dpdkvhostuserclient", "patch", "vxlan"} <= kinds
    assert not {"", "system", "internal"} & kinds


def test_server_without_the_column_is_asked_for_nothing() -> None:
    found = Statistics("h1", lambda: 1, lambda _: None)
    assert found.requests({"tables": {"Interface": {"columns": {}}}}) == {}


def test_first_reading_of_what_was_there_is_no_metric_and_the_next_is_the_difference() -> None:
    lab = Lab()
    assert lab.tell("initial", anew=True, rx_packets=5, tx_bytes=70) == []
    assert lab.tell("modify", rx_packets=7) == metric(2000, 3000, RxPackets=2)
    assert lab.tell("modify", tx_bytes=100, rx_crc_err=1) == metric(3000, 4000, TxBytes=30, RxCrcErrors=1)


def test_all_that_an_interface_counts_that_was_made_meanwhile_is_new() -> None:
    lab = Lab()
    assert lab.tell("insert") == []
    assert lab.tell("modify", rx_packets=3, tx_packets=0) == metric(2000, 3000, RxPackets=3)


def test_counter_that_went_back_counts_from_zero() -> None:
    lab = Lab()
    lab.tell("initial", anew=True, rx_packets=50, rx_bytes=500)
    assert lab.tell("modify", rx_packets=4, rx_bytes=0) == metric(2000, 3000, RxPackets=4)


def test_counters_that_are_back_after_the_switch_was_away_are_no_growth() -> None:
    lab = Lab()
    lab.tell("initial", anew=True, rx_packets=50)
    assert lab.tell("modify", rx_packets=50) == []  # the difference of a map: it is gone
    assert lab.tell("modify", rx_packets=60) == []
    assert lab.tell("modify", rx_packets=61) == metric(4000, 5000, RxPackets=1)


def test_what_was_counted_while_the_server_was_away_is_not_lost() -> None:
    lab = Lab()
    lab.tell("initial", anew=True, rx_packets=50)
    assert lab.tell("initial", anew=True, rx_packets=80) == metric(2000, 3000, RxPackets=30)


def test_what_is_counted_before_there_is_a_node_comes_with_the_next_reading() -> None:
    lab = Lab()
    lab.shown = False
    lab.tell("insert")
    assert lab.tell("modify", rx_packets=3) == []
    lab.shown = True
    assert lab.tell("modify", rx_packets=4) == metric(2000, 4000, RxPackets=4)


def test_row_that_went_and_came_is_another_interface() -> None:
    lab = Lab()
    lab.tell("initial", anew=True, rx_packets=50)
    lab.statistics.take({"Interface": {"u": {"delete": None}}})
    assert lab.tell("insert") == []
    assert lab.tell("modify", rx_packets=3) == metric(3000, 4000, RxPackets=3)


def test_names_and_values_that_are_no_counters_are_passed_over() -> None:
    lab = Lab()
    lab.tell("insert")
    assert lab.tell("modify", ovs_tx_failure_drops=3, rx_packets=-1) == []


def test_rubbish_is_refused() -> None:
    with pytest.raises(WireError):
        Lab().statistics.take({"Interface": []})


@given(st.lists(st.integers(min_value=0, max_value=2**64 - 1), min_size=1, unique=True))
def test_counters_that_only_grow_add_up_to_the_last_reading(readings: list[int]) -> None:
    lab = Lab()
    lab.tell("insert")
    told = [one for value in sorted(readings) for one in lab.tell("modify", rx_bytes=value)]
    assert sum(one.counters["RxBytes"] for one in told) == max(readings)
    assert all(before.last_ms <= after.start_ms for before, after in itertools.pairwise(told))
