# SPDX-License-Identifier: Apache-2.0
"""What devices read and wrote, as growth between two readings."""

import pytest

from netsonde.probes.blockdev.counters import CounterHistory, parse_diskstats
from netsonde.schema import METRIC_FIELDS

LINE = "   8       0 sda 100 1 80 7 200 2 160 9 0 12 16 0 0 0 0 3 1\n"
COUNTED = {
    **{"Reads": 100, "ReadsMerged": 1, "ReadBytes": 40960, "ReadTime": 7},
    **{"Writes": 200, "WritesMerged": 2, "WriteBytes": 81920, "WriteTime": 9, "IOTime": 12},
}


def test_counters_are_read_by_device_in_octets() -> None:
    assert parse_diskstats(LINE + LINE.replace("sda", "sdb")) == {"sda": COUNTED, "sdb": COUNTED}
    assert COUNTED.keys() <= {field.key for field in METRIC_FIELDS}


@pytest.mark.parametrize("text", ["", "\n", "8 0 sda\n", "8 0 sda 1 2 3\n", LINE.replace("100", "-1")])
def test_lines_that_make_no_sense_are_left_out(text: str) -> None:
    assert parse_diskstats(text) == {}


def test_growth_is_since_the_last_reading_and_new_devices_have_none() -> None:
    history = CounterHistory()
    assert history.grown({"sda": COUNTED}, 1000) == (0, {})
    since, found = history.grown({"sda": {**COUNTED, "Reads": 103}, "sdb": COUNTED}, 2000)
    assert (since, found) == (1000, {"sda": {"Reads": 3}})


def test_counter_that_went_back_counts_from_zero() -> None:
    history = CounterHistory()
    history.grown({"sda": COUNTED}, 1000)
    assert history.grown({"sda": {**COUNTED, "Reads": 4}}, 2000)[1] == {"sda": {"Reads": 4}}


def test_time_that_overflowed_its_32_bits_grew() -> None:
    history = CounterHistory()
    history.grown({"sda": {**COUNTED, "ReadTime": 2**32 - 10}}, 1000)
    assert history.grown({"sda": {**COUNTED, "ReadTime": 20}}, 2000)[1] == {"sda": {"ReadTime": 30}}
