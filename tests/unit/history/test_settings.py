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


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="memory_mib"):
        HistorySettings(memory_mib=16)
