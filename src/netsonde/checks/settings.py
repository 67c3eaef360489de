# SPDX-License-Identifier: Apache-2.0
"""Settings of checks: section `check` of the analyzer's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How long results are kept, and how much is judged at once."""

    keep_days: int = 30
    """Days for which results are kept."""
    max_results: int = 10_000
    """Results kept of all checks together; beyond it, or beyond 192 MiB, the oldest go. Each takes about 2 KiB on the
    bus and in memory, up to 10 KiB more where packets were injected."""
    max_checks: int = 200
    """Checks that may exist at once; each costs a capture on every interface that it matches."""
    max_runs: int = 2_000
    """Interfaces judged at the same time; those beyond have their turn later."""
    max_injecting: int = 32
    """Injections of checks on one host at the same time; less than `inject.max_runs`, which others need too."""

    def __post_init__(self) -> None:
        for name in ("keep_days", "max_results", "max_checks", "max_runs", "max_injecting"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
