# SPDX-License-Identifier: Apache-2.0
"""Settings of alerts: section `alert` of the analyzer's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """How many alerts there may be, how often they are judged, and how long their history is kept."""

    max_alerts: int = 200
    """Alerts that may exist at once."""
    keep_days: int = 30
    """Days for which changes of state are kept; the last one of each alert is kept as long as the alert."""
    max_transitions: int = 10_000
    """Changes of state kept of all alerts together; beyond it, or beyond 64 MiB, the oldest go."""
    pace: float = 1.0
    """Seconds between two looks of one alert at the least, however often the graph changes."""
    flow_interval: float = 10.0
    """Seconds between two looks of an alert on flows or metrics that has no interval of its own."""
    settle: float = 10.0
    """Seconds after the start of an analyzer in which nothing is resolved, and nothing pending begins anew: agents may
    still be coming back."""
    dry_run_seconds: float = 20.0
    """Seconds that a dry run may take; what is found by then is the answer."""

    def __post_init__(self) -> None:
        for name in ("max_alerts", "keep_days", "max_transitions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("pace", "flow_interval", "dry_run_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")
        if self.settle < 0:
            raise ValueError(f"settle must not be negative, got {self.settle}")
