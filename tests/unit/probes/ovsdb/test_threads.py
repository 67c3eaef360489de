# SPDX-License-Identifier: Apache-2.0
"""Counters of polling threads, from a text as ovs-vswitchd 3.1 with DPDK prints it, and from rubbish."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsonde.model.elements import Node
from netsonde.probes.ovsdb.threads import NAMES, Thread, ThreadCounters, listed, parse_threads

TEXT = """\
pmd thread numa_id 1 core_id 14:
  packets received: 90
  packet recirculations: 0
  avg. datapath passes per packet: 1.00
  phwol hits: 0
  mfex opt hits: 0
  simple match hits: 0
  emc hits: 80
  smc hits: 0
  megaflow hits: 8
  avg. subtable lookups per megaflow hit: 1.12
  miss with success upcall: 1
  miss with failed upcall: 1
  avg. packets per output batch: 1.05
  idle cycles: 9000 (90.00%)
  processing cycles: 1000 (10.00%)
  avg cycles per packet: 111.11 (10000/90)
  avg processing cycles per packet: 11.11 (1000/90)
pmd thread numa_id 0 core_id 2:
  packets received: 7
  idle cycles: 5 (100.00%)
main thread:
  packets received: 3
"""
HOST = Node("n", {"Type": "host", "TID": "t"}, "h", "agent.h", 1, 1)


class Clock:
    ms = 1000

    def __call__(self) -> int:
        return self.ms


def grown(counters: ThreadCounters, *threads: Thread) -> Mapping[str, int] | None:
    found = list(counters.take(threads, HOST))
    return found[0].counters if found else None


def test_threads_are_told_with_what_they_counted() -> None:
    first, second, main = parse_threads(TEXT)
    assert (first.numa, first.core) == (1, 14)
    assert first.reading["PmdEmcHits"] == 80
    assert first.reading["PmdIdleCycles"] == 9000
    assert (first.reading["PmdUpcalls"], first.reading["PmdUpcallFailures"]) == (1, 1)
    assert set(first.reading) == set(NAMES.values())
    assert second.reading == {"PmdPackets": 7, "PmdIdleCycles": 5}
    assert (main.key, main.reading) == ((None, None), {"PmdPackets": 3})


def test_polling_threads_are_listed_by_core_and_the_main_one_is_not() -> None:
    assert listed(parse_threads(TEXT)) == [{"Core": 2, "NumaNode": 0}, {"Core": 14, "NumaNode": 1}]
    assert listed(parse_threads("main thread:\n  packets received: 3\n")) == []


def test_growth_of_all_threads_is_told_together_from_the_second_reading_on() -> None:
    clock = Clock()
    counters = ThreadCounters(clock)
    assert grown(counters, Thread(0, 1, {"PmdPackets": 100}), Thread(0, 2, {"PmdPackets": 10})) is None

    clock.ms = 11_000
    (metric,) = counters.take([Thread(0, 1, {"PmdPackets": 105}), Thread(0, 2, {"PmdPackets": 11})], HOST)

    assert (metric.node_id, metric.node_tid, metric.host) == ("n", "t", "h")
    assert (metric.start_ms, metric.last_ms, metric.counters) == (1000, 11_000, {"PmdPackets": 6})
    assert grown(counters, Thread(0, 1, {"PmdPackets": 105}), Thread(0, 2, {"PmdPackets": 11})) is None


@pytest.mark.parametrize(
    ("threads", "grew"),
    [
        ([Thread(0, 1, {"PmdPackets": 7})], 7),  # the switch began anew
        ([Thread(0, 1, {"PmdPackets": 101}), Thread(0, 3, {"PmdPackets": 5})], 6),  # a thread came
        ([Thread(0, 2, {"PmdPackets": 12})], 2),  # a thread went
    ],
)
def test_threads_that_come_go_and_begin_anew_are_counted_for_themselves(threads: list[Thread], grew: int) -> None:
    counters = ThreadCounters(Clock())
    grown(counters, Thread(0, 1, {"PmdPackets": 100}), Thread(0, 2, {"PmdPackets": 10}))

    assert grown(counters, *threads) == {"PmdPackets": grew}


def test_after_a_gap_counting_begins_anew() -> None:
    counters = ThreadCounters(Clock())
    grown(counters, Thread(0, 1, {"PmdPackets": 100}))
    counters.forget()

    assert grown(counters, Thread(0, 1, {"PmdPackets": 900})) is None


@given(st.lists(st.sampled_from([*TEXT.splitlines(), "pmd thread core_id 9:", "  emc hits: " + "9" * 40, "²"])))
def test_rubbish_between_the_lines_is_left_out(lines: list[str]) -> None:
    for thread in parse_threads("\n".join(lines)):
        assert set(thread.reading) <= set(NAMES.values())


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    parse_threads(text)
