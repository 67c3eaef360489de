# SPDX-License-Identifier: Apache-2.0
"""Settings of the `lxd` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LxdSettings:
    """Section `probes.lxd`."""

    sockets: tuple[str, ...] = (
        "/var/lib/incus/unix.socket",
        "/var/snap/lxd/common/lxd/unix.socket",
        "/var/lib/lxd/unix.socket",
    )
    """Where Incus or LXD listens; the first that somebody listens at is used."""
    answer_timeout: float = 10.0
    """Seconds that an answer may take."""
