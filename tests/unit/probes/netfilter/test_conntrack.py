# SPDX-License-Identifier: Apache-2.0
"""Connection tracking: files of several kernels, intervals between readings, and how often a node changes."""

from pathlib import Path

import pytest

from netsonde.probes.netfilter.conntrack import (
    Conntrack,
    ConntrackHistory,
    conntrack_metadata,
    parse_statistics,
    read_conntrack,
)
from netsonde.schema import METRIC_FIELDS, unlisted

LINUX_6_18 = """\
entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  \
expect_new expect_create expect_delete search_restart
00000005  00000001 00000002 00000000 00000003 00000000 00000000 00000004 00000000 00000005 00000006 00000007 00000008  \
00000000 00000000 00000000 0000000a
00000005  00000000 00000000 00000000 00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000  \
00000000 00000000 00000000 00000000
"""
LINUX_4_19 = """\
entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  \
expect_new expect_create expect_delete search_restart
00000005  00000000 00000002 00000000 00000003 00000000 00000000 00000000 00000000 00000005 00000006 00000007 00000008  \
00000000 00000000 00000000 0000000a
"""


def reading(entries: int, *drops: int) -> Conntrack:
    """Return a reading with what each processor dropped."""
    return Conntrack(entries, 9, "".join(["drop\n", *(f"{count:08x}\n" for count in drops)]))


def test_counters_are_found_by_the_names_of_their_columns() -> None:
    first, second = parse_statistics(LINUX_6_18)
    assert first == {
        "ConntrackClashResolve": 1,
        "ConntrackFound": 2,
        "ConntrackInvalid": 3,
        "ConntrackChainTooLong": 4,
        "ConntrackInsert": 0,
        "ConntrackInsertFailed": 5,
        "ConntrackDrop": 6,
        "ConntrackEarlyDrop": 7,
        "ConntrackError": 8,
        "ConntrackSearchRestart": 10,
    }
    assert second["ConntrackInvalid"] == 16
    assert first.keys() <= {field.key for field in METRIC_FIELDS}


def test_older_kernels_have_other_columns() -> None:
    (only,) = parse_statistics(LINUX_4_19)
    assert (only["ConntrackFound"], only["ConntrackSearchRestart"]) == (2, 10)
    assert "ConntrackClashResolve" not in only


@pytest.mark.parametrize("text", ["", "entries found\n", "entries found\nx y\n", "\n\n"])
def test_file_without_numbers_has_no_counters(text: str) -> None:
    assert parse_statistics(text) in ((), ({},), ({}, {}))


def test_kernel_that_tracks_nothing_is_said(tmp_path: Path) -> None:
    assert read_conntrack(tmp_path / "absent", tmp_path) is None


def test_kernel_without_statistics_tells_the_entries(tmp_path: Path) -> None:
    (tmp_path / "nf_conntrack_count").write_text("7\n")
    (tmp_path / "nf_conntrack_max").write_text("262144\n")
    assert read_conntrack(tmp_path / "absent", tmp_path) == Conntrack(7, 262144)


def test_interval_has_what_all_processors_counted_more_and_the_entries_at_its_end() -> None:
    history = ConntrackHistory()
    assert history.interval(reading(1, 5, 1), 1000) is None
    found = history.interval(reading(3, 7, 2), 2000)
    assert found == (1000, {"ConntrackDrop": 3, "ConntrackEntries": 3})
    assert history.interval(reading(3, 7, 2), 3000) is None


@pytest.mark.parametrize(("before", "after", "grown"), [(2**32 - 2, 3, 5), (100, 4, 4)], ids=["overflow", "reset"])
def test_counter_that_went_back(before: int, after: int, grown: int) -> None:
    history = ConntrackHistory()
    history.interval(reading(0, before), 1000)
    found = history.interval(reading(0, after), 2000)
    assert found == (1000, {"ConntrackDrop": grown, "ConntrackEntries": 0})


def test_table_that_nobody_uses_is_not_shown() -> None:
    assert conntrack_metadata(Conntrack(0, 262144), {}) == {}


@pytest.mark.parametrize(
    ("shown", "now", "told"),
    [(1000, 1900, 1000), (1000, 2000, 2000), (1000, 500, 500), (3, 60, 3), (3, 0, 3), (3, 128, 128), (90, 0, 90)],
)
def test_count_is_told_again_when_it_doubles_or_halves_and_is_not_small(shown: int, now: int, told: int) -> None:
    found = conntrack_metadata(Conntrack(now, 262144), {"Count": shown, "Max": 262144})
    assert found == {"Count": told, "Max": 262144}
    assert unlisted({"Type": "host", "Conntrack": found}) == []


def test_count_near_the_limit_is_told_at_each_twentieth_of_it() -> None:
    shown = {"Count": 90_000, "Max": 100_000}
    assert conntrack_metadata(Conntrack(94_999, 100_000), {**shown}) == shown
    assert conntrack_metadata(Conntrack(95_000, 100_000), {**shown}) == {"Count": 95_000, "Max": 100_000}


def test_new_limit_is_told_at_once() -> None:
    assert conntrack_metadata(Conntrack(5, 50), {"Count": 5, "Max": 100}) == {"Count": 5, "Max": 50}


def test_table_without_a_limit_is_told_by_doubling_only() -> None:
    assert conntrack_metadata(Conntrack(1900, 0), {"Count": 1000, "Max": 0})["Count"] == 1000
