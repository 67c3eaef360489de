# SPDX-License-Identifier: Apache-2.0
"""Settings of the `lxc` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LxcSettings:
    """Section `probes.lxc`."""

    scan_interval: float = 5.0
    """Seconds between two looks for containers that made no namespace; others are looked for when theirs comes."""
    answer_timeout: float = 5.0
    """Seconds that the monitor of one container has for its answers."""
