# SPDX-License-Identifier: Apache-2.0
"""Settings of the `runc` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuncSettings:
    """Section `probes.runc`."""

    run_paths: tuple[str, ...] = (
        *("/run/containerd/runc", "/run/runc", "/run/runc-ctrs", "/run/user/*/runc"),
        *("/run/crun", "/run/user/*/crun"),
    )
    """Directories in which runc and crun keep the state of containers, `*` for any name; they may come later."""
