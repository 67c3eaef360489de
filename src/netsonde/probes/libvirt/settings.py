# SPDX-License-Identifier: Apache-2.0
"""Settings of the `libvirt` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LibvirtSettings:
    """Section `probes.libvirt`."""

    sockets: tuple[str, ...] = ("/run/libvirt/virtqemud-sock-ro", "/run/libvirt/libvirt-sock-ro")
    """Where the daemon listens; the first that exists is used. Read-only sockets tell all but what guests' agents say:
    for that name `virtqemud-sock` or `libvirt-sock`, whose user may do anything with machines."""
    uri: str = "qemu:///system"
    """Which of the daemon's drivers."""
    answer_timeout: float = 10.0
    """Seconds that an answer may take."""
    refresh_interval: float = 30.0
    """Seconds after which all machines are looked at again, and their addresses asked for: libvirt has no event for
    those, nor for a cable that is pulled; at least 1."""
