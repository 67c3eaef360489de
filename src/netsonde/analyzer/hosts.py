# SPDX-License-Identifier: Apache-2.0
"""The processes that are there, followed in the bucket `hosts`."""

from collections.abc import Callable

from netsonde.bus.connection import Bus
from netsonde.bus.presence import hosts_bucket
from netsonde.model.presence import Presence


class Hosts:
    """Presences by key, kept up to date by `run`; `on_agent_gone` hears of agents whose entry went."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._present: dict[str, Presence] = {}
        self.on_agent_gone: Callable[[str], None] = lambda _: None
        self.on_change: Callable[[], None] = lambda: None
        self.known = False
        """Whether the bucket was read once."""

    def all(self) -> list[Presence]:
        return sorted(self._present.values(), key=lambda one: (one.service, one.host))

    def agents(self) -> list[str]:
        """Return the hosts whose agent is there."""
        return [one.host for one in self.all() if one.service == "agent"]

    async def run(self) -> None:
        bucket = await hosts_bucket(self._bus)
        async for entry in bucket.watch():
            if entry.kind == "current":
                self.known = True
            elif entry.value is not None:
                self._present[entry.key] = entry.value
            else:
                gone = self._present.pop(entry.key, None)
                if gone is not None and gone.service == "agent":
                    self.on_agent_gone(gone.host)
            self.on_change()
