# SPDX-License-Identifier: Apache-2.0
"""Ask many agents the same thing at once, and say who did not answer."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from netsonde.bus.connection import Bus
from netsonde.errors import SourceLost

ANSWER_WITHIN = 3.0
"""Seconds of silence after which an agent is left out of an answer."""


@dataclass(slots=True)
class Gathered:
    """What came back, in the order of the hosts asked."""

    by_host: dict[str, list[bytes]] = field(default_factory=dict)
    missing_hosts: list[str] = field(default_factory=list)

    @property
    def items(self) -> list[bytes]:
        return [item for items in self.by_host.values() for item in items]


async def ask_agents(bus: Bus, hosts: Iterable[str], verb: str, request: bytes) -> Gathered:
    """Return the items of all answers; an agent that breaks off counts as missing, what it sent is kept."""
    return await ask_each(bus, verb, dict.fromkeys(hosts, request))


async def ask_each(bus: Bus, verb: str, requests: Mapping[str, bytes]) -> Gathered:
    """Return the same of agents that are asked different things; `requests` by host."""
    gathered = Gathered({host: [] for host in requests})

    async def ask(host: str, request: bytes) -> None:
        try:
            async with aclosing(bus.call(host, verb, request, timeout=ANSWER_WITHIN)) as items:
                async for item in items:
                    gathered.by_host[host].append(item)
        except SourceLost:
            gathered.missing_hosts.append(host)

    async with asyncio.TaskGroup() as group:
        for host, request in requests.items():
            group.create_task(ask(host, request), name=f"ask.{verb}.{host}")
    gathered.missing_hosts.sort()
    return gathered
