# SPDX-License-Identifier: Apache-2.0
"""Who holds leases: one analyzer, over its restarts."""

from pathlib import Path

from netsonde.analyzer.holder import holder_of


def test_an_analyzer_is_the_same_after_a_restart_and_no_other_on_a_host_of_that_name(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for directory in (here, there):
        directory.mkdir()
    first = holder_of("h1", here)
    assert holder_of("h1", here) == first
    assert holder_of("h1", there) != first
    assert first.startswith("h1 ")


def test_a_name_that_cannot_be_kept_is_nobody_elses_either(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert holder_of("h1", missing) != holder_of("h1", missing)
