# SPDX-License-Identifier: Apache-2.0
"""Ask many agents the same thing at once, and say who did not answer."""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from netsonde.bus.connection import Bus
from netsonde.errors import SourceLost

ANSWER_WITHIN = 3.0
"""Seconds of silence after which an agent is left out of an answer."""


@dataclass(slots=True)
class Gathered:
    """What came back, in the order of the hosts asked."""

    items: list[bytes] = field(default_factory=list)
    missing_hosts: list[str] = field(default_factory=list)


async def ask_agents(bus: Bus, hosts: Iterable[str], verb: str, request: bytes) -> Gathered:
    """Return the items of all answers; an agent that breaks off counts as missing, what it sent is kept."""
    asked = list(hosts)
    found: dict[str, list[bytes]] = {host: [] for host in asked}
    gathered = Gathered()

    async def ask(host: str) -> None:
        try:
            async with aclosing(bus.call(host, verb, request, timeout=ANSWER_WITHIN)) as items:
                async for item in items:
                    found[host].append(item)
        except SourceLost:
            gathered.missing_hosts.append(host)

    async with asyncio.TaskGroup() as group:
        for host in asked:
            group.create_task(ask(host), name=f"ask.{verb}.{host}")
    gathered.items = [item for host in asked for item in found[host]]
    gathered.missing_hosts.sort()
    return gathered
