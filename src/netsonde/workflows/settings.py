# SPDX-License-Identifier: Apache-2.0
"""Settings of workflows: section `workflow` of the analyzer's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkflowSettings:
    """How much scripts of users may take, and how long their results are kept."""

    seconds: float = 300.0
    """Longest time of one call, its waiting for packets and answers included."""
    memory_mib: int = 128
    """MiB of memory of one script; buffers beside its heap may take as much again."""
    max_running: int = 4
    """Calls that run at once on one analyzer; each is a process."""
    max_waiting: int = 64
    """Calls that wait for their turn; more are refused."""
    max_workflows: int = 200
    """Workflows that may exist at once, bundled ones apart."""
    max_jobs: int = 500
    """Ended calls that are kept with their results; beyond it the oldest go. A result may have 1 MiB, all together
    32 MiB."""
    keep_hours: float = 24.0
    """Hours for which ended calls are kept."""
    python: bool = False
    """Whether workflows may be written in Python. Their process is limited, but Python has no sandbox, and where the
    analyzer is not root it reads what the analyzer may read: allow it only where everyone who may write workflows may
    run programs here."""

    def __post_init__(self) -> None:
        for name in ("seconds", "memory_mib", "max_running", "max_waiting", "max_workflows", "max_jobs", "keep_hours"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {getattr(self, name)}")
