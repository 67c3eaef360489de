# SPDX-License-Identifier: Apache-2.0
"""What agents report, for checks: as it passes on the bus, and what agents and history keep."""

import time
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import msgspec

from netsonde.analyzer.flows import FlowService
from netsonde.analyzer.gather import ask_agents
from netsonde.bus.connection import Bus
from netsonde.bus.overhear import overhear
from netsonde.errors import SourceLost
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketRequest
from netsonde.query import HistorySource


class AgentReports:
    """Implements `Reports` of checks."""

    def __init__(self, bus: Bus, flows: FlowService, history: HistorySource | None) -> None:
        self._bus = bus
        self._flows = flows
        self._history = history

    def overhear(self, kind: Literal["flows", "packets"]) -> AsyncGenerator[bytes | None, None]:
        return overhear(self._bus, kind)

    async def packets(self, request: PacketRequest, host: str) -> Sequence[bytes]:
        found = await ask_agents(self._bus, [host], "packets", msgspec.json.encode(request))
        if found.missing_hosts:
            raise SourceLost(f"the agent of {host} does not answer")
        if self._history is None:
            return found.items
        return [*found.items, *await self._history.packets(request, 0, time.time_ns() // 1_000_000)]

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        return await self._flows.flows(request)
