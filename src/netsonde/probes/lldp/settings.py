# SPDX-License-Identifier: Apache-2.0
"""Settings of the `lldp` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LldpSettings:
    """Section `probes.lldp`."""

    interfaces: tuple[str, ...] = ()
    """Interfaces to listen on, in every namespace, patterns such as `eno*` among them; none = all hardware."""
