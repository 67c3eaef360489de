# SPDX-License-Identifier: Apache-2.0
"""Settings of the `netns` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetnsSettings:
    """Section `probes.netns`."""

    run_paths: tuple[str, ...] = ("/var/run/netns", "/var/run/docker/netns")
    """Directories whose files name network namespaces; watched also when they do not exist yet."""
    anonymous: bool = True
    """Whether to show namespaces that only processes hold (`unshare -n`, rootless containers)."""
    scan_interval: float = 1.0
    """Least seconds between two looks at /proc for such namespaces; grows so that they take 1 % of a core at most."""
