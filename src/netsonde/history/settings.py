# SPDX-License-Identifier: Apache-2.0
"""Where history is kept, for how long, and what it may cost."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST_DAYS: Final = 25_000
"""That rows can be kept. The engine's times end in 2106, in 28,900 days; what should go later is over at once."""


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """History in-process (chDB) by default, or in a ClickHouse server; the tables and queries are the same."""

    enabled: bool = True
    """Whether anything is recorded."""
    url: str = ""
    """Address of a ClickHouse server, such as https://user@clickhouse.example:8443/netsonde; empty = in-process, in
    the state directory."""
    password_file: Path | None = None
    """File with the password of that server's user, unless it is in the address."""
    topology_days: float = 30.0
    """Days that revisions of nodes and edges are kept; 25,000 at most, as of all that follow."""
    flows_days: float = 30.0
    """Days that flows are kept."""
    metrics_days: float = 30.0
    """Days that counters of interfaces are kept."""
    packets_days: float = 7.0
    """Days that the first packets of captures are kept."""
    keyframe_hours: float = 6.0
    """Hours between two records of the whole graph; looking back reads at most that much of its changes."""
    memory_mib: int = 1024
    """MiB that one query or merge may use; the engine in-process gets twice as much in all."""
    threads: int = 2
    """Threads of one query in-process."""
    query_timeout: float = 15.0
    """Seconds that a query may run; writes do not wait for it."""

    def __post_init__(self) -> None:
        for name in ("topology_days", "flows_days", "metrics_days", "packets_days"):
            if not 0 < getattr(self, name) <= MOST_DAYS:
                raise ValueError(f"{name} must be greater than 0 and at most {MOST_DAYS}, got {getattr(self, name)}")
        if not 0 < self.keyframe_hours < math.inf:
            raise ValueError(f"keyframe_hours must be greater than 0, got {self.keyframe_hours}")
        if self.memory_mib < 128:
            raise ValueError(f"memory_mib must be at least 128, got {self.memory_mib}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")

    @property
    def keyframe_ms(self) -> int:
        """Milliseconds between keyframes: at least four must fit into what is kept."""
        return int(min(self.keyframe_hours, self.topology_days * 24 / 4) * 3_600_000)
