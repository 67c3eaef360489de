# SPDX-License-Identifier: Apache-2.0
"""Settings of the `netfilter` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetfilterSettings:
    """Section `probes.netfilter`."""

    interval: float = 10.0
    """Seconds between two looks at connection tracking and rules of all namespaces; at least 0.1."""
    limit: int = 64
    """Tables shown of one namespace; the rest is counted in `NFTables.TablesOmitted`."""
    rule_limit: int = 100_000
    """Tables, chains, sets and rules counted in one namespace; `NFTables.Uncounted` says that there are more."""
