# SPDX-License-Identifier: Apache-2.0
"""Who is there: one entry a process in the bucket `hosts` (key `<service>.<host>`), refreshed, gone by TTL."""

from typing import Literal

import msgspec


class ComponentHealth(msgspec.Struct, frozen=True):
    """State of a probe, engine or task of a process; counters are cumulative since its start."""

    name: str
    state: Literal["starting", "running", "absent", "failed", "stopped"]
    reason: str
    since_ms: int
    counters: dict[str, int]


class HostAbility(msgspec.Struct, frozen=True):
    """One thing that an agent can or cannot do on its host."""

    name: str
    ok: bool
    reason: str = ""
    """Why not, "" when it can."""
    purpose: str = ""
    """What it is needed for."""


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
    at_ms: int = 0
    """When it was written, by the host's own clock; 0 = by a version that does not say."""
    kernel: str = ""
    abilities: list[HostAbility] = []
    """What an agent can do there; empty for an analyzer, which needs nothing of it."""
