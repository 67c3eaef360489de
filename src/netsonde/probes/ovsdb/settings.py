# SPDX-License-Identifier: Apache-2.0
"""Settings of the `ovsdb` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OvsdbSettings:
    """Section `probes.ovsdb`."""

    addresses: tuple[str, ...] = ("unix:/run/openvswitch/db.sock",)
    """Servers to follow, each `unix:PATH` or `tcp:HOST:PORT`; the reference's `unix://` and `tcp://` work too."""
    retry_delay: float = 0.5
    """Seconds before the first new attempt after the server was lost; doubles up to ten times that."""
    statistics: bool = True
    """Whether to follow the counters of interfaces without a network device (DPDK, vhost-user, patch, tunnels)."""
    absent_port_delay: float = 1.0
    """Seconds that an internal port may have no network device before it is shown as a node without one."""
