# SPDX-License-Identifier: Apache-2.0
"""Settings of the `devlink` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DevlinkSettings:
    """Section `probes.devlink`."""

    interval: float = 30.0
    """Seconds between two looks at devices, their health and their ports; at least 0.1."""
    limit: int = 64
    """Devices shown of one namespace; the rest is counted in `DevlinkDevicesOmitted`."""
