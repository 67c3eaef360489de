# SPDX-License-Identifier: Apache-2.0
"""The processes that are there, followed in the bucket `hosts`."""

from collections.abc import Callable

from netsonde.bus.connection import Bus
from netsonde.bus.presence import hosts_bucket, presence_key
from netsonde.model.presence import Presence
from netsonde.observe import logger

log = logger("analyzer")


class Hosts:
    """Presences by key, kept up to date by `run`; `on_agent_gone` hears of agents whose entry went."""

    def __init__(self, bus: Bus, own_key: str = "") -> None:
        """`own_key` is this analyzer's entry: other hosts' clocks are compared with its."""
        self._bus = bus
        self._own_key = own_key
        self._present: dict[str, Presence] = {}
        self._ahead_ms: dict[str, int] = {}
        self.on_agent_gone: Callable[[str], None] = lambda _: None
        self.on_change: Callable[[], None] = lambda: None
        self.known = False
        """Whether the bucket was read once."""

    def all(self) -> list[Presence]:
        return sorted(self._present.values(), key=lambda one: (one.service, one.host))

    def agents(self) -> list[str]:
        """Return the hosts whose agent is there."""
        return [one.host for one in self.all() if one.service == "agent"]

    def clock_ahead_ms(self, one: Presence) -> int | None:
        """Return by how much a host's clock is ahead of this analyzer's, negative = behind; None = not known.

        Each is compared with the time at which the bus stored its entry, so what the entry took to get there and how
        old it is do not matter, nor does the clock of the bus. It is right to what storing an entry takes.
        """
        theirs, ours = self._ahead_ms.get(presence_key(one)), self._ahead_ms.get(self._own_key)
        return None if theirs is None or ours is None else theirs - ours

    def _note(self, key: str, value: Presence, stored_ns: int) -> None:
        if presence_key(value) != key:
            # The bus lets an agent write its own entry, and does not look at what it says there.
            self._bus.health.count("presences_refused")
            log.warning("an entry among the hosts is refused: it is another's", key=key, says=presence_key(value)[:200])
            return
        self._present[key] = value
        if value.at_ms and stored_ns:
            self._ahead_ms[key] = value.at_ms - stored_ns // 1_000_000

    async def run(self) -> None:
        bucket = await hosts_bucket(self._bus)
        async for entry in bucket.watch():
            if entry.kind == "current":
                self.known = True
            elif entry.value is not None:
                self._note(entry.key, entry.value, entry.stored_ns)
            else:
                self._ahead_ms.pop(entry.key, None)
                gone = self._present.pop(entry.key, None)
                if gone is not None and gone.service == "agent":
                    self.on_agent_gone(gone.host)
            self.on_change()
