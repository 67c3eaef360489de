# SPDX-License-Identifier: Apache-2.0
"""Settings of the `qemu` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QemuSettings:
    """Section `probes.qemu`."""

    scan_interval: float = 0.1
    """Least seconds between two looks at /proc after a tap changed; grows so that they take 1 % of a core at most."""
