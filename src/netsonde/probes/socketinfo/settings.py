# SPDX-License-Identifier: Apache-2.0
"""Settings of the `socketinfo` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocketInfoSettings:
    """Section `probes.socketinfo`."""

    interval: float = 10.0
    """Seconds between two looks at all sockets; at least 0.1."""
    cpu_share: float = 0.01
    """Part of a core that looking may take, more than 0; on a busy host the interval grows to keep it."""
    limit: int = 1000
    """Sockets shown of one namespace, those that listen first; the rest is counted in `SocketsOmitted`."""
