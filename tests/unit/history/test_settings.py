# SPDX-License-Identifier: Apache-2.0
"""Settings of history."""

import pytest

from netsonde.history.settings import HistorySettings


def test_history_is_on_by_default() -> None:
    assert HistorySettings().enabled


@pytest.mark.parametrize("name", ["topology_days", "flows_days", "metrics_days", "packets_days", "keyframe_hours"])
def test_times_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        HistorySettings(**{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["topology_days", "flows_days", "metrics_days", "packets_days"])
@pytest.mark.parametrize("days", [36_500, float("inf"), float("nan")])
def test_times_beyond_those_of_the_engine_are_refused(name: str, days: float) -> None:
    with pytest.raises(ValueError, match=f"{name} .* at most 25000"):
        HistorySettings(**{name: days})  # type: ignore[arg-type]


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_mib"):
        HistorySettings(memory_mib=16)


def test_keyframes_are_taken_often_enough_for_what_is_kept() -> None:
    assert HistorySettings().keyframe_ms == 6 * 3_600_000
    assert HistorySettings(topology_days=0.5).keyframe_ms == 3 * 3_600_000
