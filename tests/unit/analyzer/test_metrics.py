# SPDX-License-Identifier: Apache-2.0
"""Metrics of what other processes tell of themselves."""

from netsonde.analyzer.metrics import exposition
from netsonde.model.presence import ComponentHealth, Presence


def test_a_number_beyond_all_floats_keeps_nobody_from_the_metrics() -> None:
    counted = {"huge": 10**400, "low": -(10**400), "usual": 7}
    agent = Presence("agent", "h1", "1", 1, 0, "", [ComponentHealth("bus", "running", "", 0, counted)])
    lines = [line for line in exposition([], [agent]).decode().splitlines() if "component_value{" in line]
    assert [float(line.rpartition(" ")[2]) for line in lines] == [2.0**64, -(2.0**64), 7.0]
