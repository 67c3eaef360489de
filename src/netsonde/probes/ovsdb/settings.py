# SPDX-License-Identifier: Apache-2.0
"""Settings of the `ovsdb` probe."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OvsdbSettings:
    """Section `probes.ovsdb`."""

    addresses: tuple[str, ...] = ("unix:/run/openvswitch/db.sock",)
    """Servers to follow, each `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`; the reference's `unix://` works too."""
    remote_addresses: tuple[str, ...] = ()
    """Those of `addresses` whose switch is another host's although they look like this one's, such as through a tunnel
    that begins here."""
    local_addresses: tuple[str, ...] = ()
    """Those of `addresses` whose switch is this host's although they look like another's, such as behind a translation
    of addresses."""
    tls_ca: Path | None = None
    """Certificates (PEM) that those of `ssl:` servers must be signed by; host names are not looked at."""
    tls_certificate: Path | None = None
    """The agent's own certificate (PEM) for `ssl:` servers; none = it shows none."""
    tls_key: Path | None = None
    """Private key (PEM) of the certificate; none = it is in the same file."""
    retry_delay: float = 0.5
    """Seconds before the first new attempt after the server was lost; doubles up to ten times that."""
    statistics: bool = True
    """Whether to follow the counters of interfaces without a network device (DPDK, vhost-user, patch, tunnels)."""
    thread_interval: float = 10.0
    """Seconds between two readings of what the threads (PMDs) of a userspace datapath counted, 1 at least; 0 = none."""
    absent_port_delay: float = 1.0
    """Seconds that an internal port may have no network device before it is shown as a node without one."""
