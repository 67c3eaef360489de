# SPDX-License-Identifier: Apache-2.0
"""Settings of the `docker` probe."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DockerSettings:
    """Section `probes.docker`."""

    sockets: tuple[str, ...] = ("/run/docker.sock",)
    """Unix sockets of the engines to follow; Podman's `/run/podman/podman.sock` speaks the same language."""
    answer_timeout: float = 10.0
    """Seconds that an engine has for one answer; after them it counts as lost."""
    ping_interval: float = 10.0
    """Seconds between two questions whether a silent engine is still there; at least 0.01."""
