# SPDX-License-Identifier: Apache-2.0
"""What agents report, for checks: as it passes on the bus, and what agents and history keep."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from netsonde.analyzer.flows import FlowService
from netsonde.analyzer.packets import PacketService
from netsonde.bus.connection import Bus
from netsonde.bus.overhear import overhear
from netsonde.model.flows import FlowAnswer, FlowRequest, PacketRequest


class AgentReports:
    """Implements `Reports` of checks."""

    def __init__(self, bus: Bus, packets: PacketService, flows: FlowService) -> None:
        self._bus = bus
        self._packets = packets
        self._flows = flows

    def overhear(self, kind: Literal["flows", "packets"]) -> AsyncGenerator[bytes | None, None]:
        return overhear(self._bus, kind)

    async def packets(self, request: PacketRequest) -> Sequence[bytes]:
        return await self._packets.packets(request)

    async def flows(self, request: FlowRequest) -> FlowAnswer:
        return await self._flows.flows(request)
