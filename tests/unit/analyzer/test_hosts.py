# SPDX-License-Identifier: Apache-2.0
"""The processes on the bus, and by how much their clocks differ from the analyzer's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from netsonde.analyzer.hosts import Hosts
from netsonde.bus.buckets import Entry
from netsonde.model.presence import Presence
from netsonde.observe import Health

AGENT = Presence("agent", "h1", "1", 1, 0, "", [])
ANALYZER = Presence("analyzer", "a1", "1", 1, 0, "", [])
NS = 1_000_000


class FakeBus:
    """Has one bucket, whose watch yields what it is given."""

    def __init__(self, *entries: Entry[Presence]) -> None:
        self._entries = entries
        self.health = Health("bus")

    async def bucket(self, *_: Any, **__: Any) -> "FakeBus":
        return self

    async def watch(self) -> AsyncIterator[Entry[Presence]]:
        for entry in self._entries:
            yield entry


def beat(one: Presence, at_ms: int, stored_ms: int) -> Entry[Presence]:
    """Return a heartbeat: written at a time of the host's clock, stored at one of the bus's."""
    key = f"{one.service}.{one.host}"
    return Entry("put", key, msgspec.structs.replace(one, at_ms=at_ms), 1, stored_ms * NS)


def seen(*entries: Entry[Presence]) -> Hosts:
    bus: Any = FakeBus(*entries)
    hosts = Hosts(bus, "analyzer.a1")
    asyncio.run(hosts.run())
    return hosts


def test_neither_the_clock_of_the_bus_nor_the_age_of_an_entry_matters() -> None:
    # The bus is 1000 s behind; the agent wrote long ago, and its clock is 90 s ahead of the analyzer's.
    hosts = seen(beat(AGENT, 5_090_000, 4_000_000), beat(ANALYZER, 9_000_000, 8_000_000))
    assert hosts.clock_ahead_ms(AGENT) == 90_000
    assert hosts.clock_ahead_ms(ANALYZER) == 0


def test_a_clock_is_not_known_before_both_have_said_what_time_it_is() -> None:
    assert seen(beat(AGENT, 5, 4)).clock_ahead_ms(AGENT) is None
    old = Entry("put", "agent.h1", AGENT, 1, 4 * NS)
    assert seen(old, beat(ANALYZER, 5, 5)).clock_ahead_ms(AGENT) is None


def test_an_agent_that_goes_takes_its_clock_along() -> None:
    hosts = seen(beat(ANALYZER, 5, 5), beat(AGENT, 5, 5), Entry("delete", "agent.h1"))
    assert (hosts.agents(), hosts.clock_ahead_ms(AGENT)) == ([], None)


def test_an_agent_cannot_be_there_for_another_one_nor_as_an_analyzer() -> None:
    lies = [Entry("put", "agent.liar", one, 1, NS) for one in (AGENT, ANALYZER)]
    assert seen(*lies, Entry("delete", "agent.liar")).all() == []
    assert seen(beat(AGENT, 5, 5), *lies).all() == [msgspec.structs.replace(AGENT, at_ms=5)]
