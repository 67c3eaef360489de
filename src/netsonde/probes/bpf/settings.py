# SPDX-License-Identifier: Apache-2.0
"""Settings of the `bpf` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BpfSettings:
    """Section `probes.bpf`."""

    interval: float = 10.0
    """Seconds between two looks at the programs that are attached to interfaces; at least 0.1. More while something is
    loaded that thousands of interfaces could run: a second for every 400, twice that for XDP and tc both."""
