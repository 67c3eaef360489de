# SPDX-License-Identifier: Apache-2.0
"""Settings of the `wireguard` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WireGuardSettings:
    """Section `probes.wireguard`."""

    interval: float = 10.0
    """Seconds between two looks at the peers of all WireGuard interfaces; at least 0.1."""
    limit: int = 256
    """Peers shown of one interface, and addresses of one peer, each; the rest is counted in `…Omitted` keys."""
