# SPDX-License-Identifier: Apache-2.0
"""Counters as deltas."""

from netsonde.probes import netlink_wire as wire
from netsonde.probes.netlink.counters import NAMES, CounterHistory, decode_stats
from unit.probes.netlink.traffic import Recording


def counters(**values: int) -> tuple[int, ...]:
    return tuple(values.get(name, 0) for name in NAMES)


def test_recorded_statistics_have_every_interface() -> None:
    messages = [message for data in Recording().stats for message in wire.messages(data)]
    found = [decode_stats(message) for message in messages if message.type == wire.RTM_NEWSTATS]
    assert len(found) == 7
    assert all(stats is not None and len(stats[1]) == len(NAMES) for stats in found)


def test_first_reading_gives_nothing_and_the_next_the_difference() -> None:
    history = CounterHistory()
    assert history.delta(5, counters(RxBytes=1000, RxPackets=10), 1_000) is None
    assert history.delta(5, counters(RxBytes=1500, RxPackets=15), 11_000) == (1_000, {"RxPackets": 5, "RxBytes": 500})


def test_interface_born_under_our_eyes_counts_from_zero() -> None:
    history = CounterHistory()
    history.begin_at(5, counters(), 1_000)
    assert history.delta(5, counters(TxPackets=3), 2_000) == (1_000, {"TxPackets": 3})


def test_interface_that_came_from_elsewhere_counts_from_what_it_had_counted() -> None:
    history = CounterHistory()
    history.begin_at(5, counters(TxPackets=700, RxPackets=3), 1_000)
    assert history.delta(5, counters(TxPackets=705, RxPackets=3), 2_000) == (1_000, {"TxPackets": 5})


def test_nothing_is_told_of_a_quiet_interface() -> None:
    history = CounterHistory()
    history.delta(5, counters(RxBytes=1), 1_000)
    assert history.delta(5, counters(RxBytes=1), 2_000) is None
    assert history.delta(5, counters(RxBytes=2), 3_000) == (2_000, {"RxBytes": 1})


def test_counter_that_was_reset_counts_from_zero() -> None:
    history = CounterHistory()
    history.delta(5, counters(RxBytes=1000), 1_000)
    assert history.delta(5, counters(RxBytes=30), 2_000) == (1_000, {"RxBytes": 30})


def test_forgotten_interface_begins_anew() -> None:
    history = CounterHistory()
    history.delta(5, counters(RxBytes=1000), 1_000)
    history.forget(5)
    assert history.delta(5, counters(RxBytes=2000), 2_000) is None
