# SPDX-License-Identifier: Apache-2.0
"""Settings of the `netlink` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetlinkSettings:
    """Section `probes.netlink`."""

    metrics_interval: float = 10.0
    """Seconds between two readings of every interface's counters; at least 1."""
    receive_buffer: int = 8 * 1024 * 1024
    """Bytes of events that the kernel may queue for one namespace before some are lost and it is read anew."""
    table_limit: int = 256
    """Routes, neighbours and FDB entries shown of one interface, and rules of a namespace, each; the rest is counted in
    `…Omitted` keys."""
    table_delay: float = 1.0
    """Least seconds between two updates of these tables on one interface, so that churn makes no revisions."""
    software_features: bool = False
    """Ask software interfaces (veth, tap, bridge …) for their offloads too (`Features`), which costs 2 kB each."""
