# SPDX-License-Identifier: Apache-2.0
"""Settings of the `blockdev` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlockdevSettings:
    """Section `probes.blockdev`."""

    interval: float = 30.0
    """Seconds between two looks at counters, and at what no event tells; at least 0.1."""
