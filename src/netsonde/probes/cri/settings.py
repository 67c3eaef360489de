# SPDX-License-Identifier: Apache-2.0
"""Settings of the `cri` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CriSettings:
    """Section `probes.cri`."""

    sockets: tuple[str, ...] = ("/run/containerd/containerd.sock",)
    """Unix sockets of container runtimes that speak CRI v1; CRI-O's is `/run/crio/crio.sock`."""
    answer_timeout: float = 10.0
    """Seconds that a runtime has for one answer; after them it counts as lost."""
    list_interval: float = 10.0
    """Seconds between two lists of a runtime that tells of changes itself; at least 0.01."""
    poll_interval: float = 1.0
    """Seconds between two lists of one that does not; at least 0.01."""
