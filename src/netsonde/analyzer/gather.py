# SPDX-License-Identifier: Apache-2.0
"""Ask many agents the same thing at once, and say who did not answer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from netsonde.bus.connection import Bus
from netsonde.errors import SourceLost, UserError, WireError
from netsonde.observe import logger

T = TypeVar("T")
log = logger("analyzer")

ANSWER_WITHIN = 3.0
"""Seconds of silence after which an agent is left out of an answer."""
MOST_BYTES = 1024 * 1024 * 1024
"""Of one agent's answer; it has no reason to keep as much, and must not take the analyzer's memory."""


@dataclass(slots=True)
class Gathered:
    """What came back, in the order of the hosts asked."""

    by_host: dict[str, list[bytes]] = field(default_factory=dict)
    missing_hosts: list[str] = field(default_factory=list)

    @property
    def items(self) -> list[bytes]:
        return [item for items in self.by_host.values() for item in items]

    def each(self, read: Callable[[Sequence[bytes]], Iterable[T]]) -> list[T]:
        """Return what `read` makes of each agent's items; of whom it raises WireError nothing is taken.

        One agent that says nonsense must not keep anybody from what all others say.
        """
        found: list[T] = []
        for host, items in self.by_host.items():
            try:
                found += read(items)
            except WireError as bad:
                log.warning("an agent's answer is not understood", host=host, reason=str(bad)[:300])
                self.miss(host)
        return found

    def miss(self, host: str) -> None:
        """Note that a host's answer is not complete."""
        self.missing_hosts = sorted({*self.missing_hosts, host})


async def ask_agents(bus: Bus, hosts: Iterable[str], verb: str, request: bytes) -> Gathered:
    """Return the items of all answers; an agent that breaks off counts as missing, what it sent is kept."""
    return await ask_each(bus, verb, dict.fromkeys(hosts, request))


async def ask_each(bus: Bus, verb: str, requests: Mapping[str, bytes]) -> Gathered:
    """Return the same of agents that are asked different things; `requests` by host."""
    gathered = Gathered({host: [] for host in requests})

    async def ask(host: str, request: bytes) -> None:
        try:
            async with aclosing(bus.call(host, verb, request, timeout=ANSWER_WITHIN)) as items:
                length = 0
                async for item in items:
                    gathered.by_host[host].append(item)
                    length += len(item)
                    if length > MOST_BYTES:
                        raise SourceLost(f"{host} answers with more than {MOST_BYTES} bytes")
        except (SourceLost, UserError) as failed:
            # An agent that refuses, since it is of another version or lies, is not the asker's mistake.
            log.debug("an agent does not answer", host=host, verb=verb, reason=str(failed))
            gathered.miss(host)

    async with asyncio.TaskGroup() as group:
        for host, request in requests.items():
            group.create_task(ask(host, request), name=f"ask.{verb}.{host}")
    return gathered
