# SPDX-License-Identifier: Apache-2.0
"""Who is there: one entry a process in the bucket `hosts` (key `<service>.<host>`), refreshed, gone by TTL."""

from typing import Literal

import msgspec


class ComponentHealth(msgspec.Struct, frozen=True):
    """State of a probe, engine or task of a process; counters are cumulative since its start."""

    name: str
    state: Literal["starting", "running", "failed", "stopped"]
    reason: str
    since_ms: int
    counters: dict[str, int]


class Presence(msgspec.Struct, frozen=True):
    """One process of Netsonde on one host."""

    service: Literal["agent", "analyzer"]
    host: str
    version: str
    pid: int
    started_ms: int
    address: str
    """Where its API listens, "" for an agent."""
    components: list[ComponentHealth]
