# SPDX-License-Identifier: Apache-2.0
"""Settings of the `host` probe."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Section `probes.host`."""

    metadata: dict[str, str] = field(default_factory=dict)
    """Keys of your own on the host node, such as `rack = "r12"`; dots in a key nest."""
